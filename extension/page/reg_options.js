// How regularization pictures are made: which way, the class word, what becomes of the activation tag, seed and sampling.

import { folderIcon, h, setText, show } from "./dom.js";
import { openFolderPicker } from "./folder_picker.js";
import { t } from "./i18n.js";
import { choiceField, numberField, radioField, textField } from "./reg_fields.js";
import { regValues } from "./reg_plan.js";
import { row } from "./tag_options.js";

const MOST_SEED = Number.MAX_SAFE_INTEGER;

export function regOptions(app, plan) {
  const { store } = app;
  const of = (name) => ({
    get: () => regValues(store)[name],
    set: (value) => store.change({ reg: { [name]: value } }),
  });
  const fields = [
    { part: wayField(of("way")) },
    { part: classWord(of("class_word")), shown: ({ way, drop_activation: drop }) => way === "class" || !drop },
    { part: activationField(of("activation"), plan), shown: ({ way }) => way === "matched" },
    { part: becomesField(of("drop_activation")), shown: ({ way }) => way === "matched" },
    { part: countField(of("count")), shown: ({ way }) => way === "class" },
    { part: tagsField(of("tags")), shown: ({ way }) => way === "class" },
    { part: seedField(store, of("seeds")) },
    { part: samplingField(store, of) },
    { part: scheduleField(store, of("schedule")), shown: ({ sampler }) => store.state.sampling.scheduled.includes(sampler) },
    { part: sizeLine(store) },
    { part: negativeField(of("negative")) },
  ];
  const own = folderField(app, {
    get: of("folder").get,
    set: (folder) => store.change({ reg: { folder }, settings: { reg_data_dir: folder || null } }),
  });
  const element = h(
    "div",
    { class: "lw-tag-options" },
    fields.map((one) => one.part.element),
    own.element,
  );
  const look = () => {
    const values = regValues(store);
    const mine = values.way === "folder";
    for (const { part, shown } of fields.slice(1)) show(part.element, !mine && (!shown || shown(values)));
    show(own.element, mine);
    for (const { part } of fields) part.put(values);
    own.put(values);
  };
  for (const topic of ["project", "opened", "state"]) store.on(topic, look);
  plan.on(look);
  look();
  return { element };
}

function wayField(value) {
  const choices = {
    matched: [t("matched"), t("one for each picture, from its caption")],
    class: [t("class pictures"), t("any number, from a class word")],
    folder: [t("my folder"), t("pictures that you have")],
  };
  return radioField("reg-way", t("Where they come from"), choices, value);
}

function classWord(value) {
  const help = t("What your subject is one of. The pictures show the base model what must stay as it is.");
  const example = t("for instance: {example}", { example: "1girl" });
  return textField("lw-reg-class", t("Class word"), help, { placeholder: example, ...value });
}

function activationField(value, plan) {
  const help = t("The tag that stands for your subject in the captions; empty: the one that most of them begin with.");
  const part = textField("lw-reg-activation", t("Activation tag"), help, value);
  const { put } = part;
  part.put = () => {
    put();
    const found = plan.data?.activation;
    part.field.placeholder = found ? t("found: {tag}", { tag: found }) : t("found by itself");
  };
  return part;
}

function becomesField({ get, set }) {
  const choices = { word: t("the class word"), nothing: t("nothing") };
  const select = choiceField("lw-reg-becomes", choices, {
    get: () => (get() ? "nothing" : "word"),
    set: (chosen) => set(chosen === "nothing"),
  });
  const help = t("In the prompts, which are your captions otherwise.");
  return { element: row("lw-reg-becomes", t("In its place"), help, select.element), put: select.put };
}

function countField(value) {
  const number = numberField("lw-reg-count", "", { low: 1, high: 10000, whole: true, ...value });
  const help = t("As many as your pictures times their repeats is enough; more are not used.");
  const element = h("div", {}, row("lw-reg-count", t("How many"), help, number.element), number.wrong);
  return { element, put: number.put };
}

function tagsField(value) {
  const help = t("After the class word in each prompt: what all pictures share.");
  const example = t("for instance: {example}", { example: "smile, outdoors" });
  return textField("lw-reg-tags", t("Tags after it"), help, { placeholder: example, split: true, ...value });
}

