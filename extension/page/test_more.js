// What a grid's pictures have in common, and what else may vary: sampler, size, checkpoints, block weights, layout, numbers.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { filesPart, severalPart } from "./test_lists.js";
import { choiceField, listField, numberField, testValues, textField } from "./test_values.js";

export function moreOptions(app, model) {
  const { store } = app;
  const axes = {
    "": t("as it fits"),
    snapshots: t("snapshots"),
    strength: t("strengths"),
    te: t("text encoder"),
    unet: t("UNet"),
    lbw: t("block weights"),
    x: "X",
    together: t("other LoRAs with it"),
    checkpoints: t("checkpoints"),
    prompts: t("prompts"),
    seeds: t("seeds"),
    cfg: "CFG",
    sampler: t("samplers"),
    steps: t("sampling steps"),
    clip_skip: t("clip skip"),
  };
  const named = (names) => names.map((name) => [name, name]);
  const taggers = () => [["", t("no numbers by a tagger")], ...store.state.taggers.map((one) => [one.path, one.name])];
  const placed = () => Object.entries(axes).filter(([name]) => fits(name, testValues(store)));
  const asTrained = t("as trained");
  const size = { help: t("In pixels, multiples of 8."), low: 0, high: 4096, whole: true, none: asTrained };
  const fields = [
    numberField(store, "cfg", { label: "CFG", help: t("5 to 7 is usual; higher burns."), low: 1, high: 50, list: true }),
    textField(store, "negative", { label: t("Negative prompt"), help: t("What no picture should have.") }),
    choiceField(store, "sampler", {
      label: t("Sampler"),
      help: t("As webui calls it."),
      choices: () => named(model.samplers),
    }),
    severalPart(app, "more_samplers", {
      label: t("Also by"),
      help: t("Other samplers, to compare with: each is drawn too."),
      choices: () => model.samplers.filter((one) => one !== testValues(store).sampler),
    }),
    choiceField(store, "schedule", {
      label: t("Schedule type"),
      help: t("As webui calls it."),
      choices: () => named(model.schedules),
    }),
    numberField(store, "steps", { label: t("Sampling steps"), help: t("20 is usual."), low: 1, high: 500, whole: true }),
    numberField(store, "more_steps", {
      label: t("Also after"),
      help: t("Other numbers of sampling steps, to compare with; ranges are taken too: 10-30 (+5)."),
      low: 1,
      high: 500,
      whole: true,
      list: true,
      optional: true,
    }),
    numberField(store, "clip_skip", {
      label: "Clip skip",
      help: t("Several with spaces between them are compared; empty: as trained."),
      low: 1,
      high: 12,
      whole: true,
      list: true,
      none: asTrained,
    }),
    numberField(store, "width", { ...size, label: t("Width") }),
    numberField(store, "height", { ...size, label: t("Height") }),
    choiceField(store, "rows", { label: t("Rows"), help: t("What changes from row to row."), choices: placed }),
    choiceField(store, "columns", { label: t("Columns"), help: t("What changes from column to column."), choices: placed }),
    filesPart(app, "checkpoints", {
      label: t("Also on"),
      help: t("Other checkpoints, besides the one that was trained on: there it must work too."),
      placeholder: t("a checkpoint"),
      known: () => store.state.checkpoints,
    }),
    filesPart(app, "loras", {
      label: t("Other LoRAs"),
      help: t("Files of other runs, to compare with."),
      placeholder: t("a file's whole path"),
      known: () => model.others,
    }),
    listField(store, "together", {
      label: t("Put on with it"),
      help: t("LoRAs of webui's folder that are put on besides; each line is drawn in turn, and none of them first."),
      placeholder: "<lora:style:0.8>",
      mark: "\n",
    }),
    listField(store, "lbw", {
      label: t("Block weights"),
      help: t("Presets such as OUTX, or a list of numbers, with spaces between them."),
      placeholder: "ALL OUTX MIDD",
      mark: " ",
    }),
    numberField(store, "x", {
      label: "X",
      help: t("What X in the block weights stands for."),
      low: -10,
      high: 10,
      list: true,
      optional: true,
    }),
    choiceField(store, "tagger", {
      label: t("Numbers by"),
      help: t("A tagger can say how surely it sees the prompt's tags, and how like a training picture a cell is."),
      choices: taggers,
    }),
  ];
  const element = h(
    "details",
    { class: "lw-export lw-test-more" },
    h("summary", {}, t("More: size, sampler, checkpoints, layout, numbers")),
    fields.map((one) => one.element),
  );
  return { element, fields };
}

/** Whether the axis can have several values as the strengths are chosen. */
function fits(axis, { parts }) {
  if (axis === "strength") return !parts;
  return parts || (axis !== "te" && axis !== "unet");
}
