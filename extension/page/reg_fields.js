// Fields of the Reg images tab: each shows the project's value, never while someone writes in it, and says what is wrong.

import { h, setAttribute, setText, show } from "./dom.js";
import { plain } from "./format.js";
import { t } from "./i18n.js";
import { row } from "./tag_options.js";

/** A line of text, or of tags where `split`; `late`: what is half written says nothing, so it is taken when it is left. */
export function textField(id, label, help, { placeholder = "", split = false, late = false, get, set }) {
  const field = h("input", {
    type: "text",
    class: "lw-input",
    id,
    placeholder,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": `${id}-help`,
  });
  const read = () => {
    if (!split) return field.value;
    const words = field.value.split(",").map((one) => one.trim());
    return words.filter(Boolean);
  };
  if (late) field.addEventListener("change", () => set(read()));
  else {
    field.addEventListener("input", (event) => event.isComposing || set(read()));
    field.addEventListener("compositionend", () => set(read()));
  }
  const element = row(id, label, help, field);
  return {
    element,
    field,
    put() {
      if (document.activeElement === field) return;
      const value = get();
      field.value = Array.isArray(value) ? value.join(", ") : (value ?? "");
    },
  };
}

/** A number between limits; a whole one where `whole`. */
export function numberField(id, label, { low, high, whole = false, get, set }) {
  const field = h("input", { type: "text", inputmode: "decimal", class: "lw-input lw-number", id, autocomplete: "off" });
  const wrong = h("p", { class: "lw-field-error", role: "alert", hidden: true });
  field.addEventListener("input", () => {
    const words = field.value.trim().replace(",", ".");
    const value = Number(words);
    const good = words !== "" && value >= low && value <= high && (!whole || Number.isSafeInteger(value));
    const range = { low: plain(low), high: plain(high) };
    setText(wrong, good ? "" : whole ? t("A whole number from {low} to {high}.", range) : t("From {low} to {high}.", range));
    show(wrong, !good);
    setAttribute(field, "aria-invalid", good ? null : "true");
    if (good) set(value);
  });
  const name = label ? h("label", { htmlFor: id, class: "lw-reg-number-label" }, label) : null;
  return {
    element: h("span", { class: "lw-reg-number" }, name, field),
    wrong,
    put() {
      if (document.activeElement !== field && wrong.hidden) field.value = plain(Number(get() ?? NaN));
    },
  };
}

/** A choice of few: {value: words}. */
export function choiceField(id, choices, { get, set }) {
  const options = Object.entries(choices).map(([value, words]) => h("option", { value }, words));
  const select = h("select", { class: "lw-input", id }, options);
  select.addEventListener("change", () => set(select.value));
  return { element: select, put: () => document.activeElement === select || (select.value = get()) };
}

/** Radios with a few words after each: {value: [label, words]}. */
export function radioField(name, legend, choices, { get, set }) {
  const radios = Object.entries(choices).map(([value, [label, words]]) => {
    const radio = h("input", { type: "radio", name: `lw-${name}`, value, id: `lw-${name}-${value}` });
    radio.addEventListener("change", () => set(value));
    const told = h("label", { htmlFor: radio.id }, label, h("span", { class: "lw-dim" }, ` ${words}`));
    return { radio, element: h("div", { class: "lw-radio" }, radio, told) };
  });
  const element = h(
    "fieldset",
    { class: "lw-modes" },
    h("legend", {}, legend),
    radios.map((one) => one.element),
  );
  return { element, put: () => radios.forEach((one) => (one.radio.checked = one.radio.value === get())) };
}
