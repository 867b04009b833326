// The LoRAs that are merged: a row each, with its strength, those of its parts, and block weights.

import { h, show } from "./dom.js";
import { fileChoice, loraGroups } from "./file_choice.js";
import { t } from "./i18n.js";
import { numberInput } from "./tools_fields.js";

const MOST = 20;
const RANGE = { low: -100, high: 100, whole: false };

export function mergeForm(model) {
  const list = h("div", { class: "lw-tools-loras", role: "list", "aria-label": t("LoRAs to merge") });
  const add = h("button", { type: "button", class: "lw-button lw-small", id: "lw-tools-merge-add" }, t("Add a LoRA"));
  const all = () => model.values("merge").loras;
  const change = (number, values) =>
    model.change("merge", { loras: all().map((one, place) => (place === number ? { ...one, ...values } : one)) });
  add.addEventListener("click", () => model.change("merge", { loras: [...all(), { path: "", ratio: 1 }] }));
  const rows = [];
  const look = () => {
    const loras = all();
    while (rows.length > loras.length) rows.pop().element.remove();
    while (rows.length < loras.length) {
      rows.push(loraRow(model, rows.length, { get: (number) => all()[number], change, out }));
      list.append(rows.at(-1).element);
    }
    rows.forEach((one) => one.put(loras.length));
    show(add, loras.length < MOST);
  };
  const out = (number) => model.change("merge", { loras: all().filter((_, place) => place !== number) });
  for (const topic of ["known", "values"]) model.on(topic, look);
  look();
  return h("div", { class: "lw-tools-merge" }, list, add);
}

function loraRow(model, number, { get, change, out }) {
  const id = `lw-tools-merge-${number + 1}`;
  const choice = fileChoice({
    id,
    none: t("choose …"),
    groups: () => loraGroups(model.loras()),
    get: () => get(number)?.path ?? "",
    set: (path) => change(number, { path }),
  });
  choice.parts[0].setAttribute("aria-label", t("LoRA {number}", { number: number + 1 }));
  const inputs = [
    ["ratio", t("strength")],
    ["te", t("of it, text encoder")],
    ["unet", t("of it, UNet")],
  ].map(([name, label]) => ({
    label,
    id: `${id}-${name}`,
    ...numberInput({
      ...RANGE,
      id: `${id}-${name}`,
      label,
      get: () => get(number)?.[name] ?? 1,
      set: (value) => change(number, { [name]: value }),
      tell: () => null,
    }),
  }));
  const weights = h("input", {
    type: "text",
    class: "lw-input",
    id: `${id}-weights`,
    list: "lw-tools-presets",
    placeholder: t("block weights"),
    "aria-label": t("block weights"),
    autocomplete: "off",
    spellcheck: "false",
  });
  weights.addEventListener("input", () => change(number, { block_weights: weights.value.trim() }));
  const label = t("take {name} out", { name: t("LoRA {number}", { number: number + 1 }) });
  const remove = h(
    "button",
    { type: "button", class: "lw-chip-out", "aria-label": label, on: { click: () => out(number) } },
    "×",
  );
  const element = h(
    "div",
    { class: "lw-tools-lora", role: "listitem" },
    h("div", { class: "lw-line lw-tools-lora-file" }, choice.parts, remove),
    h(
      "div",
      { class: "lw-tools-strengths" },
      inputs.map((one) => h("label", { htmlFor: one.id, class: "lw-dim" }, one.label, one.element[0])),
      h("label", { htmlFor: `${id}-weights`, class: "lw-dim" }, t("block weights"), weights),
    ),
    inputs.map((one) => one.element[1]),
  );
  return {
    element,
    put(count) {
      choice.look();
      inputs.forEach((one) => one.put());
      if (document.activeElement !== weights) weights.value = get(number)?.block_weights ?? "";
      show(remove, count > 1);
    },
  };
}
