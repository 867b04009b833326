// What mends a problem of the plan: the trainer's own mend, which can be taken back, or the place where it can be changed by hand.

import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { changeWords } from "./next_run.js";
import { button, errorLine, tell } from "./parts.js";

const ABOVE = { train_data_dir: "dataset", pretrained_model_name_or_path: "base_model" }; // chosen in the top bar

/**
 * {element, buttonOf}: the line that tells the last mend, with Undo, and the button of a problem, or null. `showCrops()` opens
 * what is cut off the pictures.
 */
export function mending(app, form, showCrops) {
  const { api, store } = app;
  const line = errorLine();
  const words = h("span", { class: "lw-mended-words", role: "status" });
  const undo = button(t("Undo"), () => takeBack(), { line, kind: "lw-small", id: "lw-mend-undo" });
  const told = h("div", { class: "lw-mended", id: "lw-mended", hidden: true }, h("span", { class: "lw-sign lw-good", "aria-hidden": "true" }, "✔"), words, undo);
  const element = h("div", {}, told, line);
  let last = null;

  const mend = async (code) => {
    await store.flush();
    const project = store.project.name;
    const answer = knownMend(store, code) ?? (await api.post("plan/fix", { code, settings: store.runSettings() }));
    if (project !== store.project?.name) return;
    last = { ...answer, project };
    apply(answer.changes, "after");
    setText(words, answer.message);
    show(undo, answer.changes.length || answer.undo);
    show(told, true);
    app.planAnew();
  };
  const takeBack = async () => {
    const { changes, undo: files, project } = last;
    if (files) await api.post("plan/unfix", { ...files, settings: store.runSettings() });
    if (project !== store.project?.name) return;
    apply(changes, "before");
    last = null;
    show(told, false);
    app.planAnew();
  };
  const apply = (changes, when) => {
    const settings = {};
    const other = {};
    for (const one of changes) {
      if (one.name in ABOVE) other[ABOVE[one.name]] = one[when] ?? "";
      else settings[one.name] = one[when];
    }
    if (changes.length) store.change({ settings, ...other });
  };
  store.on("opened", () => {
    tell(line, "");
    show(told, last?.project === store.project?.name);
  });
  const buttonOf = (problem) => {
    if (problem.fixable || knownMend(store, problem.code)) return button(t("Mend"), () => mend(problem.code), { line, kind: "lw-small" });
    const place = placeOf(app, form, problem, showCrops);
    return place && h("button", { type: "button", class: "lw-button lw-small", on: { click: place.work } }, place.label);
  };
  return { element, buttonOf };
}

/**
 * A mend that came with the plan: another output name, or for a run that is too large for the GPU the settings that the forecast
 * found to make it fit, together.
 */
function knownMend({ plan, project }, code) {
  const lighter = code === "memory-above-card" ? (plan?.data?.forecast?.memory?.lighter ?? []).map((one) => one.settings) : [];
  const own = (plan?.data?.problems ?? []).filter((one) => one.code === code && one.settings).map((one) => one.settings);
  const settings = Object.assign({}, ...lighter, ...own);
  if (!Object.keys(settings).length) return null;
  const changes = Object.entries(settings).map(([name, after]) => ({ name, before: project.settings?.[name] ?? null, after }));
  return { changes, undo: null, message: t("Changed {changes}.", { changes: changes.map(changeWords).join(", ") }) };
}

/** Where the cause of a problem can be changed on this page. */
function placeOf(app, form, problem, showCrops) {
  if (problem.code === "lw-no-dataset") return { label: t("Choose"), work: () => app.chooseDataset() };
  if (problem.code === "lw-no-base") return { label: t("Choose"), work: () => app.root.querySelector("#lw-base").focus() };
  if (problem.code === "crop-loss") return { label: t("Show the crops"), work: showCrops };
  if (/^reg-/.test(problem.code)) return { label: t("To Reg images"), work: () => app.showTab("reg") };
  if (/^caption/.test(problem.code)) return { label: t("To Tag"), work: () => app.showTab("tag") };
  const named = /\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b/g;
  const name = [...`${problem.message} ${problem.fix ?? ""}`.matchAll(named)].map(([word]) => word).find(form.knows);
  return name ? { label: t("To the setting"), work: () => form.reveal(name) } : null;
}
