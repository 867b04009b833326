// Pictures: on the left what was found, on the right the pictures of a finding, and one of them to cut something out of.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { gallery } from "./gallery.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";
import { asidePart } from "./picture_report_aside.js";
import { cropEditor } from "./picture_report_crop.js";
import { facesPart } from "./picture_report_faces.js";
import { madeList } from "./picture_report_made.js";
import { findingList, shortName } from "./picture_report_findings.js";
import { ALL, createReport } from "./picture_report_model.js";
import { askFor } from "./runs.js";
import { makePart } from "./test_make.js";

export function buildPicturesTab(app) {
  const { store } = app;
  const model = createReport(app);
  const ask = (deed, target = "") =>
    askFor(app, "jobs", { kind: "pictures", project: store.project.name, options: { deed, target, faces: faces.chosen() } });
  const faces = facesPart(model);
  const run = makePart(app, {
    kind: "pictures",
    id: "lw-pictures-look",
    topics: ["state"],
    begins: t("It begins …"),
    busy: t("It is at work, or waits for its turn."),
    label: () => lookLabel(model.data),
    whyNot: () => (store.project?.dataset ? "" : t("First choose the folder with your pictures, at the top.")),
    make: () => ask("look"),
  });
  const aside = asidePart(app, model, () => ask("look"));
  const findings = findingList(app, model, ask, aside.setAside);
  const made = madeList(app, model, () => run.look());
  const editor = cropEditor(app, model, made.written, aside.setAside);
  const shelf = gallery(app, model, (picture) => editor.choose(picture), {
    name: "report",
    label: t("Pictures of this finding"),
    empty: t("No picture fits."),
    mark: (picture) => markOf(model, picture),
  });
  const search = h("input", {
    type: "search",
    class: "lw-input",
    id: "lw-pictures-filter",
    placeholder: t("part of a name"),
    "aria-label": t("part of a name"),
    on: { input: () => model.filter(search.value) },
  });
  const heading = h("h3", { class: "lw-pictures-heading" });
  const teach = teachView(app);
  const failed = h("p", { class: "lw-error", role: "alert", hidden: true });
  const next = app.nextStep("pictures");
  const left = h("div", { class: "lw-left" }, h("div", { class: "lw-scroll" }, findings.element), faces.element, run.element);
  const right = h(
    "div",
    { class: "lw-right lw-pictures-right" },
    failed,
    teach,
    h("div", { class: "lw-line lw-pictures-head" }, heading, h("span", { class: "lw-space" }), search),
    shelf.element,
    editor.element,
    made.element,
    aside.element,
    next.element,
  );
  const element = h("section", { class: "lw-pictures" }, left, right);

  let brought = null;
  /** Goes to the picture that another tab asked for, once. */
  const bring = () => {
    const { wanted } = model;
    if (!wanted || wanted === brought || !model.data) return;
    brought = wanted;
    if (!model.data.there) return editor.choose(wanted);
    search.value = "";
    model.filter("");
    model.choose(ALL);
    const at = model.place(wanted.name);
    if (at >= 0) shelf.go(at);
    else editor.choose(wanted); // it came after the report
  };
  const look = () => {
    const there = Boolean(model.data?.there);
    setText(failed, model.error);
    show(failed, model.error);
    show(teach, model.data && !there);
    show(teach.querySelector("button"), !store.project?.dataset);
    for (const part of [shelf.element, right.querySelector(".lw-pictures-head")]) show(part, there);
    for (const part of [made.element, aside.element]) show(part, model.folder);
    const some = model.count === 1 ? t("1 picture") : t("{count} pictures", { count: count(model.count) });
    setText(heading, there ? some : "");
    if (!there || !model.count) editor.choose(there ? null : model.wanted);
    else editor.look();
    faces.look();
    run.look();
    const mends = (model.data?.findings ?? []).filter((one) => one.severity !== "note").length;
    const kinds = mends === 1 ? t("1 kind of things to look at") : t("{count} kinds of things to look at", { count: mends });
    const told = mends ? kinds : t("nothing to mend");
    next.say(there ? `${told} · ` : "");
  };
  let seen = null;
  model.on(() => {
    if (model.data !== seen) {
      made.load();
      aside.load();
    }
    seen = model.data;
    look();
    bring();
  });
  store.on("picture", bring);
  return { element, shown: () => model.load() };
}

function lookLabel(data) {
  if (!data?.there) return t("Look at the pictures");
  return t("Look at {count} pictures again", { count: count(data.pictures) });
}

function markOf(model, picture) {
  const severe = model.faults(picture.name).find((one) => one.severity !== "note");
  const words = model.told(picture.name) || severe?.words || (severe ? shortName(severe.code) : "");
  return { text: severe ? "!" : "", title: words };
}

function teachView(app) {
  const words = t(
    "Here pictures are looked through before they are tagged: too small, blurred, twice, with bars, with things that they should not tell.",
  );
  return h(
    "div",
    { class: "lw-teach", hidden: true },
    h("p", {}, words),
    button(t("Choose the folder …"), () => app.chooseDataset(), {}),
    h("p", { class: "lw-dim" }, t("Nothing is ever deleted or changed: what is cut out becomes a new file with its caption.")),
  );
}
