// Which LoRA is looked at: a run of the project, some or all of its snapshots, and files of other runs.

import { h, keyed, setAttribute, show } from "./dom.js";
import { moment } from "./format.js";
import { t } from "./i18n.js";
import { row } from "./tag_options.js";

export function loraPart({ store }, model) {
  const change = (values) => store.change({ test: values });
  const select = h("select", { class: "lw-input", id: "lw-test-run", "aria-describedby": "lw-test-run-help" });
  select.addEventListener("change", () => change({ run: select.value, snapshots: [] }));
  const chips = h("div", { class: "lw-test-chips", role: "group", "aria-label": t("Snapshots to look at") });
  const none = h("p", { class: "lw-why", hidden: true }, t("No training of this project has left a LoRA yet."));
  const all = h("button", { type: "button", class: "lw-link", on: { click: () => change({ snapshots: [] }) } }, t("all"));
  const half = h("button", { type: "button", class: "lw-link", on: { click: () => everyOther() } }, t("every other one"));
  const last = h("button", { type: "button", class: "lw-link", on: { click: () => lastOnly() } }, t("the last"));
  const quick = h("div", { class: "lw-line lw-dim" }, all, half, last);
  const help = t("A training of this project. Each of its snapshots can be drawn, so that the best epoch is found.");
  const chosenRow = row("lw-test-run", t("LoRA"), help, select);
  const element = h("div", { class: "lw-test-part" }, chosenRow, none, chips, quick);
  let shownRuns = "";

  const files = () => model.run()?.files ?? [];
  const everyOther = () => {
    const names = files().map((one) => one.name);
    change({ snapshots: names.filter((_, number) => (names.length - 1 - number) % 2 === 0) });
  };
  const lastOnly = () =>
    change({
      snapshots: files()
        .slice(-1)
        .map((one) => one.name),
    });
  const toggle = (name) => {
    const names = model.snapshots().map((one) => one.name);
    const wanted = names.includes(name) ? names.filter((one) => one !== name) : [...names, name];
    change({ snapshots: wanted.length === files().length ? [] : wanted });
  };

  const look = () => {
    const runs = model.runs ?? [];
    show(none, model.runs && !runs.length);
    show(chosenRow, runs.length);
    const mark = JSON.stringify(runs.map((one) => [one.job, one.name]));
    if (mark !== shownRuns) {
      shownRuns = mark;
      const words = (one) => `${one.name} · ${moment(one.ended ?? one.created)}`;
      select.replaceChildren(...runs.map((one) => h("option", { value: one.job }, words(one))));
    }
    select.value = model.run()?.job ?? "";
    const chosen = new Set(model.snapshots().map((one) => one.name));
    keyed(
      chips,
      files(),
      (one) => one.name,
      (one) => chip(one, toggle),
      (node, one) => setAttribute(node, "aria-pressed", String(chosen.has(one.name))),
    );
    show(chips, files().length > 1);
    show(quick, files().length > 1);
    show(half, files().length > 2);
  };
  model.on("runs", look);
  look();
  return { element };
}

function chip(file, toggle) {
  const press = () => toggle(file.name);
  return h("button", { type: "button", class: "lw-test-chip", title: file.name, on: { click: press } }, snapshotWords(file));
}

/** "e8", "step 150", "last · e20". */
function snapshotWords({ epoch, step, last }) {
  if (last) return t("last");
  return step ? t("step {step}", { step }) : t("e{epoch}", { epoch });
}
