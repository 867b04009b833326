// Stages of a run: what each changes, how long it is, and their order. Without any the form above says all of the one stage.

import { makeControl } from "./control.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";
import { isGiven } from "./values.js";

const LENGTHS = ["max_train_epochs", "max_train_steps"];
// What has a field of its own in each stage; all else that a stage can change goes into its last field.
const FIELDS = ["lr_scheduler", "lr_warmup_steps", "learning_rate", "unet_lr", "text_encoder_lr", "resolution", "train_data_dir"];
const REST = "…";

const restSetting = () => ({
  name: REST,
  label: t("More settings"),
  kind: "strings",
  choices: [],
  default: null,
  help: t("Others that a stage can change, one a line as name=value: optimizer_type=Lion."),
});

/** `described`: the form's settings by name. */
export function stagesPart(app, described) {
  const { store } = app;
  const heading = h("summary", {});
  const list = h("div", { class: "lw-stages", role: "list" });
  const about = h("p", { class: "lw-dim" }, t("What a stage leaves open is as above. Steps and epochs are counted on."));
  const add = button("", () => change(added(stages(), store.project?.settings ?? {})), { kind: "lw-small", id: "lw-stage-add" });
  let controls = [];

  const stages = () => store.project?.settings?.stages ?? [];
  const change = (next) => store.change({ settings: changesFor(next, stages()) });
  const put = (index, stage) => change(stages().map((one, number) => (number === index ? stage : one)));

  const build = () => {
    controls = [];
    const count = stages().length;
    list.replaceChildren(...stages().map((_, index) => cardOf(index, count)));
  };
  const cardOf = (index, count) => {
    const own = (name) => stages()[index]?.[name];
    const set = (name, value) => put(index, changed(stages()[index], name, value));
    const form = {
      value: (name) => (name === REST ? wordsOf(stages()[index] ?? {}) : own(name)) ?? null,
      preset: () => undefined,
      blocked: () => "",
      set: (name, value) => (name === REST ? put(index, withWords(stages()[index], value)) : set(name, value)),
    };
    const rows = [...LENGTHS, ...FIELDS]
      .map((name) => described.get(name))
      .filter(Boolean)
      .concat(restSetting())
      .map((setting) => {
        const usual = store.project?.settings?.[setting.name];
        const shown = LENGTHS.includes(setting.name) ? null : isGiven(usual) ? usual : setting.default;
        return makeControl({ ...setting, default: shown, conflicts: [], id: `lw-stage-${index + 1}-${idOf(setting)}` }, form, app);
      });
    controls.push(...rows);
    const move = (by, words, sign) =>
      button(sign, () => change(moved(stages(), index, by)), {
        kind: "lw-small",
        title: words,
        "aria-label": words,
        disabled: index + by < 0 || index + by >= count,
      });
    return h(
      "section",
      { class: "lw-stage", role: "listitem", "aria-label": t("Stage {number}", { number: index + 1 }) },
      h(
        "div",
        { class: "lw-line lw-stage-head" },
        h("h4", {}, t("Stage {number}", { number: index + 1 })),
        move(-1, t("Earlier"), "↑"),
        move(1, t("Later"), "↓"),
        button("✕", () => change(removed(stages(), index)), {
          kind: "lw-small",
          title: t("Remove this stage"),
          "aria-label": t("Remove this stage"),
        }),
      ),
      rows.map((one) => one.row),
    );
  };

  const element = h("details", { class: "lw-export", id: "lw-stages" }, heading, about, list, h("div", { class: "lw-line" }, add));
  let built = "";
  const look = () => {
    const count = stages().length;
    const shape = `${store.project?.name}|${count}`;
    if (shape !== built) build();
    built = shape;
    setText(heading, count ? t("Stages: {count}", { count }) : t("Stages: one"));
    setText(add, count ? t("Add a stage") : t("Divide into stages"));
    show(about, count);
    for (const one of controls) one.refresh();
  };
  store.on("project", look);
  store.on("opened", () => {
    built = "";
    look();
  });
  look();
  return { element };
}

const idOf = (setting) => (setting.name === REST ? "more" : setting.name);

/** One stage more: the first two are the run as it was, and a short one with cosine behind it. */
export function added(stages, settings) {
  const more = { max_train_epochs: 2, lr_scheduler: "cosine" };
  if (stages.length) return [...stages, more];
  const [epochs, steps] = LENGTHS.map((name) => settings[name]);
  const first = isGiven(epochs) ? { max_train_epochs: epochs } : { max_train_steps: steps ?? 1600 };
  return [first, more];
}

/** Without the stage; what is left of two is again one run, which `changesFor` gives its stage's values. */
export function removed(stages, index) {
  return stages.filter((_, number) => number !== index);
}

export function moved(stages, index, by) {
  const next = [...stages];
  next.splice(index + by, 0, ...next.splice(index, 1));
  return next;
}

/** The stage with another value; of the two lengths there is one. */
export function changed(stage, name, value) {
  const next = { ...stage, [name]: value };
  if (LENGTHS.includes(name) && value !== null) for (const other of LENGTHS) if (other !== name) delete next[other];
  if (value === null) delete next[name];
  return next;
}

/** The project's settings for these stages: a single one is the run itself. */
export function changesFor(next, before) {
  const lengths = Object.fromEntries(LENGTHS.map((name) => [name, null]));
  if (next.length > 1) return { ...lengths, stages: next };
  const [only] = next.length ? next : before;
  return { ...lengths, stages: null, ...only };
}

/** What has no field of its own, one name=value a line; null where there is nothing. */
export function wordsOf(stage) {
  const lines = Object.entries(stage)
    .filter(([name]) => !LENGTHS.includes(name) && !FIELDS.includes(name))
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(" ") : value}`);
  return lines.length ? lines : null;
}

/** The stage with these lines in place of those; throws a sentence for a line that is none. */
export function withWords(stage, lines) {
  const kept = Object.entries(stage).filter(([name]) => LENGTHS.includes(name) || FIELDS.includes(name));
  const given = (lines ?? []).map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw new Error(t("Write each line as name=value, not {line}.", { line }));
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return Object.fromEntries([...kept, ...given]);
}
