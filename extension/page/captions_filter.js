// The filter above the pictures: a query, how many it leaves, what is wrong with it, and the selection.

import { debounced, h, setAttribute, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { menu, tell } from "./parts.js";

const ASK_AFTER = 220;
const EXAMPLES = [
  ["has:boots not:hat", () => t("with the tag boots, without the tag hat")],
  ["has:*boots or has:shoes", () => t("* stands for any letters; or for one of both")],
  ['not (has:smile or has:"open mouth")', () => t("brackets, and quotation marks around a tag of several words")],
  ["count<5", () => t("fewer than 5 tags; also length>300 in letters")],
  ["name:penny_* folder:10_penny", () => t("by the file's name and the folder's")],
];

export function captionFilter(model) {
  const field = h("input", {
    type: "search",
    class: "lw-input lw-filter",
    id: "lw-filter",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: t("all pictures; for instance: {example}", { example: "has:boots not:hat" }),
    "aria-describedby": "lw-filter-wrong lw-filter-count",
  });
  const label = h("label", { class: "lw-top-label", htmlFor: "lw-filter" }, t("filter"));
  const only = h("span", { class: "lw-only", hidden: true });
  const back = h("button", { type: "button", class: "lw-link", on: { click: () => model.setFilter(model.filter) } });
  const told = h("span", { class: "lw-dim", id: "lw-filter-count", role: "status" });
  const chosen = h("span", { class: "lw-selected-count", hidden: true });
  const clear = h("button", { type: "button", class: "lw-link", on: { click: () => model.select([]) } }, t("deselect"));
  const all = h("button", { type: "button", class: "lw-link", on: { click: () => selectAll(model) } }, t("select all"));
  const wrong = h("p", { class: "lw-error", id: "lw-filter-wrong", role: "alert", hidden: true });
  const words = h("span");
  const number = h("span");
  only.append(words, " ", back);
  chosen.append(number, " ", clear);

  const ask = debounced(ASK_AFTER, () => model.setFilter(field.value.trim()));
  field.addEventListener("input", (event) => event.isComposing || ask());
  field.addEventListener("compositionend", ask);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    ask.cancel();
    model.setFilter(field.value.trim());
  });
  const help = menu("?", (panel) => fillHelp(panel, field, model), { kind: "lw-small", title: t("How to filter") });

  const look = () => {
    if (document.activeElement !== field || !ask.waiting()) field.value = model.filter;
    setText(told, t("{count} of {all}", { count: count(model.count), all: count(model.pictures) }));
    setText(words, model.only?.label ?? "");
    setText(back, model.filter ? t("filter again") : t("show all again"));
    show(only, model.only);
    tell(wrong, model.wrong);
    setAttribute(field, "aria-invalid", model.wrong ? "true" : null);
    const { size } = model.selected;
    setText(number, size === 1 ? t("1 selected") : t("{count} selected", { count: count(size) }));
    show(chosen, size);
    show(all, !size && model.count);
  };
  for (const topic of ["list", "wrong", "selection"]) model.on(topic, look);
  const line = h("div", { class: "lw-line lw-filter-line" }, label, field, help.element, told, all, chosen);
  return { element: h("div", { class: "lw-filter-part" }, line, only, wrong), focus: () => field.focus() };
}

export function selectAll(model) {
  model.select(model.numbers ?? Array.from({ length: model.pictures }, (_, number) => number));
}

function fillHelp(panel, field, model) {
  const rows = EXAMPLES.map(([query, words]) => {
    const take = () => {
      field.value = query;
      model.setFilter(query);
      field.focus();
    };
    return h(
      "li",
      {},
      h("button", { type: "button", class: "lw-link", on: { click: take } }, h("code", {}, query)),
      " ",
      words(),
    );
  });
  const after = t("Words one after the other must all hold. A press on a tag of the list adds it.");
  panel.append(h("ul", { class: "lw-filter-help" }, rows), h("p", { class: "lw-dim" }, after));
}

/** The part of a query that asks for a tag; a quotation mark within it can't be written, and ? stands for it. */
export function hasTag(tag) {
  return `has:"${tag.replaceAll('"', "?")}"`;
}

/** Adds a part to the query, or takes it out where it is there. */
export function toggled(filter, part) {
  if (filter === part) return "";
  if (filter.endsWith(` ${part}`)) return filter.slice(0, -part.length - 1);
  if (filter.startsWith(`${part} `)) return filter.slice(part.length + 1);
  if (filter.includes(` ${part} `)) return filter.replace(` ${part} `, " ");
  return /\bor\b/i.test(filter) ? `(${filter}) ${part}` : `${filter} ${part}`.trim();
}
