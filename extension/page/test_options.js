// The left side of a grid: which LoRA, what varies, and how each picture is drawn.

import { h, setAttribute, show } from "./dom.js";
import { t } from "./i18n.js";
import { loraPart } from "./test_lora.js";
import { moreOptions } from "./test_more.js";
import { suitesPart } from "./test_suites.js";
import { triedLine } from "./test_tried.js";
import { activationOf, numberField, testValues, textField } from "./test_values.js";

const TWO = [0.1, 0.25, 0.5, 1, 2];
const HIGHER = [1, 1.2, 1.4, 1.5, 1.6, 1.8];
const AROUND = [0.5, 0.8, 1, 1.2];

export function gridOptions(app, model) {
  const { store } = app;
  const strengths = strengthPart(store, model);
  const subject = textField(store, "subject", {
    label: t("Subject"),
    help: t("The words that SUBJECT in a list stands for; without any, the first tag of the captions."),
    placeholder: () => activationOf(store),
  });
  const prompts = textField(store, "prompts", {
    label: t("Own prompts"),
    help: t("One a line; they are drawn besides the lists. --n begins a negative prompt."),
    placeholder: () => t("for instance: {example}", { example: `${activationOf(store) || "penny"}, smile` }),
    rows: 2,
  });
  const seeds = numberField(store, "seeds", {
    label: t("Seeds"),
    help: t("Several with spaces between them, or a range such as 1-5; judge by more than one."),
    low: 0,
    high: 9e15,
    whole: true,
    list: true,
    presets: [["1–5", [1, 2, 3, 4, 5], t("five seeds")]],
  });
  const more = moreOptions(app, model);
  const fields = [subject, prompts, seeds, ...strengths.fields, ...more.fields];
  const element = h(
    "div",
    { class: "lw-test-options" },
    triedLine(store),
    loraPart(app, model).element,
    strengths.element,
    suitesPart(app, model).element,
    h("div", { class: "lw-test-part" }, subject.element, prompts.element, seeds.element),
    more.element,
  );
  const look = () => {
    fields.forEach((field) => field.put());
    strengths.look();
  };
  model.on("runs", look);
  store.on("state", look);
  look();
  return { element };
}

/** Strength of both parts together, or text encoder against UNet. */
function strengthPart(store, model) {
  const presets = [
    [t("lower"), TWO, "0.1 0.25 0.5 1 2"],
    [t("higher"), HIGHER, "1 1.2 1.4 1.5 1.6 1.8"],
  ];
  const limits = { low: -5, high: 5, list: true, presets };
  const fields = {
    strength: numberField(store, "strength", {
      ...limits,
      label: t("Strengths"),
      help: t(
        "How strongly the LoRA acts. It should be right at 1: what must be lowered is overfit. Ranges are taken too: 0.5-1.5 (+0.25).",
      ),
      presets: [[t("around 1"), AROUND, "0.5 0.8 1 1.2"], ...presets],
    }),
    te: numberField(store, "te", {
      ...limits,
      label: t("Text encoder"),
      help: t("Strengths of what the text encoder learnt: how the words are understood."),
    }),
    unet: numberField(store, "unet", {
      ...limits,
      label: t("UNet"),
      help: t("Strengths of what the UNet learnt: how it is drawn."),
    }),
  };
  const ways = [
    ["together", t("together"), false],
    ["parts", t("text encoder × UNet"), true],
  ].map(([name, words, parts]) =>
    h(
      "button",
      {
        type: "button",
        class: "lw-segment",
        id: `lw-test-way-${name}`,
        on: { click: () => store.change({ test: { parts, ...(parts ? single(model) : {}) } }) },
      },
      words,
    ),
  );
  const title = h("span", { class: "lw-set-label" }, t("How strongly"));
  const segments = h("div", { class: "lw-segments", role: "group", "aria-label": t("How strongly") }, ways);
  const element = h(
    "div",
    { class: "lw-test-part" },
    h("div", { class: "lw-test-ways" }, title, segments),
    Object.values(fields).map((one) => one.element),
  );
  return {
    element,
    fields: Object.values(fields),
    look() {
      const { parts } = testValues(store);
      ways.forEach((one, number) => setAttribute(one, "aria-pressed", String(parts === (number === 1))));
      show(fields.strength.element, !parts);
      show(fields.te.element, parts);
      show(fields.unet.element, parts);
    },
  };
}

/** 25 strengths of every snapshot would be many: the last one alone, until others are chosen. */
function single(model) {
  const files = model.run()?.files ?? [];
  return model.snapshots().length === files.length ? { snapshots: files.slice(-1).map((one) => one.name) } : {};
}
