// A next run's settings, found in the Test tab, taken into the Train tab: in place of all that the project had.

import { plain } from "./format.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";

const PLACE = "next-run";

/** Opens Train with the answer's settings, base model and dataset; `words` say there where they come from. */
export async function openAsNextRun(app, { settings, base_model: base, dataset }, words) {
  const { store } = app;
  const gone = Object.fromEntries(Object.keys(store.project.settings ?? {}).map((one) => [one, null]));
  store.change({
    settings: { ...gone, ...settings },
    ...(base && base !== store.project.base_model ? { base_model: base } : {}),
    ...(dataset && dataset !== store.project.dataset ? { dataset } : {}),
  });
  sayWhereFrom(store, words);
  await store.flush();
  app.showTab("train");
  app.root.querySelector("#lw-next-run")?.scrollIntoView({ block: "nearest" }); // it stands above the plan and older runs
}

/** Train says where its settings came from, over a reload too; "" where they are a run of their own by now. */
export function sayWhereFrom(store, words) {
  remember(PLACE, words ? { project: store.project.name, words } : null);
  store.tell("next");
}

export function whereFrom(store) {
  const told = recall(PLACE);
  return told && told.project === store.project?.name ? String(told.words ?? "") : "";
}

/** "unet_lr 0.0001 → 0.00005" */
export function changeWords({ name, before, after }) {
  return `${name} ${valueWords(before)} → ${valueWords(after)}`;
}

/** A setting's value in a sentence. */
export function valueWords(value) {
  if (value === null || value === undefined || value === "") return t("none");
  if (value === true) return t("on");
  if (value === false) return t("off");
  if (Array.isArray(value)) return value.map(valueWords).join(" ");
  return typeof value === "number" ? plain(value) : String(value);
}
