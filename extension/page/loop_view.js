// Candidates one by one, large: A accepts, R rejects, Z undoes, arrows move. Below them all as a strip.

import { h, keyed, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, errorLine } from "./parts.js";
import { sendAndTell } from "./send_picture.js";

/** `model` is loopModel's; `pressed` is for the whole section, whose button may have the focus when candidates have come. */
export function candidateView(app, model) {
  const { api } = app;
  const line = errorLine();
  let at = 0;
  let round = 0;
  const address = (one, size) => api.url("test/loop/picture", { name: one.name, mark: one.mark, size });
  const image = h("img", { class: "lw-loop-picture", alt: "" });
  const words = h("p", { class: "lw-loop-words" });
  const told = h("p", { class: "lw-dim", role: "status" });
  const strip = h("div", { class: "lw-loop-strip", role: "list", "aria-label": t("Candidates of this round") });
  const current = () => model.candidates()[at] ?? null;
  const open = () => model.data.phase === "choosing";

  const move = (to) => {
    at = Math.max(0, Math.min(model.candidates().length - 1, to));
    look();
  };
  const decide = (what) => {
    const one = current();
    if (!one || !open()) return;
    model.decide(what, one.name);
    const all = model.candidates();
    const waits = (other) => other.state === "waiting";
    const later = all.findIndex((other, place) => place > at && waits(other));
    const next = later >= 0 ? later : all.findIndex(waits);
    if (next >= 0) move(next);
  };
  const undo = () => {
    const name = model.undo();
    const place = model.candidates().findIndex((one) => one.name === name);
    if (place >= 0) move(place);
  };
  const keys = {
    a: () => decide("accept"),
    r: () => decide("reject"),
    z: undo,
    ArrowRight: () => move(at + 1),
    ArrowLeft: () => move(at - 1),
    Home: () => move(0),
    End: () => move(Infinity),
  };
  const accept = button(t("Accept (A)"), () => decide("accept"), { id: "lw-loop-accept" });
  const reject = button(t("Reject (R)"), () => decide("reject"), { id: "lw-loop-reject" });
  const back = button(t("Undo (Z)"), undo, { id: "lw-loop-undo" });
  const next = button(t("The rest stays out"), () => model.next(), { id: "lw-loop-next" });
  const hand = (place) => async () => {
    const one = current();
    if (one) await sendAndTell(line, place, { address: address(one), name: one.name, words: one.prompt });
  };
  const handing = h(
    "span",
    { class: "lw-line" },
    button(t("To img2img"), hand("img2img"), { line, id: "lw-loop-img2img" }),
    button(t("To inpaint"), hand("inpaint"), { line, id: "lw-loop-inpaint" }),
  );
  const stage = h(
    "div",
    { class: "lw-loop-stage", tabindex: "0", id: "lw-loop-stage", role: "group", "aria-label": t("The candidate") },
    image,
    words,
  );
  const buttons = h("div", { class: "lw-line" }, accept, reject, back, next, handing);
  const element = h("section", { class: "lw-loop-view" }, stage, buttons, told, line, strip);
  const pressed = (event) => {
    const deed = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!deed || event.target.matches("input, textarea, select")) return;
    if (!current()) return;
    deed();
    event.preventDefault();
    event.stopPropagation();
  };

  const make = (one) => {
    const picture = h("img", { src: address(one, 256), alt: one.name, loading: "lazy", decoding: "async" });
    const choose = () => {
      move(model.candidates().findIndex((other) => other.name === one.name));
      stage.focus();
    };
    return h("div", { role: "listitem" }, h("button", { type: "button", class: "lw-loop-small", on: { click: choose } }, picture));
  };
  const mark = (node, one) => {
    const small = node.firstElementChild;
    setAttribute(small, "data-state", one.state);
    setAttribute(small, "aria-current", one === current() ? "true" : null);
    setAttribute(small, "aria-label", `${one.name}: ${stateWords(one.state)}`);
  };
  const look = () => {
    const all = model.candidates();
    if (model.data.round !== round) {
      round = model.data.round;
      at = Math.max(0, all.findIndex((one) => one.state === "waiting"));
    }
    at = Math.max(0, Math.min(at, all.length - 1));
    const one = current();
    show(element, one);
    show(handing, app.store.state?.host?.sends);
    if (!one) return;
    const source = address(one);
    if (image.getAttribute("src") !== source) image.src = source;
    setAttribute(image, "alt", one.name);
    setAttribute(stage, "data-state", one.state);
    setText(words, describe(one, at, all.length));
    setText(told, open() ? t("{count} wait for your decision.", { count: model.waiting() }) : "");
    for (const control of [accept, reject, next]) setAttribute(control, "aria-disabled", open() ? null : "true");
    setAttribute(back, "aria-disabled", open() && model.canUndo() ? null : "true");
    keyed(strip, all, (other) => `${other.name}/${other.mark}`, make, mark);
  };
  model.on(look);
  return { element, look, pressed };
}

export function stateWords(state) {
  const words = {
    waiting: t("waits"),
    accepted: t("accepted"),
    rejected: t("rejected"),
    "left out": t("left out"),
  };
  return words[state] ?? state;
}

/** "3 / 12 · waits · mia, smile · seed 42 · most like mia.png (0.21)". */
function describe(one, at, count) {
  const like = one.source && Number.isFinite(one.distance);
  return [
    `${at + 1} / ${count}`,
    stateWords(one.state),
    one.decided?.by === "rule" && one.decided.how,
    one.prompt,
    t("seed {seed}", { seed: one.seed }),
    like && t("most like {name} ({distance})", { name: one.source, distance: one.distance.toFixed(2) }),
  ]
    .filter(Boolean)
    .join(" · ");
}
