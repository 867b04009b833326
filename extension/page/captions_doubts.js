// Tags that the tagger itself was not sure of, one after the other, by keyboard: A accepts, R takes the tag out, arrows move,
// Z undoes the last answer, Space enlarges.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { errorLine, tell } from "./parts.js";
import { openViewer } from "./viewer.js";

const SIDE = 384;

export function captionDoubts(app, model, { applied, before }) {
  const { api, store } = app;
  const line = errorLine();
  const head = h("p", { class: "lw-dim", role: "status" });
  const below = h("input", {
    type: "number",
    class: "lw-input lw-number",
    id: "lw-doubt-below",
    min: "0.05",
    max: "1",
    step: "0.05",
    value: "0.5",
  });
  const image = h("img", { class: "lw-doubt-picture", alt: "", decoding: "async" });
  const tag = h("strong", { class: "lw-doubt-tag" });
  const score = h("span", { class: "lw-dim" });
  const fill = h("span", { class: "lw-tag-fill" });
  const name = h("p", { class: "lw-dim lw-picture-name" });
  const answers = []; // what can be taken back
  let doubts = [];
  let at = 0;
  let mark = "";
  let asked = 0;
  let working = Promise.resolve();

  // No waiting buttons: the next answer may come before the server has the last one.
  const press = (words, kind, click) => h("button", { type: "button", class: `lw-button ${kind}`, on: { click } }, words);
  const accept = press(t("Right (A)"), "lw-strong", () => answer("accept"));
  const reject = press(t("Take it out (R)"), "", () => answer("reject"));
  const back = press(t("Undo (Z)"), "", () => takeBack());
  const card = h(
    "div",
    { class: "lw-doubt", tabindex: "0", id: "lw-doubt", role: "group", "aria-describedby": "lw-doubt-help", hidden: true },
    h("div", { class: "lw-doubt-place" }, image),
    h("p", { class: "lw-line", role: "status" }, tag, score, h("span", { class: "lw-tag-track lw-kept" }, fill)),
    name,
    h("div", { class: "lw-line" }, accept, reject, back),
    h("p", { class: "lw-dim", id: "lw-doubt-help" }, t("A right, R take the tag out, ← → move, Z undo, Space enlarges.")),
  );

  const load = async (always = false) => {
    const wanted = `${model.folder}|${model.filter}|${below.value}`;
    if (!model.folder || (wanted === mark && !always)) return;
    mark = wanted;
    asked += 1;
    const own = asked;
    setText(head, t("Looking what the tagger was not sure of …"));
    try {
      const filter = model.only || model.wrong ? "" : model.filter;
      const found = await api.post("captions/doubts", { folder: model.folder, filter, below: Number(below.value) || 0.5 });
      if (own !== asked) return;
      doubts = found.doubts;
      [at, answers.length] = [0, 0];
      tell(line, "");
      draw();
      setText(head, headWords(found));
    } catch (error) {
      if (own !== asked) return;
      mark = "";
      setText(head, "");
      tell(line, error.message);
    }
  };
  const draw = () => {
    const one = doubts[at];
    show(card, one || answers.length);
    if (one) {
      const source = address(one.name, SIDE);
      if (image.getAttribute("src") !== source) image.src = source;
      image.alt = one.name;
      setText(tag, one.tag);
      setText(score, one.score.toFixed(2));
      fill.style.width = `${Math.round(100 * one.score)}%`;
      setText(name, `${at + 1} / ${count(doubts.length)} · ${one.name}`);
      model.choose(one.number);
    } else {
      image.removeAttribute("src");
      setText(tag, t("That was the last one."));
      for (const place of [score, name]) setText(place, "");
      fill.style.width = "0";
    }
    for (const control of [accept, reject]) control.hidden = !one;
    back.hidden = !answers.length;
  };
  /** The next one comes at once; the server follows in the order of the answers. */
  const answer = (kind) => {
    const one = doubts[at];
    if (!one) return;
    doubts.splice(at, 1);
    const given = { kind, one, at, folder: model.folder, project: store.project?.name, failed: false };
    answers.push(given);
    at = Math.min(at, Math.max(0, doubts.length - 1));
    draw();
    queue(() => carryOut(given));
  };
  const carryOut = async (given) => {
    const { kind, one, folder, project } = given;
    given.failed = true; // until it is done
    if (kind === "accept") {
      await api.post("captions/reviewed", { kind: "tags", add: [`${one.name}: ${one.tag}`], project });
    } else {
      await before();
      const edits = [{ do: "remove", tags: [one.tag] }];
      const done = await api.post("captions/apply", { folder, names: [one.name], edits });
      given.change = done.change;
      if (!done.written) throw new Error(t("The tag was left: the caption would be empty, or was changed meanwhile."));
      applied({ keep: true });
    }
    given.failed = false;
  };
  const takeBack = () => {
    const last = answers.pop();
    if (!last) return;
    doubts.splice(last.at, 0, last.one);
    at = last.at;
    draw();
    queue(async () => {
      if (last.failed) return;
      if (last.kind === "accept") {
        await api.post("captions/reviewed", {
          kind: "tags",
          remove: [`${last.one.name}: ${last.one.tag}`],
          project: last.project,
        });
      } else {
        const { edited } = await api.post("undo", { folder: last.folder, number: last.change });
        applied({ keep: true });
        if (edited.length) throw new Error(t("Edited since and left as they are: {names}.", { names: edited.join(", ") }));
      }
    });
  };
  const queue = (work) => {
    working = working.then(async () => {
      try {
        await work();
      } catch (error) {
        tell(line, error.message);
      }
    });
  };
  const move = (step) => {
    at = Math.max(0, Math.min(doubts.length - 1, at + step));
    draw();
  };
  const address = (picture, size) => api.url("thumb", { folder: model.folder, name: picture, size });
  const enlarge = () => {
    const one = doubts[at];
    if (one)
      openViewer(app, {
        at: 0,
        count: () => 1,
        picture: () => ({ src: address(one.name, 1024), words: `${one.name} · ${one.tag}` }),
        moved: () => card.focus(),
      });
  };
  card.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target !== card) return; // a button's own
    const deeds = {
      a: () => answer("accept"),
      r: () => answer("reject"),
      z: () => takeBack(),
      " ": enlarge,
      ArrowRight: () => move(1),
      ArrowDown: () => move(1),
      ArrowLeft: () => move(-1),
      ArrowUp: () => move(-1),
    };
    const deed = deeds[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!deed) return;
    deed();
    event.preventDefault();
    event.stopPropagation();
  });
  below.addEventListener("change", () => load(true));
  for (const topic of ["list", "opened"])
    (topic === "list" ? model : store).on(topic, () => element.isConnected && !element.closest("[hidden]") && load());

  const row = h(
    "div",
    { class: "lw-edit-row" },
    h("label", { htmlFor: "lw-doubt-below", class: "lw-edit-label" }, t("less sure than")),
    below,
  );
  const element = h("div", { class: "lw-review" }, row, head, line, card);
  return {
    element,
    async shown() {
      await load(true);
      if (!card.hidden) card.focus();
    },
  };
}

function headWords({ known, count: number }) {
  if (!known) return t("Nothing is known of these pictures: tag them first, then it is remembered how sure the tagger was.");
  if (!number) return t("No doubtful tags left in the {count} pictures that the tagger saw.", { count: count(known) });
  return t("{count} tags to look at, the least sure first.", { count: count(number) });
}
