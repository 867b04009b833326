// The rare-character loop: from one picture to a LoRA in rounds of quick trainings and accepted candidates.

import { h, show } from "./dom.js";
import { t } from "./i18n.js";
import { loopModel } from "./loop_model.js";
import { loopOptions } from "./loop_options.js";
import { roundsView } from "./loop_rounds.js";
import { candidateView } from "./loop_view.js";
import { errorLine, tell } from "./parts.js";
import { askFor } from "./runs.js";
import { tagValues } from "./tag_values.js";
import { makePart } from "./test_make.js";
import { activationOf } from "./test_values.js";

export const loopSection = { key: "loop", title: () => t("Loop"), build: buildLoop };

function buildLoop(app) {
  const { store } = app;
  const model = loopModel(app);
  const options = loopOptions(() => make.look());
  const make = makePart(app, {
    kind: "loop",
    id: "lw-loop-go",
    topics: ["state"],
    label: () => label(model.data, options.values()),
    whyNot: () => whyNot(store, model, options),
    make: () => {
      const asked = { ...options.values(), tagger: tagValues(store).model }; // the one that the Tag tab shows, touched or not
      return askFor(app, "jobs", { kind: "loop", project: store.project.name, settings: store.runSettings(), options: asked });
    },
  });
  const about = h(
    "p",
    { class: "lw-dim" },
    t("For a character with one picture, or a few: train quickly, draw, keep what is right, train again."),
  );
  const empty = h(
    "p",
    { class: "lw-empty" },
    t("Nothing has begun yet. The loop starts with the pictures of your dataset; one is enough."),
  );
  const notes = h("ul", { class: "lw-plain-list" });
  const line = errorLine();
  const view = candidateView(app, model);
  const rounds = roundsView(app, model);
  const left = h(
    "div",
    { class: "lw-left" },
    h("div", { class: "lw-scroll" }, about, options.element),
    make.element,
  );
  const right = h("div", { class: "lw-right lw-loop" }, line, empty, notes, view.element, rounds.element);
  model.on(() => {
    tell(line, model.error);
    show(empty, !model.data.there);
    notes.replaceChildren(...(model.data.notes ?? []).map((one) => h("li", {}, one)));
    make.look();
  });
  view.look();
  show(rounds.element, false);
  const element = h("div", { class: "lw-test-columns", on: { keydown: view.pressed } }, left, right);
  return {
    element,
    shown: () => model.enter(),
    left: () => model.leave(),
  };
}

function label(data, { rounds }) {
  if (!data.there) return t("Begin the loop");
  if (data.phase === "training" || data.phase === "drawing") return t("Go on with round {number}", { number: data.round });
  const chosen = data.by_round.at(-1);
  if (data.phase === "choosing" && !chosen?.accepted) return t("Draw others in round {number}", { number: data.round });
  return t("Go on with round {number}", { number: Math.min(data.round + 1, Math.max(rounds, data.round)) });
}

function whyNot(store, model, options) {
  const { data } = model;
  if (!store.project?.base_model) return t("First choose a base model, at the top.");
  if (!activationOf(store)) return t("First write the tag that will call your LoRA.");
  if (options.wrong()) return t("First mend the field with the red line.");
  const { accept_by, rounds, wanted } = options.values();
  if (accept_by === "tagger" && !wanted.trim()) return t("Write the tags that the tagger must see to accept a picture.");
  if (!data.there) return "";
  if (data.phase === "done" && data.round >= rounds) return t("All rounds are done: raise their number to go on.");
  if (data.phase === "choosing" && model.waiting() && accept_by === "person")
    return t("First accept or reject the candidates, or let the rest stay out.");
  return "";
}
