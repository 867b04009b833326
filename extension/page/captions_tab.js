// Captions: on the left the pictures and one picture's tags, in the middle all tags, on the right what is to be done with them.

import { h, setAttribute, setText, show } from "./dom.js";
import { afterChange } from "./captions_change.js";
import { captionBatch } from "./captions_batch.js";
import { captionCheck } from "./captions_check.js";
import { captionDoubts } from "./captions_doubts.js";
import { captionEditor } from "./captions_editor.js";
import { captionFilter, selectAll } from "./captions_filter.js";
import { captionMerges } from "./captions_merges.js";
import { createCaptions } from "./captions_model.js";
import { captionTags } from "./captions_tags.js";
import { count } from "./format.js";
import { gallery } from "./gallery.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { button } from "./parts.js";
import { undoPart } from "./undo.js";

export function buildCaptionsTab(app) {
  const { store } = app;
  const model = createCaptions(app);
  const undo = undoPart(
    app,
    () => model.refresh(),
    () => editor.flush(),
  );
  const changed = async (how) => {
    await (how ? model.refresh(how) : afterChange(model));
    undo.look();
  };
  const editor = captionEditor(app, model, () => undo.look());
  const deeds = { applied: changed, before: () => editor.flush() };
  const batch = captionBatch(app, model, deeds);
  const panels = sidePanels([
    { key: "edit", title: t("Edit"), panel: batch },
    { key: "merge", title: t("Merge"), panel: captionMerges(app, model, deeds) },
    { key: "check", title: t("Check"), panel: captionCheck(app, model, deeds) },
    { key: "doubts", title: t("Unsure"), panel: captionDoubts(app, model, deeds) },
  ]);
  const tags = captionTags(model, (kind, tag) => {
    panels.open("edit");
    batch.prepare(kind, tag);
  });
  const filter = captionFilter(model);
  const shelf = captionGallery(app, model, () => editor.focus());
  const next = app.nextStep("captions");
  const missing = h("p", { class: "lw-error", role: "alert", hidden: true });
  const teach = teachView(app);
  const left = h("div", { class: "lw-captions-left" }, filter.element, missing, shelf.element, editor.element);
  const bottom = h("div", { class: "lw-captions-bottom" }, undo.element, next.element);
  const work = h("div", { class: "lw-captions-work" }, left, tags.element, panels.element, bottom);
  const element = h("section", { class: "lw-captions" }, teach, work);

  const look = () => {
    const dataset = store.project?.dataset;
    show(teach, !dataset);
    show(work, dataset);
    setText(missing, model.error);
    show(missing, model.error);
    next.say(
      t("{captioned} of {count} have captions", { captioned: count(model.captioned), count: count(model.pictures) }) + " · ",
    );
  };
  const opened = () => {
    model.open(store.project?.dataset ?? "");
    undo.look();
    look();
  };
  element.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (event.target.matches("input, textarea")) return; // there it is the field's own undo
    if (control && event.key.toLowerCase() === "z") (event.shiftKey ? undo.redo : undo.undo)();
    else if (control && event.key.toLowerCase() === "y") undo.redo();
    else if (event.key === "/") filter.focus();
    else return;
    event.preventDefault();
  });
  model.on("list", look);
  store.on("captions-filter", () => model.setFilter(recall("captions-filter", {})?.[model.folder] ?? ""));
  store.on("opened", opened);
  store.on("connection", () => store.connected && model.revision >= 0 && model.refresh());
  store.on("dataset", () => {
    if (model.revision >= 0) model.refresh();
    undo.look();
  });
  opened();
  return {
    element,
    shown() {
      if (model.revision >= 0) model.refresh(); // else it is being opened
      undo.look();
      panels.shown();
    },
    left: () => editor.flush(),
  };
}

