// Asks for the plan when settings have rested for a moment, never in the middle of a composed word; old answers are dropped.

import { debounced } from "./dom.js";
import { isLive } from "./runs.js";

const REST = 400;

/** Keeps store.plan = {busy, data, error} up to date while `wanted()`; returns what asks at once. */
export function keepPlan({ root, api, store }, wanted) {
  let asked = 0;
  let composing = false;
  let last = "";

  const ask = async () => {
    if (composing) return later();
    const settings = store.runSettings();
    const own = (asked += 1);
    last = JSON.stringify(settings);
    store.plan = { ...store.plan, busy: true };
    store.tell("plan");
    let plan;
    try {
      plan = { busy: false, data: await api.post("plan", { settings }), error: "" };
    } catch (error) {
      plan = { busy: false, data: null, error: error.message };
    }
    if (own !== asked) return;
    store.plan = plan;
    store.tell("plan");
  };
  const later = debounced(REST, () => wanted() && ask());

  root.addEventListener("compositionstart", () => (composing = true));
  root.addEventListener("compositionend", () => (composing = false));
  store.on("project", () => {
    if (wanted() && JSON.stringify(store.runSettings()) !== last) later();
  });
  store.on("dataset", () => later());
  // A job may have drawn regularization pictures, or takes or left the same output name.
  const count = () => {
    const open = store.jobs.filter((job) => isLive(job) || job.state === "queued").length;
    return `${open}|${store.jobs.length - open}`;
  };
  let counted = count();
  store.on("jobs", () => {
    if (count() !== counted) later();
    counted = count();
  });
  store.on("opened", () => {
    asked += 1; // an answer for the dataset before must not be taken
    store.plan = null;
    store.tell("plan");
    if (wanted()) later();
  });
  return () => wanted() && ask();
}