/** The training's seed is the run's own setting, so it is changed there too. */
function seedField(store, seeds) {
  const number = numberField("lw-reg-seed", "", {
    low: 0,
    high: MOST_SEED,
    whole: true,
    get: () => store.project?.settings?.seed,
    set: (seed) => store.change({ settings: { seed } }),
  });
  const rule = choiceField("lw-reg-seeds", { same: t("the same for all"), index: t("counted on by picture") }, seeds);
  const words = h("span", { class: "lw-dim" }, t("counted on by picture"));
  const help = t("The seed of the training, which is this project's setting seed.");
  const element = h("div", {}, row("lw-reg-seed", t("Training seed"), help, number.element, rule.element, words), number.wrong);
  return {
    element,
    put({ way }) {
      number.put();
      rule.put();
      show(rule.element, way === "matched");
      show(words, way === "class");
    },
  };
}

const named = (names) => Object.fromEntries(names.map((one) => [one, one]));

/** webui's samplers by webui's names; those with noise levels of their own have no schedule to choose. */
function scheduleField(store, value) {
  const select = choiceField("lw-reg-schedule", named(store.state.sampling.schedules), value);
  const help = t("The sampler's noise levels, as webui calls them; Automatic is what webui takes for it.");
  return { element: row("lw-reg-schedule", t("Schedule type"), help, select.element), put: select.put };
}

function samplingField(store, of) {
  const sampler = choiceField("lw-reg-sampler", named(store.state.sampling.samplers), of("sampler"));
  const steps = numberField("lw-reg-steps", t("steps"), { low: 2, high: 1000, whole: true, ...of("steps") });
  const cfg = numberField("lw-reg-cfg", t("CFG"), { low: 1, high: 30, ...of("cfg") });
  const help = t("DDIM, 20 to 40 steps and CFG 5 to 7 are usual: higher ones teach glaring colours.");
  const parts = [sampler.element, steps.element, cfg.element];
  const element = h(
    "div",
    { class: "lw-reg-sampling" },
    row("lw-reg-sampler", t("Sampling"), help, parts),
    steps.wrong,
    cfg.wrong,
  );
  return { element, put: () => [sampler, steps, cfg].forEach((one) => one.put()) };
}

/** The size is the training's: it is said here and changed there. */
function sizeLine(store) {
  const words = h("span", { id: "lw-reg-size" });
  const help = t("Every picture is drawn in the size that its training picture is trained in.");
  return {
    element: row("lw-reg-size", t("Size"), help, words),
    put() {
      const { resolution, enable_bucket: buckets } = store.project?.settings ?? {};
      const size = String(resolution ?? "").replaceAll(",", "×");
      setText(words, buckets ? t("{size}, in the training's buckets", { size }) : size || "–");
    },
  };
}

function negativeField(value) {
  return textField("lw-reg-negative", t("Negative prompt"), t("What no picture should show; empty is usual."), value);
}

function folderField(app, { get, set }) {
  const { store } = app;
  const field = textField(
    "lw-reg-folder",
    t("Folder"),
    t("Pictures of the class, plain or in folders such as 1_girl; captions beside them are used."),
    { placeholder: t("its whole path"), late: true, get, set: (path) => set(path.trim()) },
  );
  const choose = async () => {
    if (store.state.rights.hide_folders) return;
    const folder = await openFolderPicker(app, get() || store.project?.dataset);
    if (folder) set(folder);
  };
  const label = t("Choose a folder");
  const icon = h(
    "button",
    { type: "button", class: "lw-button lw-small", "aria-label": label, on: { click: choose } },
    folderIcon(),
  );
  field.element.querySelector(".lw-set-field").append(icon);
  const hidden = h(
    "p",
    { class: "lw-why", hidden: true },
    t("Folders can't be chosen here: webui was started with --hide-ui-dir-config."),
  );
  return {
    element: h("div", {}, field.element, hidden),
    put(values) {
      field.put(values);
      field.field.disabled = store.state.rights.hide_folders;
      show(icon, !store.state.rights.hide_folders);
      show(hidden, store.state.rights.hide_folders);
    },
  };
}
