// What the Block weights tab knows: lists, presets, LoRAs; the project's weights; what a LoRA does per block; the prompt's word.
// Its parts listen by topic: "info", "values", "look" (a LoRA was looked into), "word".

import { debounced } from "./dom.js";
import { baseName } from "./format.js";

const ASK_AFTER = 250;
const USUAL = { values: Array(17).fill("1"), preset: "", x: 0.5, te: 1, unet: 1, lora: "" };

/** The project's block weights with what is usual where it has none. */
export function blockValues(store) {
  return { ...USUAL, ...store.project?.blocks };
}

/** A weight as a number, X counted as `x`; null where it is random. */
export function weightOf(word, x) {
  if (word === "R" || word === "U") return null;
  return word.startsWith("X") ? x + Number(word.slice(1) || 0) : Number(word);
}

/** Whether a text is a block's weight, as lora-block-weight reads it. */
export function isWeight(word) {
  return /^([+-]?(\d+(\.\d*)?|\.\d+)|X([+-](\d+(\.\d*)?|\.\d+))?|R|U)$/.test(word);
}

export const hasX = (values) => values.some((word) => word.startsWith("X"));
export const isRandom = (values) => values.some((word) => word === "R" || word === "U");

export function createBlocks({ api, store }) {
  const listeners = new Map();
  let asked = 0;
  let loaded = 0;
  let kept = 0;
  let looked = "";
  const model = {
    info: null, // {lists, loras, presets, without_base, lines, file, shared, reason}
    error: "",
    look: null, // what the LoRA does, by block
    lookError: "",
    looking: false,
    word: "",
    wordLines: [],
    wordError: "",

    on(topic, listener) {
      if (!listeners.has(topic)) listeners.set(topic, new Set());
      listeners.get(topic).add(listener);
    },

    /** The list of blocks that the weights are for. */
    list() {
      const { length } = blockValues(store).values;
      return model.info?.lists.find((one) => one.length === length) ?? null;
    },

    /** Presets for lists of that length, the user's own first; a name of the user's stands for his. */
    presets(length = blockValues(store).values.length) {
      const own = (model.info?.presets ?? []).filter((one) => one.values.length === length);
      const names = new Set(own.map((one) => one.name));
      const built = model.info?.lists.find((one) => one.length === length)?.presets ?? [];
      const others = built.filter((one) => !names.has(one.name));
      return [...own.map((one) => ({ ...one, own: true })), ...others.map((one) => ({ ...one, own: false }))];
    },

    change(changes) {
      store.change({ blocks: changes });
    },

    /** New weights; they are the preset's no longer where they differ. */
    setValues(values) {
      const { preset } = blockValues(store);
      const same = model.presets(values.length).some((one) => one.name === preset && one.values.join() === values.join());
      model.change({ values, preset: same ? preset : "" });
    },

    /** A weight for the blocks that `chosen` picks by name. */
    setBlocks(chosen, word) {
      const { values } = blockValues(store);
      model.setValues(values.map((old, place) => (chosen(model.list().blocks[place].name) ? word : old)));
    },

    take(name) {
      const preset = model.presets().find((one) => one.name === name);
      if (preset) model.change({ values: [...preset.values], preset: preset.name });
    },

    /** The same weights as a list of another length: the preset's own, else each block's, or its neighbour's. */
    setLength(length) {
      const { values, preset } = blockValues(store);
      const known = model.presets(length).find((one) => one.name === preset);
      if (known) return model.change({ values: [...known.values], preset });
      const from = model.list().blocks.map((one) => one.name);
      const to = model.info.lists.find((one) => one.length === length).blocks.map((one) => one.name);
      model.setValues(to.map((name) => values[nearest(from, name)]));
    },

    /** The LoRA that was chosen: {name, path, job, file}, or null. */
    lora() {
      const { lora } = blockValues(store);
      if (!lora) return null;
      const stem = baseName(lora).replace(/\.safetensors$/i, "");
      return model.info?.loras.find((one) => one.path === lora) ?? { name: stem, path: lora, job: "", file: baseName(lora) };
    },

    async load() {
      const own = (loaded += 1);
      const before = kept;
      try {
        const info = await api.get("blocks");
        if (own !== loaded) return;
        if (before !== kept) return model.load(); // it may have the presets of before
        model.info = info;
        model.error = "";
      } catch (error) {
        if (own !== loaded) return;
        model.error = error.message;
      }
      tell("info");
      model.changed();
    },

    /** Changes the presets file. Throws what was refused. */
    async keep(deed) {
      const presets = await api.post("blocks/preset", deed);
      kept += 1;
      Object.assign(model.info, presets);
      tell("info");
      askWord();
    },

    changed() {
      tell("values");
      askWord();
      lookInto();
    },
  };

  const tell = (topic) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };

  const lookInto = async () => {
    const { lora } = blockValues(store);
    if (!model.info || lora === looked) return;
    looked = lora;
    Object.assign(model, { look: null, lookError: "", looking: Boolean(lora) });
    tell("look");
    if (!lora) return;
    try {
      const found = await api.post("blocks/look", { lora });
      if (lora === looked) model.look = found;
    } catch (error) {
      if (lora === looked) model.lookError = error.message;
    }
    if (lora !== looked) return;
    model.looking = false;
    tell("look");
  };

  const askWord = debounced(ASK_AFTER, async () => {
    const { values, preset, x, te, unet } = blockValues(store);
    const name = baseName(model.lora()?.name ?? "");
    asked += 1;
    const own = asked;
    const answer = { word: "", wordLines: [], wordError: "" };
    if (name && model.info) {
      try {
        const told = await api.post("blocks/word", { name, values, preset, x, te, unet });
        Object.assign(answer, { word: told.word, wordLines: told.lines });
      } catch (error) {
        answer.wordError = error.message;
      }
    }
    if (own !== asked) return;
    Object.assign(model, answer);
    tell("word");
  });

  return model;
}

/** The place of a block in another list: its own, else that of the nearest one on its side. */
function nearest(names, name) {
  const side = name.replace(/\d+$/, "");
  const number = Number(name.slice(side.length));
  let best = -1;
  names.forEach((one, place) => {
    if (one.replace(/\d+$/, "") !== side) return;
    const far = (place_) => Math.abs(Number(names[place_].slice(side.length)) - number);
    if (best < 0 || far(place) < far(best)) best = place;
  });
  return best;
}
