// Variants one by one beside their picture: A accepts, R rejects, Z undoes, arrows move, Space enlarges. Below them all.

import { h, keyed, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { button, disable, errorLine, tell } from "./parts.js";
import { sendAndTell } from "./send_picture.js";
import { describe, stateWords } from "./variants_words.js";
import { openViewer } from "./viewer.js";

/** {element: the large one, strip: all of them} */
export function variantView(app, model) {
  const { api } = app;
  const line = errorLine();
  let at = 0;
  let scope = "chosen";
  const all = () => model.variants(scope);
  const current = () => all()[at] ?? null;

  const image = h("img", { class: "lw-loop-picture lw-variants-picture", alt: "" });
  const words = h("p", { class: "lw-loop-words" });
  const told = h("p", { class: "lw-dim", role: "status" });
  const stage = h(
    "div",
    { class: "lw-loop-stage lw-variants-stage", tabindex: "0", id: "lw-variants-stage", role: "group", "aria-label": t("The variant") },
    image,
    words,
  );
  const empty = h(
    "p",
    { class: "lw-empty" },
    t("Nothing was drawn of it yet. What is drawn waits here: nothing reaches the dataset by itself."),
  );

  const move = (to) => {
    at = Math.max(0, Math.min(all().length - 1, to));
    look();
  };
  const say = async (sent, name) => {
    const answer = await sent;
    if (!answer) return;
    const [left] = answer.left ?? [];
    if (left) setText(told, t("Left as it is: {name}, {reason}.", left));
    else if (answer.taken?.length) setText(told, t("In the dataset now: {name}", { name: answer.taken[0] }));
    else setText(told, t("Noted: {name}", { name }));
  };
  const decide = (what) => {
    const one = current();
    if (!one || one.state !== "waiting") return;
    setText(told, "");
    say(model.decide(what, one.name, what === "accept" ? target.value.trim() : ""), one.name);
    const rest = all();
    const waits = (other) => other.state === "waiting";
    const later = rest.findIndex((other, place) => place > at && waits(other));
    const next = later >= 0 ? later : rest.findIndex(waits);
    if (next >= 0) move(next);
    else look();
  };
  const goTo = (name) => {
    const place = all().findIndex((one) => one.name === name);
    if (place >= 0) move(place);
  };
  const undo = () => {
    const last = model.undo();
    if (!last) return;
    say(last.sent, last.name);
    goTo(last.name);
  };
  const takeBack = () => {
    const one = current();
    if (one && one.state !== "waiting") say(model.decide("undo", one.name), one.name);
  };
  const enlarge = () => {
    const list = all();
    let original = false;
    if (!list.length) return;
    openViewer(app, {
      at,
      count: () => list.length,
      picture: (index) => {
        const one = list[index];
        const source = api.url("thumb", { folder: model.folder, name: one.source, size: 1024 });
        return original ? { src: source, words: one.source } : { src: model.address(one), words: describe(one) };
      },
      held: (key, down) => {
        if (key.toLowerCase() !== "o" || original === down) return false;
        original = down;
        return true;
      },
      moved: (index) => {
        move(index);
        stage.focus();
      },
    });
  };
  const accept = button(t("Accept (A)"), () => decide("accept"), { id: "lw-variants-accept" });
  const reject = button(t("Reject (R)"), () => decide("reject"), { id: "lw-variants-reject" });
  const back = button(t("Undo (Z)"), undo, { id: "lw-variants-undo" });
  const takeOut = button(t("Take back"), takeBack, { id: "lw-variants-take-back" });
  const paint = () => {
    const one = current();
    if (one) model.drawOver(one.name);
  };
  const drawOver = button(t("Draw over it (P)"), paint, {
    id: "lw-variants-over",
    title: t("Takes this one in the picture's place: paint its face or hands, and draw them anew."),
  });
  const target = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-variants-target",
    placeholder: t("beside the picture"),
    title: t("A folder in the dataset that accepted variants go into, such as 5_variants."),
    value: recall("variants-target", ""),
    on: { input: () => remember("variants-target", target.value) },
  });
  const where = h("label", { class: "lw-line lw-variants-target" }, h("span", {}, t("Folder in the dataset")), target);
  const hand = (place) => async () => {
    const one = current();
    if (one) await sendAndTell(told, place, { address: model.address(one), name: one.name, words: one.prompt });
  };
  const handing = h(
    "div",
    { class: "lw-line" },
    button(t("To img2img"), hand("img2img"), { line, kind: "lw-small", id: "lw-variants-img2img" }),
    button(t("To inpaint"), hand("inpaint"), { line, kind: "lw-small", id: "lw-variants-inpaint" }),
    button(t("To ControlNet"), hand("controlnet"), { line, kind: "lw-small", id: "lw-variants-controlnet" }),
  );
  const controls = h("div", { class: "lw-line" }, accept, reject, back, takeOut, drawOver);
  const title = h("h3", {}, t("Its variants"));
  const full = h("div", { class: "lw-variants-full" }, stage, controls, where, handing);
  const advice = h("p", { class: "lw-dim" }, t("Take only what you would train: count fingers, look at eyes and edges."));
  const element = h("section", { class: "lw-variants-view", "aria-label": t("Variants") }, title, empty, full, advice, told, line);

  const scopes = [
    ["chosen", t("of the chosen picture")],
    ["all", t("of all pictures")],
  ].map(([key, label]) => {
    const choose = () => {
      const name = current()?.name;
      scope = key;
      at = 0;
      goTo(name);
      look();
    };
    return [key, h("button", { type: "button", class: "lw-segment", id: `lw-variants-of-${key}`, on: { click: choose } }, label)];
  });
  const list = h("div", { class: "lw-loop-strip lw-variants-strip", role: "list", "aria-label": t("Variants") });
  const counted = h("span", { class: "lw-dim", role: "status" });
  const strip = h(
    "section",
    { class: "lw-variants-all", "aria-label": t("All variants") },
    h("div", { class: "lw-line" }, h("div", { class: "lw-segments", role: "group", "aria-label": t("Which variants") }, scopes.map(([, one]) => one)), counted),
    list,
  );
  const keys = {
    a: () => decide("accept"),
    r: () => decide("reject"),
    z: undo,
    p: paint,
    " ": enlarge,
    ArrowRight: () => move(at + 1),
    ArrowLeft: () => move(at - 1),
    Home: () => move(0),
    End: () => move(Infinity),
  };
  const pressed = (event) => {
    const plain = !(event.ctrlKey || event.metaKey || event.altKey);
    const deed = plain ? keys[event.key.length === 1 ? event.key.toLowerCase() : event.key] : null;
    if (!deed || event.target.matches("input, textarea, select") || (event.key === " " && event.target.matches("button"))) return;
    deed();
    event.preventDefault();
    event.stopPropagation();
  };
  for (const part of [element, strip]) part.addEventListener("keydown", pressed);
  image.addEventListener("dblclick", enlarge);

  const make = (one) => {
    const picture = h("img", { src: model.address(one, 256), alt: one.name, loading: "lazy", decoding: "async" });
    const choose = () => {
      goTo(one.name);
      stage.focus({ preventScroll: true });
    };
    return h("div", { role: "listitem" }, h("button", { type: "button", class: "lw-loop-small", on: { click: choose } }, picture));
  };
  const mark = (node, one) => {
    const small = node.firstElementChild;
    setAttribute(small, "data-state", one.state);
    setAttribute(small, "aria-current", one === current() ? "true" : null);
    setAttribute(small, "aria-label", `${one.name}: ${stateWords(one.state)}`);
    setAttribute(small, "title", `${one.name} · ${stateWords(one.state)}`);
  };
  const look = () => {
    const found = all();
    at = Math.max(0, Math.min(at, found.length - 1));
    const one = current();
    tell(line, model.error);
    show(empty, !one);
    show(full, one);
    show(advice, one);
    show(handing, app.store.state?.host?.sends);
    show(strip, model.data.variants.length);
    for (const [key, control] of scopes) setAttribute(control, "aria-pressed", String(key === scope));
    const waiting = found.filter((other) => other.state === "waiting").length;
    setText(counted, t("{count} drawn, {waiting} wait for your decision.", { count: found.length, waiting }));
    keyed(list, found, (other) => `${other.name}/${other.mark}`, make, mark);
    if (!one) return;
    const source = model.address(one);
    if (image.getAttribute("src") !== source) image.src = source;
    setAttribute(image, "alt", one.name);
    setAttribute(stage, "data-state", one.state);
    setText(words, `${at + 1} / ${found.length} · ${describe(one)}`);
    const waits = one.state === "waiting";
    for (const control of [accept, reject]) disable(control, waits ? "" : t("It is decided already: take that back first."));
    disable(back, model.canUndo() ? "" : t("Nothing to undo."));
    show(takeOut, !waits);
  };
  let known = new Set();
  model.on("variants", () => {
    const found = all();
    const newest = found.findIndex((one) => known.size && !known.has(one.name) && one.state === "waiting");
    known = new Set(model.data.variants.map((one) => one.name));
    const busy = element.contains(document.activeElement) && current()?.state === "waiting";
    if (newest >= 0 && !busy) at = newest;
    look();
  });
  let of = "";
  model.on("choice", () => {
    const now = model.chosen.join("\n");
    if (now !== of) at = Math.max(0, all().findIndex((one) => one.state === "waiting"));
    of = now;
    look();
  });
  look();
  return { element, strip };
}
