// What is done with the weights: the word for a prompt, training with them, trying them in a grid, baking them into a file.

import { bakePart } from "./blocks_bake.js";
import { blockValues, hasX, isRandom, weightOf } from "./blocks_model.js";
import { copyFrom } from "./clipboard.js";
import { h, setText, show } from "./dom.js";
import { beginSettings } from "./form.js";
import { t } from "./i18n.js";
import { remember } from "./memory.js";
import { sayWhereFrom } from "./next_run.js";
import { button, disable, errorLine } from "./parts.js";
import { numberField } from "./reg_fields.js";

// kohya's and our words in network_args that say what blocks are trained with.
const OF_BLOCKS = /^(block_weights|x|block_presets|down_lr_weight|mid_lr_weight|up_lr_weight|block_lr_zero_threshold)=/;
const GRID_X = [0, 0.25, 0.5, 0.75, 1];

export function usePart(app, model) {
  const { store } = app;
  const said = h("p", { class: "lw-told", role: "status", id: "lw-blocks-said", hidden: true });
  const line = errorLine();
  const say = (words) => {
    setText(said, words);
    show(said, words);
  };
  const train = button(t("Train with these"), () => trainWith(app), { line, kind: "lw-strong", id: "lw-blocks-train" });
  const grid = button(t("Try in a grid"), () => tryInGrid(app, model), { line, id: "lw-blocks-grid" });
  const bake = bakePart(app, model, say);
  const why = errorLine();
  why.classList.replace("lw-error", "lw-why");
  const element = h(
    "section",
    { class: "lw-blocks-use" },
    wordPart(store, model),
    h("div", { class: "lw-line" }, train, grid, bake.button),
    why,
    bake.element,
    line,
    said,
  );
  const look = () => {
    const { values, x } = blockValues(store);
    const wanting = model.lora() ? "" : t("Choose a LoRA above, and it can be tried in a grid or baked.");
    const random = isRandom(values) ? t("R and U are random weights: write numbers or X for training and baking.") : "";
    const below = values.some((word) => (weightOf(word, x) ?? 0) < 0);
    const negative = below ? t("A block trained with less than 0 makes no sense: raise it to 0 or more.") : "";
    disable(train, random || negative);
    disable(grid, wanting || random);
    disable(bake.button, wanting || random);
    setText(why, [random, negative, wanting].filter(Boolean).join(" "));
    show(why, random || negative || wanting);
  };
  for (const topic of ["info", "values"]) model.on(topic, look);
  look();
  return { element };
}

/** The `<lora:…>` word, by name which part has which strength, and Copy. */
function wordPart(store, model) {
  const field = h("input", {
    type: "text",
    class: "lw-input lw-wide lw-blocks-word",
    id: "lw-blocks-word",
    readOnly: true,
    "aria-label": t("For the prompt"),
    placeholder: t("Choose a LoRA above, and its word for the prompt stands here."),
  });
  const told = h("span", { class: "lw-dim", role: "status" });
  const copy = button(t("Copy"), async () => setText(told, await copyFrom(field)), { id: "lw-blocks-copy" });
  const lines = h("p", { class: "lw-dim", id: "lw-blocks-word-lines", hidden: true });
  const wrong = errorLine();
  const limits = { low: -5, high: 5 };
  const strengths = ["te", "unet"].map((part) =>
    numberField(`lw-blocks-${part}`, `${part}=`, {
      ...limits,
      get: () => blockValues(store)[part],
      set: (value) => model.change({ [part]: value }),
    }),
  );
  const element = h(
    "div",
    {},
    h("div", { class: "lw-line" }, field, copy, strengths.map((one) => one.element), told),
    strengths.map((one) => one.wrong),
    lines,
    wrong,
  );
  const look = () => {
    field.value = model.word;
    setText(lines, model.wordLines.join(" "));
    show(lines, model.wordLines.length);
    setText(wrong, model.wordError);
    show(wrong, model.wordError);
    disable(copy, model.word ? "" : t("Choose a LoRA above, and its word for the prompt stands here."));
  };
  model.on("word", look);
  model.on("word", () => setText(told, ""));
  model.on("values", () => strengths.forEach((one) => one.put()));
  strengths.forEach((one) => one.put());
  look();
  return element;
}

/** Puts the weights into the project's network_args, and opens the Train tab. */
async function trainWith(app) {
  const { api, store } = app;
  if (!Object.keys(store.project.settings ?? {}).length) beginSettings(store, (await api.get("form")).presets);
  const { values, x, preset } = blockValues(store);
  const others = asWords(store.project.settings?.network_args).filter((one) => !OF_BLOCKS.test(one));
  const all = values.every((word) => Number(word) === 1);
  const own = all ? [] : [`block_weights=${values.join(",")}`, ...(hasX(values) ? [`x=${x}`] : [])];
  const words = [...others, ...own];
  store.change({ settings: { network_args: words.length ? words : null } });
  const shown = preset || values.join(",");
  const said = all
    ? t("All blocks are trained alike again.")
    : t("Trains with the block weights {weights}: network_args says so.", { weights: shown });
  sayWhereFrom(store, said);
  app.showTab("train"); // at once: who goes elsewhere while it is saved isn't called back
  await store.flush();
}

function asWords(given) {
  return Array.isArray(given) ? given.map(String) : String(given ?? "").split(/\s+/).filter(Boolean);
}

/** X at several values; without X, all blocks beside these weights. The LoRA is the chosen one. */
async function tryInGrid(app, model) {
  const { store } = app;
  const { values, preset, x, te, unet } = blockValues(store);
  const lora = model.lora();
  const of = lora.job ? { run: lora.job, snapshots: [lora.file], loras: [] } : { loras: [lora.path], snapshots: [] };
  const named = preset && values.join() === model.presets().find((one) => one.name === preset)?.values.join();
  const strength = te === unet ? { parts: false, strength: [te] } : { parts: true, te: [te], unet: [unet] };
  const weights = named && values.length !== 26 && values.length !== 20 ? preset : values.join(",");
  const axes = hasX(values)
    ? { lbw: [weights], x: [...new Set([...GRID_X, x])].sort((first, second) => first - second) }
    : { lbw: ["ALL", weights], x: [] };
  store.change({ test: { ...of, ...strength, ...axes } });
  const shown = { lora: lora.name, weights: named ? preset : values.join(","), x: axes.x.join(", ") };
  const words = axes.x.length
    ? t("From Block weights: {lora} with {weights} and X at {x}; the fields for it are under More.", shown)
    : t("From Block weights: {lora} with {weights}; the fields for it are under More.", shown);
  store.tried = { project: store.project.name, words };
  store.tell("tried");
  remember("test-section", "grid");
  store.tell("test-section");
  app.showTab("test");
  await store.flush();
}