function captionGallery(app, model, edit) {
  const pictures = {
    get folder() {
      return model.folder;
    },
    get count() {
      return model.count;
    },
    at: (index) => model.at(index),
    on: (listener) => ["list", "captions", "selection"].forEach((topic) => model.on(topic, listener)),
  };
  const toggle = (index) => {
    const number = model.number(index);
    const numbers = new Set(model.selected);
    if (!numbers.delete(number)) numbers.add(number);
    model.anchor = index;
    model.select(numbers);
  };
  const range = (to) => {
    const [first, last] = [model.anchor, to].sort((one, other) => one - other);
    model.select([...model.selected, ...Array.from({ length: last - first + 1 }, (_, step) => model.number(first + step))]);
  };
  const clicked = (index, event) => {
    if (event.target.closest(".lw-thumb-mark") || event.ctrlKey || event.metaKey) toggle(index);
    else if (event.shiftKey) range(index);
    else model.anchor = index;
    return false; // it becomes the picture that is looked at in any case
  };
  const key = (index, event, go, columns) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) selectAll(model);
    else if (event.key === "x") toggle(index);
    else if (event.key === "Escape" && model.selected.size) model.select([]);
    else if (event.key === "Enter") edit();
    else if (event.shiftKey && event.key in steps) {
      if (!model.selected.size) model.anchor = index;
      const to = Math.max(0, Math.min(model.count - 1, index + steps[event.key]));
      range(to);
      go(to);
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  let shelf = null;
  const follow = () => {
    const index = model.current === null ? -1 : model.index(model.current);
    if (shelf && index >= 0 && index !== shelf.at()) shelf.go(index);
  };
  // Before the gallery looks, which would take the picture that is at its place now.
  for (const topic of ["current", "list"]) model.on(topic, follow);
  shelf = gallery(app, pictures, (picture) => model.choose(picture?.number ?? null), {
    name: "captions",
    label: t("Pictures; X selects, Enter edits"),
    empty: t("No picture fits the filter."),
    mark: (picture) => markOf(model, picture),
    isSelected: (index) => model.selected.has(model.number(index)),
    clicked,
    key,
  });
  return shelf;
}

/** A tick for a selected picture, else a ring to select it by; a sign where there is no caption. */
function markOf(model, picture) {
  if (model.selected.has(picture.number)) return { text: "✓", title: t("selected; press to deselect") };
  if (!picture.tags.length) return { text: "∅", title: t("has no caption; press to select") };
  return { text: "○", title: t("press to select"), kind: "choose" };
}

/** Several panels in one place, one of them shown; which one is remembered. */
function sidePanels(list) {
  let open = recall("captions-panel", list[0].key);
  if (!list.some((one) => one.key === open)) open = list[0].key;
  const buttons = list.map(({ key, title }) => {
    const one = h(
      "button",
      { type: "button", class: "lw-segment", id: `lw-side-${key}`, on: { click: () => choose(key) } },
      title,
    );
    return one;
  });
  const strip = h("div", { class: "lw-segments", role: "group", "aria-label": t("What to do") }, buttons);
  const choose = (key) => {
    open = key;
    remember("captions-panel", key);
    list.forEach((one, number) => {
      setAttribute(buttons[number], "aria-pressed", String(one.key === key));
      show(one.panel.element, one.key === key);
    });
    shown();
  };
  const shown = () => list.find((one) => one.key === open).panel.shown();
  const element = h(
    "div",
    { class: "lw-side" },
    strip,
    h(
      "div",
      { class: "lw-side-body" },
      list.map((one) => one.panel.element),
    ),
  );
  list.forEach((one) => show(one.panel.element, one.key === open));
  buttons.forEach((one, number) => setAttribute(one, "aria-pressed", String(list[number].key === open)));
  return { element, open: choose, shown };
}

function teachView(app) {
  return h(
    "div",
    { class: "lw-teach", hidden: true },
    h("p", {}, t("Here captions are looked through and mended: many at once, with a preview, and everything can be undone.")),
    button(t("Choose the folder …"), () => app.chooseDataset(), { kind: "lw-primary" }),
    h("p", { class: "lw-dim" }, t("For instance: take boots out wherever red boots says it already.")),
  );
}
