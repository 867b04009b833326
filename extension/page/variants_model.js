// Which pictures variants are drawn of, with what, which variants there are, and decisions about them: shown at once, sent
// one after the other.

import { recall, remember } from "./memory.js";
import { isLive } from "./runs.js";
import { everyPicture } from "./variants_pictures.js";

const LOOK_EVERY = 1500;
export const GLARING = 7; // CFG above which colours glare
export const USUAL = {
  count: 4,
  denoise: 0.7,
  seed: 1,
  negative: "",
  steps: 30,
  cfg: 6,
  sampler: "Euler a",
  schedule: "Automatic",
  lora: "",
  strength: 1,
  only_masked: false,
};

export function variantsModel(app) {
  const { api, store } = app;
  const listeners = { pictures: [], choice: [], variants: [], options: [] };
  const tell = (...topics) => topics.forEach((topic) => listeners[topic].forEach((listener) => listener()));
  let visible = false;
  let round = 0;
  let asks = 0;
  let under = 0;
  let looked = 0;
  let seen = "";
  let all = [];
  let sending = Promise.resolve();
  const facts = new Map();
  const prompts = new Map(); // what was written for a picture in its caption's place; "" for several
  const decided = [];

  const model = {
    data: { variants: [], loras: [], samplers: [], schedules: [] },
    error: "",
    pictures: [], // those that fit the filter: {name, caption}
    words: "",
    chosen: [], // names
    over: null, // the variant of the one chosen picture that is drawn over in its place
    masked: false, // whether a painted part alone is drawn anew
    values: { ...USUAL, ...recall("variants-options", {}) },
    get folder() {
      return store.project?.dataset ?? "";
    },
    get one() {
      return model.chosen.length === 1 ? model.chosen[0] : null;
    },
    on: (topic, listener) => listeners[topic].push(listener),
    job: () => store.jobs.find((job) => job.kind === "variants" && job.project === store.project?.name && isLive(job)) ?? null,
    known: (name) => all.find((one) => one.name === name) ?? null,
    /** What is known of a picture, or of the variant that is drawn over in its place: {size, prompt, cfg, transparent}. */
    facts: (name) => facts.get(name === model.one && model.over ? overKey(model.over) : name) ?? null,
    glaring: () => (model.over ? [] : model.chosen.filter((name) => facts.get(name)?.cfg > GLARING)),
    withoutCaption: () => (model.over ? [] : model.chosen).filter((name) => model.known(name) && !model.known(name).caption.trim()),
    prompt: () => prompts.get(here()) ?? null,
    writePrompt(text) {
      if (text === null) prompts.delete(here());
      else prompts.set(here(), text);
      tell("options");
    },
    /** Draws over a variant (its name) from now on, or over the chosen picture again (null). */
    drawOver(name) {
      const one = name && model.data.variants.find((other) => other.name === name);
      if (one && model.one !== one.source) model.choose([one.source]);
      model.over = name;
      tell("choice", "options");
      look(model.chosen);
    },
    set(values) {
      model.values = { ...model.values, ...values };
      remember("variants-options", model.values);
      tell("options");
    },
    setMasked(masked) {
      if (masked === model.masked) return;
      model.masked = masked;
      tell("options");
    },
    filter(words) {
      model.words = words.trim().toLowerCase();
      model.pictures = model.words ? all.filter((one) => one.name.toLowerCase().includes(model.words)) : all;
      tell("pictures");
    },
    choose(names) {
      if (names.join("\n") === model.chosen.join("\n")) return;
      [model.chosen, model.over] = [names, null];
      if (names.length) remember("variants-of", { [model.folder]: names });
      tell("choice", "options");
      look(names);
    },
    toggle(name) {
      const there = model.chosen.includes(name);
      const names = there ? model.chosen.filter((one) => one !== name) : [...model.chosen, name];
      if (names.length) model.choose(names);
    },
    /** Drawn variants of the chosen pictures, or of all. */
    variants: (of = "chosen") =>
      model.data.variants.filter((one) => of === "all" || model.chosen.includes(one.source)),
    address: (one, size) => api.url("variants/picture", { folder: model.folder, name: one.name, mark: one.mark, size }),
    canUndo: () => decided.length > 0,

    /** accept, reject or undo, of one variant; resolves to what the server says of it. */
    decide(what, name, target = "") {
      const one = model.data.variants.find((other) => other.name === name);
      if (!one) return sending;
      one.state = { accept: "accepted", reject: "rejected", undo: "waiting" }[what];
      if (what === "undo") decided.splice(decided.lastIndexOf(name), decided.includes(name) ? 1 : 0);
      else decided.push(name);
      tell("variants");
      return send({ what, names: [name], target });
    },
    /** Takes the newest decision of this window back; the name that it was about. */
    undo() {
      const name = decided.at(-1);
      return name ? { name, sent: model.decide("undo", name) } : null;
    },
    async enter() {
      visible = true;
      await Promise.all([list(), model.load("1")]);
    },
    leave() {
      visible = false;
    },
    /** `more`: what others can be drawn with, too. */
    async load(more = "") {
      looked = Date.now();
      const { folder } = model;
      if (!folder) return;
      const own = (asks += 1);
      try {
        const { variants, ...rest } = await api.get("variants", { folder, more });
        if (folder !== model.folder) return;
        const isLate = under || own !== asks; // it may show as undecided what was decided since
        Object.assign(model, { data: { ...model.data, ...rest, ...(isLate ? {} : { variants }) }, error: "" });
      } catch (error) {
        if (folder !== model.folder || own !== asks) return;
        model.error = error.message;
      }
      tell("variants", "options");
    },
  };

  const overKey = (name) => `variant\n${name}`;
  const here = () => (model.over ? overKey(model.over) : (model.one ?? ""));

  const send = (body) => {
    under += 1;
    asks += 1;
    const { folder } = model;
    const sent = sending.then(async () => {
      try {
        const answer = await api.post("variants/decide", { folder, ...body });
        under -= 1;
        if (folder !== model.folder) return null;
        model.error = "";
        if (!under) model.data = { ...model.data, ...answer };
        if (body.what !== "reject") list(); // the dataset has another picture now, or one less
        tell("variants");
        return answer;
      } catch (error) {
        under -= 1;
        if (folder !== model.folder) return null;
        decided.splice(decided.lastIndexOf(body.names[0]), decided.includes(body.names[0]) ? 1 : 0);
        await model.load();
        model.error = error.message;
        tell("variants");
        return null;
      }
    });
    sending = sent;
    return sent;
  };

  const list = async () => {
    round += 1;
    const own = round;
    const { folder } = model;
    const found = await everyPicture(api, folder, () => own === round);
    if (own !== round) return;
    model.error = found.error;
    all = found.pictures;
    model.filter(model.words);
    const there = model.chosen.filter((name) => model.known(name));
    const before = (recall("variants-of", {})?.[folder] ?? []).filter((name) => model.known(name));
    const wanted = asked() ?? (there.length ? there : before.length ? before : all.slice(0, 1).map((one) => one.name));
    if (wanted.join("\n") === model.chosen.join("\n")) look(wanted);
    else model.choose(wanted);
    tell("choice");
  };
  /** The picture that another tab asked for, once. */
  const asked = () => {
    const { variantsOf } = store;
    if (variantsOf?.dataset !== model.folder || !model.known(variantsOf.name)) return null;
    store.variantsOf = null;
    return [variantsOf.name];
  };

  const look = async (names) => {
    const { folder, over } = model;
    for (const name of names.slice(0, 50)) {
      let found;
      try {
        found = await api.post("variants/look", { folder, name, ...(over ? { over } : {}) });
      } catch (error) {
        found = { error: error.message, size: null, prompt: "", cfg: null, transparent: false };
      }
      if (folder === model.folder) facts.set(over ? overKey(over) : name, found);
      if (folder !== model.folder || over !== model.over || names.join("\n") !== model.chosen.join("\n")) return;
      tell("choice", "options");
    }
  };

  store.on("jobs", () => {
    if (!visible) return;
    const jobs = store.jobs.filter((job) => job.kind === "variants" && job.project === store.project?.name);
    const state = jobs.map((job) => `${job.id} ${job.state}`).join("|");
    if (!under && (state !== seen || (jobs.some(isLive) && Date.now() - looked > LOOK_EVERY))) model.load();
    seen = state;
  });
  store.on("variants-of", () => {
    const wanted = asked();
    if (wanted) model.choose(wanted);
  });
  const forget = () => {
    if (model.folder === before) return;
    round += 1; // a list that is asked for is of the folder before
    before = model.folder;
    Object.assign(model, { data: { ...model.data, variants: [] }, chosen: [], over: null, pictures: [], error: "" });
    [all, decided.length] = [[], 0];
    facts.clear();
    prompts.clear();
    tell("pictures", "choice", "variants", "options");
  };
  let before = model.folder;
  store.on("project", forget);
  store.on("opened", () => {
    forget();
    if (visible) model.enter(); // not before: the server shows pictures of folders that it knows
  });
  return model;
}
