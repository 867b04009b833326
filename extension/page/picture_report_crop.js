// One picture of the report: what was found in it, a rectangle to cut out of it, and where the new file goes.

import { h, setText, show } from "./dom.js";
import { count, rounded } from "./format.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { button, disable, errorLine, sign } from "./parts.js";
import { cropBox, fitted } from "./picture_report_box.js";
import { shortName } from "./picture_report_findings.js";
import { showVariants } from "./variants_show.js";

const SHAPES = ["1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9"];
const MUSH = 1.5; // times that a part would be enlarged
const FIELDS = ["x", "y", "width", "height"];

/** `written(name)` is called when a new file was written; `setAside(names)` takes pictures out of the training. */
export function cropEditor(app, model, written, setAside) {
  const { api, store } = app;
  const line = errorLine();
  let picture = null;
  let box = null;
  let asked = "";

  const title = h("strong", { class: "lw-crop-name" });
  const faults = h("ul", { class: "lw-crop-faults" });
  const shape = h(
    "select",
    { class: "lw-input", id: "lw-crop-shape", on: { change: () => box && take(fitted(box, size(), aspect())) } },
    [["", t("any shape")], ["train", t("as it is trained")], ...SHAPES.map((one) => [one, one])].map(([value, words]) =>
      h("option", { value }, words),
    ),
  );
  const fields = FIELDS.map((name, number) => {
    const words = [t("left"), t("top"), t("width"), t("height")][number];
    const told = { "aria-label": words, title: words, placeholder: words };
    const field = h("input", { type: "number", min: 0, class: "lw-input", id: `lw-crop-${name}`, ...told });
    field.addEventListener("change", () => {
      const values = fields.map((one) => Number(one.value) || 0);
      take(fitted(values, size(), aspect()));
    });
    return field;
  });
  const suggestions = h("span", { class: "lw-line" });
  const facts = h("p", { class: "lw-crop-facts", role: "status" });
  const tags = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-crop-tags",
    placeholder: t("for instance: {example}", { example: "close-up" }),
    value: recall("crop-tags", ""),
  });
  const target = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-crop-target",
    placeholder: t("beside the picture"),
    value: recall("crop-target", ""),
  });
  const size = () => model.size(picture?.name);
  const trained = () => model.data?.resolution ?? [512, 512];
  const aspect = () => {
    if (!shape.value) return null;
    const [width, height] = shape.value === "train" ? trained() : shape.value.split(":").map(Number);
    return width / height;
  };
  const surface = cropBox({ aspect, changed: (wanted) => take(wanted, true) });
  const take = (wanted, drawn = false) => {
    box = wanted;
    if (!drawn) surface.put(box);
    look();
  };
  const write = button(
    t("Write as a new picture"),
    async () => {
      remember("crop-tags", tags.value);
      remember("crop-target", target.value);
      const answer = await api.post("picture_report/cut", {
        folder: model.folder,
        name: picture.name,
        box,
        tags: tags.value
          .split(",")
          .map((tag) => tag.trim())
          .filter(Boolean),
        target: target.value.trim(),
      });
      written(answer);
    },
    { line, kind: "lw-strong", id: "lw-crop-write" },
  );

  /** The picture that this one is like, to compare. */
  const likeIt = ({ others }) => {
    if (!others?.length) return "";
    const address = api.url("thumb", { folder: model.folder, name: others[0], size: 192 });
    return h("img", { class: "lw-crop-like", src: address, alt: others[0], title: others[0] });
  };
  const look = () => {
    const own = size();
    show(element, picture);
    if (!picture) return;
    setText(title, picture.name);
    faults.replaceChildren(
      ...model
        .faults(picture.name)
        .filter((one) => one.code !== "not-tagged")
        .map((one) =>
          h("li", {}, sign(one.severity), [shortName(one.code), one.words].filter(Boolean).join(": "), likeIt(one)),
        ),
    );
    for (const [number, field] of fields.entries())
      if (document.activeElement !== field) field.value = box ? String(box[number]) : "";
    for (const control of [...fields, shape, tags, target]) control.disabled = !own;
    disable(write, own ? (box ? "" : t("First draw a rectangle on the picture.")) : t("This picture can't be cut."));
    const times = box && Math.sqrt((trained()[0] * trained()[1]) / (box[2] * box[3]));
    const grows =
      times > 1.05 ? t("enlarged {times}× for training", { times: rounded(times, 2) }) : t("large enough for training");
    const px = (one) => t("{width} × {height} px", { width: count(one[0]), height: count(one[1]) });
    setText(facts, !own ? t("This picture can't be cut.") : box ? `${px(box.slice(2))} · ${grows}` : px(own));
    facts.classList.toggle("lw-crop-mush", Boolean(box) && times > MUSH);
  };
  const suggest = async () => {
    const name = picture?.name ?? "";
    if (name === asked) return;
    suggestions.replaceChildren();
    asked = size() ? name : "";
    if (!asked) return;
    try {
      const { boxes } = await api.post("picture_report/places", { folder: model.folder, name });
      if (name !== picture?.name) return;
      const words = { face: t("face"), half: t("upper half"), details: t("detail"), bars: t("without bars") };
      const found = Object.entries(words).flatMap(([key, word]) =>
        (boxes[key] ?? []).map((one, number, { length }) => [length > 1 ? `${word} ${number + 1}` : word, one]),
      );
      suggestions.replaceChildren(
        ...found.map(([word, one]) =>
          button(word, () => take(shape.value ? fitted(one, size(), aspect()) : one), { kind: "lw-small lw-crop-suggestion" }),
        ),
      );
    } catch (error) {
      if (name !== picture?.name) return;
      setText(line, error.message);
      show(line, true);
    }
  };

  const more = button(t("Variants …"), () => showVariants(app, picture.name), {
    id: "lw-crop-variants",
    title: t("Draws more pictures over this one, or a painted part of it anew."),
  });
  const out = button(t("Set aside"), () => setAside([picture.name]), {
    line,
    kind: "lw-small",
    id: "lw-crop-aside",
    title: t("It is not trained any more; the file and its caption stay, and can be put back."),
  });
  const label = (words, ...controls) => h("label", { class: "lw-crop-set" }, h("span", {}, words), ...controls);
  const side = h(
    "div",
    { class: "lw-crop-side" },
    h("div", { class: "lw-line" }, title, h("span", { class: "lw-space" }), out),
    faults,
    label(t("Shape"), shape),
    h("div", { class: "lw-crop-numbers" }, fields),
    suggestions,
    facts,
    label(t("New tags"), tags),
    label(t("Folder in the dataset"), target),
    h("div", { class: "lw-line" }, write, more),
    line,
  );
  const element = h("div", { class: "lw-crop", hidden: true }, surface.element, side);
  return {
    element,
    /** The picture that is looked at, {name}, or null. */
    choose(wanted) {
      const same = wanted?.name === picture?.name && model.folder === picture?.folder;
      picture = wanted && { ...wanted, folder: model.folder };
      if (same) return look();
      box = null;
      if (picture)
        surface.show(api.url("thumb", { folder: model.folder, name: picture.name, size: 1024 }), size(), picture.name);
      look();
      suggest();
    },
    look,
  };
}
