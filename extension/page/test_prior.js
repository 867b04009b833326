// Prior check: what the base model already draws for the activation tag alone, before anything is trained.

import { h, keyed, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { askFor, isLive } from "./runs.js";
import { makeLabel, makePart } from "./test_make.js";
import { activationOf, choiceField, numberField, testValues, textField } from "./test_values.js";
import { openViewer } from "./viewer.js";

const LOOK_EVERY = 2500;

export const priorSection = { key: "prior", title: () => t("Prior check"), build: buildPrior };

function buildPrior(app) {
  const { store } = app;
  const words = () => testValues(store).prior_prompt.trim() || activationOf(store);
  const shelf = priorShelf(app, () => look());
  const fields = [
    textField(store, "prior_prompt", {
      label: t("Words"),
      help: t("The tag that will call your LoRA, and nothing else."),
      placeholder: () => activationOf(store),
    }),
    numberField(store, "prior_count", {
      label: t("Pictures"),
      help: t("Each with another seed."),
      low: 1,
      high: 64,
      whole: true,
    }),
    choiceField(store, "sampler", {
      label: t("Sampler"),
      help: t("As webui calls it."),
      choices: () => shelf.samplers(),
      place: "prior",
    }),
    numberField(store, "steps", {
      label: t("Sampling steps"),
      help: t("20 is usual."),
      low: 1,
      high: 500,
      whole: true,
      place: "prior",
    }),
  ];
  const make = makePart(app, {
    kind: "prior",
    id: "lw-prior-make",
    topics: ["state"],
    label: () => makeLabel(testValues(store).prior_count, null),
    whyNot: () => whyNot(store, words()),
    make: () => {
      const { prior_count, prior_prompt, sampler, steps } = testValues(store);
      const options = { prior_count, prior_prompt, sampler, steps };
      return askFor(app, "jobs", { kind: "prior", project: store.project.name, settings: store.runSettings(), options });
    },
  });
  const about = h(
    "p",
    { class: "lw-dim" },
    t("Before training: does the base model know this tag already? It draws the tag alone, without any LoRA."),
  );
  const left = h(
    "div",
    { class: "lw-left" },
    h("div", { class: "lw-scroll" }, h("div", { class: "lw-test-options" }, about, ...fields.map((one) => one.element))),
    make.element,
  );
  const element = h("div", { class: "lw-test-columns" }, left, h("div", { class: "lw-right" }, shelf.element));

  const look = () => {
    fields.forEach((field) => field.put());
    make.look();
  };
  for (const topic of ["project", "opened", "state"]) store.on(topic, look);
  look();
  return { element, shown: () => shelf.enter(), left: () => shelf.leave() };
}

function whyNot(store, words) {
  if (!store.project?.base_model) return t("First choose a base model, at the top.");
  return words ? "" : t("First write the tag that will call your LoRA.");
}

function priorShelf(app, told) {
  const { api, store } = app;
  const title = h("h3", {});
  const shelf = h("div", { class: "lw-prior-shelf", role: "list", "aria-label": t("What the base draws") });
  const verdict = h(
    "ul",
    { class: "lw-plain-list" },
    h("li", {}, t("If the pictures differ freely, the tag is free: train with it.")),
    h("li", {}, t("If they show your subject, the model knows it: keep the tag, fewer steps are enough.")),
    h("li", {}, t("If they show something else again and again, take another tag, or that will mix with what you teach.")),
  );
  const empty = h("p", { class: "lw-empty" });
  const jobs = () => store.jobs.filter((job) => job.kind === "prior" && job.project === store.project?.name);
  const failed = h("p", { class: "lw-error", role: "alert", hidden: true });
  const element = h("section", { class: "lw-prior" }, failed, empty, title, shelf, verdict);
  let visible = false;
  let pictures = [];
  let samplers = ["Euler a"];
  let looked = 0;
  let asked = 0;
  let seen = "";
  const address = (one, size) => api.url("test/prior/picture", { set: one.set, name: one.name, mark: one.mark, size });
  const enlarge = (at) =>
    openViewer(app, {
      at,
      count: () => pictures.length,
      picture: (index) => ({ src: address(pictures[index]), words: title.textContent }),
      moved: (index) => shelf.querySelectorAll("button")[index]?.focus(),
    });

  const build = (one) => {
    const picture = h("img", { src: address(one, 256), alt: one.name, loading: "lazy", decoding: "async" });
    const open = () => enlarge(pictures.findIndex((other) => other.name === one.name));
    return h(
      "div",
      { role: "listitem" },
      h("button", { type: "button", class: "lw-sample-open", on: { click: open } }, picture),
    );
  };
  shelf.addEventListener("keydown", (event) => {
    const buttons = [...shelf.querySelectorAll("button")];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = buttons.indexOf(document.activeElement);
    if (at < 0 || !(step || event.key === " ")) return;
    if (step) buttons[at + step]?.focus();
    else enlarge(at);
    event.preventDefault();
    event.stopPropagation();
  });
  const load = async () => {
    looked = Date.now();
    const project = store.project?.name;
    const own = (asked += 1);
    try {
      const answer = await api.get("test/prior");
      if (own !== asked || project !== store.project?.name) return;
      pictures = answer.pictures;
      samplers = answer.samplers;
      told();
      setText(title, answer.words ? t("What the base draws for: {words}", { words: answer.words }) : "");
      setText(failed, "");
    } catch (error) {
      if (own !== asked) return;
      pictures = [];
      setText(failed, error.message);
    }
    draw();
  };
  const draw = () => {
    keyed(shelf, pictures, (one) => `${one.set}/${one.name}/${one.mark}`, build);
    show(failed, failed.textContent);
    const begun = jobs().some((job) => isLive(job) || job.state === "queued");
    setText(empty, begun ? t("The pictures appear here as they are drawn.") : t("Nothing is drawn yet. Choose on the left and press Make."));
    show(empty, !pictures.length);
    for (const part of [title, verdict]) show(part, pictures.length);
  };
  store.on("jobs", () => {
    if (!visible) return;
    const state = jobs()
      .map((job) => `${job.id} ${job.state}`)
      .join("|");
    if (state !== seen || (jobs().some(isLive) && Date.now() - looked > LOOK_EVERY)) load();
    seen = state;
  });
  store.on("opened", () => {
    asked += 1;
    pictures = []; // the server shows the open project's alone
    draw();
    if (visible) load();
  });
  return {
    element,
    samplers: () => samplers.map((name) => [name, name]),
    enter() {
      visible = true;
      load();
    },
    leave() {
      visible = false;
    },
  };
}
