// Tag: on the left how, on the right the pictures; one of them beside what the tagger sees in it.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { gallery } from "./gallery.js";
import { t } from "./i18n.js";
import { createPictures } from "./pictures.js";
import { upload } from "./files_menu.js";
import { button } from "./parts.js";
import { tagOptions } from "./tag_options.js";
import { tagPicture } from "./tag_picture.js";
import { tagRun } from "./tag_run.js";
import { undoPart } from "./undo.js";

export function buildTagTab(app) {
  const { store } = app;
  const pictures = createPictures(app);
  const options = tagOptions(app);
  const undo = undoPart(app, () => pictures.reload());
  const run = tagRun(app, pictures, () => {
    pictures.reload();
    undo.look();
  });
  const detail = tagPicture(app, pictures);
  const shelf = gallery(app, pictures, detail.choose);
  const next = app.nextStep("tag");
  const teach = h(
    "div",
    { class: "lw-teach", hidden: true },
    h("p", {}, t("Here the pictures get their tags. First tell where they are.")),
    h(
      "div",
      { class: "lw-line" },
      button(t("Choose the folder …"), () => app.chooseDataset(), { kind: "lw-primary" }),
      button(t("Upload pictures …"), () => upload(app), {}),
    ),
    h("p", { class: "lw-dim" }, t("For instance a folder penny with 42 pictures of one character, 512 pixels or larger.")),
  );
  const missing = h("p", { class: "lw-error", role: "alert", hidden: true });
  const left = h("div", { class: "lw-left" }, h("div", { class: "lw-scroll" }, options.element), run.element);
  const right = h(
    "div",
    { class: "lw-right lw-tag-right" },
    teach,
    missing,
    detail.element,
    shelf.element,
    undo.element,
    next.element,
  );
  const element = h("section", { class: "lw-tag" }, left, right);

  const look = () => {
    const dataset = store.project?.dataset;
    show(teach, !dataset);
    show(shelf.element, dataset && !pictures.error);
    setText(missing, pictures.error);
    show(missing, dataset && pictures.error);
    const done = pictures.count > 0 && pictures.captioned > 0;
    show(next.element, done);
    next.say(
      t("{captioned} of {count} have captions", { captioned: count(pictures.captioned), count: count(pictures.count) }) + " · ",
    );
  };
  const opened = () => {
    pictures.open(store.project?.dataset ?? "");
    undo.look();
    look();
  };
  pictures.on(look);
  store.on("opened", opened);
  store.on("connection", () => store.connected && pictures.reload());
  store.on("dataset", () => {
    pictures.reload();
    undo.look();
  });
  opened();
  return {
    element,
    shown() {
      pictures.reload();
      undo.look();
    },
  };
}
