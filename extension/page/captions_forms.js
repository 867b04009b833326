// The kinds of edits of many captions, each with its fields.

import { h, show } from "./dom.js";
import { tagField } from "./captions_suggest.js";
import { t } from "./i18n.js";
import { tagsOf } from "./tag_text.js";

/** The kinds of edits: each with its fields, and `read()` → the edit, or null while something is missing. */
export function makeForms(model) {
  const known = () => model.known();
  const labelled = (words, control, id) =>
    h("div", { class: "lw-edit-row" }, h("label", { htmlFor: id, class: "lw-edit-label" }, words), control);
  const tags = (id, words, example) => {
    const { element, field } = tagField({ known, id, placeholder: t("for instance: {example}", { example }) });
    return {
      row: labelled(words, element, id),
      field,
      value: () => tagsOf(field.value),
    };
  };
  const text = (id, words, example) => {
    const field = h("input", {
      type: "text",
      class: "lw-input",
      id,
      spellcheck: "false",
      autocomplete: "off",
      placeholder: example ? t("for instance: {example}", { example }) : "",
    });
    return { row: labelled(words, field, id), field };
  };
  const select = (id, words, choices) => {
    const field = h(
      "select",
      { class: "lw-input", id },
      choices.map(([value, label]) => h("option", { value }, label)),
    );
    return { row: labelled(words, field, id), field };
  };

  const added = tags("lw-edit-add", t("which tags"), "red boots, smile");
  const where = select("lw-edit-place", t("place"), [
    ["first", t("in front")],
    ["last", t("at the end")],
    ["at", t("at a place …")],
  ]);
  const spot = h("input", {
    type: "number",
    class: "lw-input lw-number",
    min: "-50",
    max: "50",
    value: "2",
    hidden: true,
    "aria-label": t("place"),
  });
  where.field.value = "last";
  where.field.addEventListener("change", () => show(spot, where.field.value === "at"));
  where.row.append(spot);
  const removed = tags("lw-edit-remove", t("which tags"), "simple background, *footwear");
  const old = tags("lw-edit-old", t("tag"), "boots");
  const fresh = tags("lw-edit-new", t("becomes"), "red boots");
  const word = text("lw-edit-word", t("word"), "red");
  const newWord = text("lw-edit-newword", t("becomes"), "blue");
  const pattern = text("lw-edit-pattern", t("pattern"), "^red (.+)$");
  const result = text("lw-edit-result", t("becomes"), "\\1");
  const moved = tags("lw-edit-move", t("which tags"), "penny");
  const how = select("lw-edit-how", t("order"), [
    ["alphabet", t("by the alphabet")],
    ["frequency", t("most frequent first")],
  ]);
  const keep = h("input", { type: "number", class: "lw-input lw-number", id: "lw-edit-keep", min: "0", max: "20", value: "1" });
  const keepRow = labelled(t("tags in front that stay"), keep, "lw-edit-keep");
  const note = (words) => h("p", { class: "lw-dim" }, words);
  const placeValue = () => (where.field.value === "at" ? Math.trunc(Number(spot.value)) || 1 : where.field.value);

  return [
    {
      kind: "add",
      label: t("Add tags"),
      elements: [added.row, where.row],
      read: () => (added.value().length ? { do: "add", tags: added.value(), place: placeValue() } : null),
      clear: () => (added.field.value = ""),
    },
    {
      kind: "remove",
      label: t("Remove tags"),
      elements: [removed.row, note(t("* and ? stand for letters."))],
      read: () => (removed.value().length ? { do: "remove", tags: removed.value() } : null),
      fill: (tag) => (removed.field.value = tag),
      clear: () => (removed.field.value = ""),
    },
    {
      kind: "replace",
      label: t("Replace a tag"),
      elements: [old.row, fresh.row],
      read: () =>
        old.value().length === 1 && fresh.value().length ? { do: "replace", old: old.value()[0], new: fresh.value() } : null,
      fill(tag) {
        old.field.value = tag;
        fresh.field.value = "";
        fresh.field.focus();
      },
      clear: () => (old.field.value = fresh.field.value = ""),
    },
    {
      kind: "word",
      label: t("Replace a word within tags"),
      elements: [word.row, newWord.row],
      read: () =>
        word.field.value.trim() ? { do: "word", old: word.field.value.trim(), new: newWord.field.value.trim() } : null,
    },
    {
      kind: "regex",
      label: t("Replace by a pattern"),
      elements: [pattern.row, result.row, note(t("A regular expression within each tag; \\1 is its first group."))],
      read: () => (pattern.field.value ? { do: "regex", pattern: pattern.field.value, new: result.field.value } : null),
    },
    {
      kind: "move",
      label: t("Move tags to the front"),
      elements: [moved.row],
      read: () => (moved.value().length ? { do: "move", tags: moved.value(), place: "first" } : null),
    },
    {
      kind: "sort",
      label: t("Sort tags"),
      elements: [how.row, keepRow],
      read: () => ({ do: "sort", how: how.field.value, keep: Math.max(0, Math.trunc(Number(keep.value)) || 0) }),
    },
    { kind: "dedupe", label: t("Take repeated tags out"), elements: [], read: () => ({ do: "dedupe" }) },
  ];
}
