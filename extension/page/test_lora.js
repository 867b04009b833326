// Which LoRA is looked at: a run of the project, some or all of its snapshots, and files of other runs.

import { h, keyed, setAttribute, setText, show } from "./dom.js";
import { baseName, moment } from "./format.js";
import { t } from "./i18n.js";
import { row } from "./tag_options.js";
import { testValues } from "./test_values.js";

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

/** Files of the user's: LoRAs of other runs, or further checkpoints. `known()` → [{name, path}] to choose from. */
export function filesPart(app, name, { label, help, placeholder, known }) {
  const { store } = app;
  const id = `lw-test-${name}`;
  const list = h("ul", { class: "lw-test-files" });
  const field = h("input", { type: "text", class: "lw-input", id, spellcheck: "false", placeholder, list: `${id}-known` });
  const choices = h("datalist", { id: `${id}-known` });
  const add = h("button", { type: "button", class: "lw-button lw-small", on: { click: () => take() } }, t("Add"));
  const take = () => {
    const words = field.value.trim();
    if (!words) return;
    const path = known().find((one) => one.name === words)?.path ?? words;
    field.value = "";
    const paths = testValues(store)[name];
    if (!paths.includes(path)) store.change({ test: { [name]: [...paths, path] } });
  };
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    take();
  });
  const element = h("div", {}, row(id, label, help, field, choices, add), list);
  const put = () => {
    const paths = testValues(store)[name];
    const names = known().map((one) => one.name);
    if (choices.children.length !== names.length) choices.replaceChildren(...names.map((one) => h("option", { value: one })));
    list.replaceChildren(...paths.map((path) => item(path, () => out(path))));
    show(list, paths.length);
  };
  const out = (path) => store.change({ test: { [name]: testValues(store)[name].filter((one) => one !== path) } });
  return { element, put };
}

function item(path, out) {
  const words = h("span", { title: path });
  setText(words, baseName(path));
  const label = t("take {name} out", { name: baseName(path) });
  const button = h("button", { type: "button", class: "lw-chip-out", "aria-label": label, on: { click: out } }, "×");
  return h("li", {}, words, " ", button);
}
