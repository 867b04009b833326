// What the set of regularization pictures should hold and what it holds, kept up to date while someone looks.

import { debounced } from "./dom.js";
import { t } from "./i18n.js";
import { isLive } from "./runs.js";

const REST = 400;

/** How the project's pictures are made, with what is usual where it says nothing. */
export function regValues(store) {
  const usual = { way: "matched", class_word: "", drop_activation: false, activation: "", count: 50, tags: [], seeds: "same" };
  const drawn = {
    sampler: "DDIM",
    schedule: "Automatic",
    steps: 30,
    cfg: 6,
    negative: "",
    batch_size: 4,
    folder: "",
    taken: "",
  };
  return { ...usual, ...drawn, ...store.project?.reg };
}

/** The options that decide which pictures are made; what the page alone needs is left out. */
export function drawnOptions(store) {
  const { folder: _folder, taken: _taken, ...options } = regValues(store);
  return options;
}

/** The project's jobs that draw sets, and whether one of them goes on or waits. */
export const regJobs = (store) => store.jobs.filter((job) => job.kind === "reg" && job.project === store.project?.name);
export const isDrawing = (store) => regJobs(store).some((job) => isLive(job) || job.state === "queued");

/** What keeps the plan from being asked for, as a sentence; "" where nothing does. */
export function missingFor(store) {
  const { project } = store;
  if (!project?.dataset) return t("First choose the folder with your pictures, at the top.");
  if (!project.base_model) return t("First choose a base model, at the top.");
  const { way, class_word: word, drop_activation: drop } = regValues(store);
  const needed = way === "class" || (way === "matched" && !drop);
  return needed && !word.trim() ? t("First give the class word: what your subject is one of, such as 1girl.") : "";
}

/** A model with {busy, data, error}; `ask()` looks at once, `on(listener)` tells of changes. */
export function createRegPlan({ root, api, store }, ready) {
  const listeners = new Set();
  let asked = 0;
  let last = "";
  let composing = false;
  const plan = { busy: false, data: null, error: "", on: (listener) => listeners.add(listener), ask, look };
  const tell = () => listeners.forEach((listener) => listener());
  const key = () => {
    const { reg_data_dir: _used, ...settings } = store.runSettings(); // decides nothing here
    return JSON.stringify([store.project?.name, settings, drawnOptions(store)]);
  };

  async function ask() {
    if (composing) return later();
    later.cancel(); // what is asked for now is asked for once
    if (!ready()) return;
    const own = (asked += 1);
    last = key();
    plan.busy = true;
    tell();
    const answer = { busy: false, data: null, error: "" };
    try {
      answer.data = await api.post("reg/plan", { settings: store.runSettings(), options: drawnOptions(store) });
    } catch (error) {
      answer.error = error.message;
    }
    if (own !== asked) return;
    Object.assign(plan, answer);
    tell();
  }
  const later = debounced(REST, ask);

  /** Asks soon where something that counts has changed. */
  function look() {
    if (key() === last) return;
    if (ready()) later();
    else forget();
  }
  function forget() {
    asked += 1; // an answer for what was asked before must not be taken
    last = "";
    Object.assign(plan, { busy: false, data: null, error: "" });
    tell();
  }
  store.on("opened", forget);
  root.addEventListener("compositionstart", () => (composing = true));
  root.addEventListener("compositionend", () => (composing = false));
  return plan;
}
