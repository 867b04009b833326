// What the Tools tab knows: LoRAs to work on, places for new files, presets; what was chosen for each tool, which the window
// remembers. Its parts listen by topic: "known", "values".

import { recall, remember } from "./memory.js";

const USUAL = {
  extract: { original: "", tuned: "", dim: 192, conv_dim: null, parts: "both", precision: "fp16", velocity: false },
  merge: { loras: [{ path: "", ratio: 1 }, { path: "", ratio: 1 }], base: "", x: 0.5, rank: null, precision: "" },
  resize: { path: "", rank: 16, conv_rank: null, method: "", parameter: null, precision: "" },
  bake: { path: "", block_weights: "", x: 0.5, te: 1, unet: 1 },
  cut: { path: "", rank: 8 },
  convert: { path: "", precision: "" },
  inspect: { path: "" },
};

export function createTools({ api, store }) {
  const listeners = new Map();
  let loaded = 0;
  const model = {
    known: null, // {loras, places, presets}
    error: "",

    on(topic, listener) {
      if (!listeners.has(topic)) listeners.set(topic, new Set());
      listeners.get(topic).add(listener);
    },
    tell(topic) {
      for (const listener of listeners.get(topic) ?? []) listener();
    },

    /** What is chosen for a tool, with its new file's `name` and `place`. */
    values: (tool) => ({ ...USUAL[tool], name: "", place: "loras", ...recall(`tools-${tool}`, {}) }),
    change(tool, changes) {
      remember(`tools-${tool}`, { ...model.values(tool), ...changes });
      model.tell("values");
    },

    async load() {
      const own = (loaded += 1);
      try {
        const known = await api.get("tools");
        if (own !== loaded) return;
        model.known = known;
        model.error = "";
      } catch (error) {
        if (own !== loaded) return;
        model.error = error.message;
      }
      model.tell("known");
    },
    loras: () => model.known?.loras ?? [],
    models: () => store.state.checkpoints ?? [],
    place: (tool) => (model.known?.places.includes(model.values(tool).place) ? model.values(tool).place : "beside"),
    nameOf: (path) => [...model.loras(), ...model.models()].find((one) => one.path === path)?.name ?? path,
  };
  return model;
}
