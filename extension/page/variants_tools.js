// The picture that variants are drawn of, with the mask that is painted over it and the mask's tools.

import { h, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { button, disable, errorLine, tell } from "./parts.js";
import { sendAndTell } from "./send_picture.js";
import { BRUSH, maskPainter } from "./variants_mask.js";

/** `coded()` is the mask as a PNG file, a data address. */
export function originalPart(app, model) {
  const { api, store } = app;
  const line = errorLine();
  const told = h("p", { class: "lw-dim", role: "status", hidden: true });
  const masks = new Map(recall("variants-mask", [])); // what was painted, by folder and name
  let shown = "";
  const painter = maskPainter({
    changed: () => {
      if (shown) keep();
      look();
      model.setMasked(Boolean(shown && !painter.isEmpty()));
    },
    brushed: () => look(),
  });

  /** The newest is remembered over a reload; what was taken from a file is not. */
  const keep = () => {
    masks.set(shown, painter.steps());
    const whole = painter.steps().every((step) => step.kind !== "picture");
    remember("variants-mask", whole ? [[shown, painter.steps()]] : []);
  };
  const act = (words, work, id, title = "") => button(words, work, { line, kind: "lw-small", id: `lw-mask-${id}`, title });
  const paint = h("button", { type: "button", class: "lw-segment", id: "lw-mask-paint" }, t("Paint"));
  const erase = h("button", { type: "button", class: "lw-segment", id: "lw-mask-erase", title: "E" }, t("Erase"));
  paint.addEventListener("click", () => painter.setErasing(false));
  erase.addEventListener("click", () => painter.setErasing(true));
  const brush = h("input", {
    type: "range",
    id: "lw-mask-size",
    class: "lw-mask-size",
    min: BRUSH.least,
    max: BRUSH.most,
    step: 1,
    value: String(painter.brush),
    "aria-label": t("Size of the brush"),
    title: t("Size of the brush"),
    on: { input: () => painter.setBrush(Number(brush.value)) },
  });
  const undo = act(t("Undo"), () => painter.undo(), "undo", "Ctrl+Z");
  const redo = act(t("Redo"), () => painter.redo(), "redo", "Ctrl+Y");
  const clear = act(t("Clear"), () => painter.clear(), "clear", t("Delete"));
  const invert = act(t("Invert"), () => painter.invert(), "invert", "I");
  const file = h("input", { type: "file", accept: "image/*", id: "lw-mask-file", hidden: true, "aria-label": t("Mask from a file") });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    file.value = "";
    tell(line, "");
    try {
      if (chosen) await painter.take(chosen);
    } catch (error) {
      tell(line, error.message);
    }
  });
  const fromFile = act(t("From a file …"), () => file.click(), "from-file", t("A picture that is white where it is to be drawn anew."));
  const fromAlpha = act(
    t("From transparency"),
    async () => {
      const before = shown;
      const { image } = await api.post("variants/alpha", { folder: model.folder, name: model.one });
      if (before !== shown) return; // another picture is shown by now
      const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
      await painter.take(new Blob([bytes], { type: "image/png" }));
    },
    "from-alpha",
    t("What can be seen through is drawn anew."),
  );
  const tools = h(
    "div",
    { class: "lw-line lw-mask-tools", role: "toolbar", "aria-label": t("Tools of the mask") },
    h("div", { class: "lw-segments" }, paint, erase),
    brush,
    undo,
    redo,
    clear,
    invert,
    fromFile,
    fromAlpha,
    file,
  );

  const hand = (place) => async () => {
    const name = model.one;
    const masked = place === "inpaint" && !painter.isEmpty();
    const address = model.over ? overAddress() : api.url("variants/original", { folder: model.folder, name });
    const mask = masked ? painter.coded(model.facts(name)?.size) : null;
    const words = model.prompt() ?? model.facts(name)?.prompt ?? "";
    await sendAndTell(told, masked ? "masked" : place, { address, name: model.over ?? name, words, mask });
  };
  const handing = h(
    "div",
    { class: "lw-line" },
    h("span", { class: "lw-dim" }, t("Draw it in webui itself:")),
    act(t("To img2img"), hand("img2img"), "to-img2img"),
    act(t("To inpaint"), hand("inpaint"), "to-inpaint"),
    act(t("To ControlNet"), hand("controlnet"), "to-controlnet"),
  );
  const overAddress = () => model.address({ name: model.over, mark: model.data.variants.find((one) => one.name === model.over)?.mark });
  const title = h("h3", { class: "lw-variants-name" });
  const backToIt = act(t("Back to the picture"), () => model.drawOver(null), "original");
  const help = h("p", { class: "lw-dim" }, t("Paint over what is to be drawn anew; without a mask the whole picture is."));
  const several = h("p", { class: "lw-empty", hidden: true });
  const element = h(
    "section",
    { class: "lw-variants-original", "aria-label": t("The picture") },
    h("div", { class: "lw-line" }, title, backToIt),
    painter.element,
    several,
    tools,
    help,
    handing,
    told,
    line,
  );

  const look = () => {
    setAttribute(paint, "aria-pressed", String(!painter.erasing));
    setAttribute(erase, "aria-pressed", String(painter.erasing));
    if (document.activeElement !== brush) brush.value = String(painter.brush);
    disable(undo, painter.canUndo() ? "" : t("Nothing to undo."));
    disable(redo, painter.canRedo() ? "" : t("Nothing to redo."));
    disable(clear, painter.isEmpty() ? t("Nothing is painted yet.") : "");
  };
  const chosen = () => {
    const name = model.one;
    const facts = name && model.facts(name);
    const over = name && model.over;
    const key = name ? `${model.folder}\n${over ?? ""}\n${name}\n${facts?.size ?? ""}` : "";
    const many = t("{count} pictures", { count: model.chosen.length });
    setText(title, over ? t("{name}, a variant of {source}", { name: over, source: name }) : (name ?? many));
    show(backToIt, over);
    show(several, !name && model.chosen.length);
    setText(several, t("A mask is of one picture: choose that alone to paint one."));
    for (const part of [painter.element, tools, help]) show(part, name);
    show(handing, name && store.state?.host?.sends);
    show(fromAlpha, facts?.transparent);
    tell(line, facts?.error ?? "");
    if (key === shown) return;
    shown = "";
    tell(told, "");
    const address = over ? overAddress() : name ? api.url("thumb", { folder: model.folder, name, size: 1024 }) : "";
    const known = Boolean(facts?.size);
    painter.show(address, known ? facts.size : null, name ?? "", known ? masks.get(key) : []);
    if (known) shown = key;
    model.setMasked(known && !painter.isEmpty());
  };
  model.on("choice", chosen);
  look();
  chosen();
  return { element, coded: () => painter.coded() };
}
