// Which detector of faces looks at the pictures: none, a known one, or a file of one's own.

import { h } from "./dom.js";
import { fileChoice } from "./file_choice.js";
import { t } from "./i18n.js";

/** {element, look, chosen()}: the detector's name or file, "" for none; at first the one of the newest report. */
export function facesPart(model) {
  let own = null; // what was chosen here, in the dataset that it was chosen for
  let folder = "";
  const chosen = () => own ?? model.data?.detector ?? "";
  const choice = fileChoice({
    id: "lw-pictures-faces",
    groups: () => [[t("Faces"), (model.data?.detectors ?? []).map((one) => ({ path: one.name, name: words(one) }))]],
    get: chosen,
    set: (wanted) => (own = wanted),
    none: t("not looked for"),
    describedBy: "lw-pictures-faces-about",
  });
  const label = h("label", { class: "lw-crop-set", htmlFor: "lw-pictures-faces" }, h("span", {}, t("Faces")), ...choice.parts);
  const about = h(
    "p",
    { class: "lw-dim", id: "lw-pictures-faces-about" },
    t("Tells of faces that the border cuts or that are too small to be learnt, and offers them to be cut out. A file: YOLO's or YuNet's .onnx."),
  );
  return {
    element: h("div", { class: "lw-pictures-faces" }, label, about),
    chosen,
    look() {
      if (model.dataset !== folder) own = null;
      folder = model.dataset;
      choice.look();
    },
  };
}

function words({ name, there, license }) {
  const known = { drawn: t("in drawings"), photo: t("in photographs") }[name] ?? name;
  return there ? known : `${known} · ${t("is fetched first ({license})", { license })}`;
}
