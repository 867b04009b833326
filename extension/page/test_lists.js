// Lists of a test that grow by one: files that are named, and values that are chosen from what there is.

import { h, show } from "./dom.js";
import { baseName } from "./format.js";
import { t } from "./i18n.js";
import { row } from "./tag_options.js";
import { testValues } from "./test_values.js";

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
    const names = known().map((one) => one.name);
    if (choices.children.length !== names.length) choices.replaceChildren(...names.map((one) => h("option", { value: one })));
    putItems(store, name, list);
  };
  return { element, put };
}

/** Values to choose one by one, each of which can be taken out again. `choices()` → the values. */
export function severalPart({ store }, name, { label, help, choices }) {
  const id = `lw-test-${name.replace("_", "-")}`;
  const list = h("ul", { class: "lw-test-files" });
  const select = h("select", { class: "lw-input", id, "aria-describedby": `${id}-help` });
  select.addEventListener("change", () => store.change({ test: { [name]: [...testValues(store)[name], select.value] } }));
  let shown = "";
  const put = () => {
    const chosen = testValues(store)[name];
    const left = choices().filter((one) => !chosen.includes(one));
    if (shown !== JSON.stringify(left)) {
      shown = JSON.stringify(left);
      const none = h("option", { value: "" }, chosen.length ? t("one more …") : t("none"));
      select.replaceChildren(none, ...left.map((one) => h("option", { value: one }, one)));
    }
    select.value = "";
    putItems(store, name, list);
  };
  return { element: h("div", {}, row(id, label, help, select), list), put };
}

function putItems(store, name, list) {
  const values = testValues(store)[name];
  const out = (value) => store.change({ test: { [name]: testValues(store)[name].filter((one) => one !== value) } });
  list.replaceChildren(...values.map((one) => item(one, () => out(one))));
  show(list, values.length);
}

function item(value, out) {
  const name = baseName(value);
  const words = h("span", { title: value }, name);
  const label = t("take {name} out", { name });
  const button = h("button", { type: "button", class: "lw-chip-out", "aria-label": label, on: { click: out } }, "×");
  return h("li", {}, words, " ", button);
}
