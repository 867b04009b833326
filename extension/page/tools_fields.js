// Fields of the Tools tab's forms: each shows what is chosen for its tool, and says what is wrong where it stands.

import { h, setAttribute, setText, show } from "./dom.js";
import { fileChoice, loraGroups } from "./file_choice.js";
import { plain } from "./format.js";
import { t } from "./i18n.js";
import { row } from "./tag_options.js";

/** Fields of one tool. `put()` shows all values; `wrong()` whether a field holds what can't be taken. */
export function toolFields(model, tool) {
  const all = [];
  const bad = new Set();
  const get = (name) => model.values(tool)[name];
  const set = (name, value) => model.change(tool, { [name]: value });
  const idOf = (name) => `lw-tools-${tool}-${name.replace("_", "-")}`;
  const added = (element, put) => {
    all.push(put);
    return element;
  };

  const fields = {
    put: () => all.forEach((put) => put()),
    wrong: () => bad.size > 0,

    lora: (name, label, help) => file(name, label, help, () => loraGroups(model.loras())),
    model: (name, label, help, none) => file(name, label, help, () => [[t("models"), model.models()]], none),

    /** A number between limits, none where it may be `empty`. */
    number(name, label, help, { low, high, whole = true, empty = false, placeholder = "" }) {
      const id = idOf(name);
      const { element, put } = numberInput({
        id,
        label,
        low,
        high,
        whole,
        empty,
        placeholder,
        get: () => get(name),
        set: (value) => set(name, value),
        tell: (good) => (good ? bad.delete(name) : bad.add(name)) && model.tell("values"),
      });
      return added(h("div", {}, row(id, label, help, element[0]), element[1]), put);
    },

    choice(name, label, help, options) {
      const id = idOf(name);
      const select = h(
        "select",
        { class: "lw-input", id, "aria-describedby": `${id}-help`, on: { change: () => set(name, select.value) } },
        options.map(([value, words]) => h("option", { value }, words)),
      );
      return added(row(id, label, help, select), () => (select.value = get(name)));
    },

    flag(name, label, help) {
      const id = idOf(name);
      const box = h("input", { type: "checkbox", id, on: { change: () => set(name, box.checked) } });
      return added(row(id, label, help, box), () => (box.checked = Boolean(get(name))));
    },

    text(name, label, help, { placeholder = () => "", list = null } = {}) {
      const id = idOf(name);
      const field = h("input", { type: "text", class: "lw-input lw-wide", id, autocomplete: "off", spellcheck: "false", list });
      field.setAttribute("aria-describedby", `${id}-help`);
      field.addEventListener("input", (event) => event.isComposing || set(name, field.value));
      field.addEventListener("compositionend", () => set(name, field.value));
      const put = () => {
        if (document.activeElement !== field) field.value = get(name) ?? "";
        field.placeholder = placeholder();
      };
      return added(row(id, label, help, field), put);
    },
  };

  const file = (name, label, help, groups, none = t("choose …")) => {
    const id = idOf(name);
    const choice = fileChoice({
      id,
      groups,
      none,
      get: () => get(name),
      set: (path) => set(name, path),
      describedBy: `${id}-help`,
    });
    return added(row(id, label, help, choice.parts), choice.look);
  };
  return fields;
}

/** [field, line for what is wrong] of a number, and how it is shown. */
export function numberInput({ id, label, low, high, whole, empty = false, placeholder = "", get, set, tell }) {
  const field = h("input", {
    type: "text",
    inputmode: "decimal",
    class: "lw-input",
    id,
    autocomplete: "off",
    placeholder,
    "aria-label": label,
  });
  const line = h("p", { class: "lw-field-error", role: "alert", hidden: true });
  field.addEventListener("input", () => {
    const words = field.value.trim().replace(",", ".");
    const value = Number(words);
    const nothing = empty && words === "";
    const good = nothing || (words !== "" && value >= low && value <= high && (!whole || Number.isInteger(value)));
    const range = { low: plain(low), high: plain(high) };
    setText(line, good ? "" : whole ? t("A whole number from {low} to {high}.", range) : t("From {low} to {high}.", range));
    show(line, !good);
    setAttribute(field, "aria-invalid", good ? null : "true");
    tell(good);
    if (good) set(nothing ? null : value);
  });
  const put = () => {
    const value = get();
    if (document.activeElement !== field && line.hidden) field.value = value === null || value === undefined ? "" : plain(value);
  };
  return { element: [field, line], put };
}
