// The dataset's captions as the Captions tab sees them: which pictures the filter leaves, their tags with counts, the
// selection, and the captions themselves as far as they are looked at. Every part of the tab listens here by topic:
// "list" (pictures or counts differ), "captions" (texts came or changed), "selection", "current", "wrong" (the filter).

import { saveEdit } from "./captions_save.js";
import { debounced } from "./dom.js";
import { recall, remember } from "./memory.js";

const AT_ONCE = 200;
const ASK_AFTER = 30;

export function createCaptions({ api, store }) {
  const listeners = new Map();
  const texts = new Map(); // number → {number, name, tags, stale}
  const wanted = new Set(); // numbers to ask for, and those that are being asked for
  const asking = new Set();
  let folder = "";
  let places = new Map();
  let asked = 0;
  let known = null;
  const model = {
    filter: "",
    only: null, // {label, numbers, listing}: pictures that a finding names, in place of the filter
    wrong: "", // what is wrong with the filter
    error: "", // why the folder can't be read
    listing: "",
    revision: -1,
    pictures: 0,
    captioned: 0,
    filled: 0, // of those shown, how many have a caption
    numbers: null, // those that the filter leaves; null: all
    tags: [],
    activation: { tags: [], given: false },
    selected: new Set(),
    anchor: 0,
    current: null, // the number of the picture that is looked at
    get folder() {
      return folder;
    },
    get count() {
      return model.numbers ? model.numbers.length : model.pictures;
    },
    on(topic, listener) {
      if (!listeners.has(topic)) listeners.set(topic, new Set());
      listeners.get(topic).add(listener);
    },

    open(path) {
      if (path === folder) return;
      folder = path;
      forget();
      Object.assign(model, {
        listing: "",
        revision: -1,
        pictures: 0,
        captioned: 0,
        tags: [],
        only: null,
        wrong: "",
        error: "",
      });
      model.numbers = [];
      model.filter = recall("captions-filter", {})?.[folder] ?? "";
      tell("list");
      if (folder) model.refresh();
    },

    /** Asks for what the filter leaves, and which captions changed. `keep`: what is shown stays, though it may fit no more. */
    async refresh({ keep = false } = {}) {
      if (!folder) return;
      asked += 1;
      const own = asked;
      const body = { folder, since: model.revision, ...model.target(false) };
      try {
        const answer = await api.post("captions/query", body);
        if (own === asked) take(answer, keep);
      } catch (error) {
        if (own !== asked) return;
        if (model.only && error.status === 409) {
          model.only = null; // pictures came or went: the numbers mean others now
          await model.refresh();
          return;
        }
        if (model.filter && error.status === 400) model.wrong = error.message;
        else model.error = error.message;
        tell(model.wrong ? "wrong" : "list");
      }
    },

    setFilter(text) {
      if (text === model.filter && !model.only) return;
      model.filter = text;
      model.only = null;
      model.wrong = "";
      remember("captions-filter", { [folder]: text });
      return model.refresh();
    },

    /** Shows only these pictures, until another filter is set. */
    look(label, numbers, listing = model.listing) {
      model.only = { label, numbers, listing };
      return model.refresh();
    },

    number: (index) => (model.numbers ? model.numbers[index] : index),
    index: (number) => (model.numbers ? (places.get(number) ?? -1) : number < model.pictures ? number : -1),

    /** The caption at a place of the filtered list; null while it is fetched. */
    at(index) {
      const number = model.number(index);
      return number === undefined ? null : model.of(number);
    },

    of(number) {
      const one = texts.get(number);
      if ((!one || one.stale) && !asking.has(number)) {
        wanted.delete(number);
        wanted.add(number); // as the last: what only flies by is not asked for
        fetchSoon();
      }
      return one ?? null;
    },

    choose(number) {
      if (model.current === number) return;
      model.current = number;
      tell("current");
    },

    select(numbers) {
      model.selected = new Set(numbers);
      tell("selection");
    },

    /** What a request names: the selection, else what is shown. */
    target(selection) {
      if (selection) return { numbers: [...model.selected], listing: model.listing };
      if (model.only) return { numbers: model.only.numbers, listing: model.only.listing };
      return { filter: model.wrong ? lastFilter : model.filter };
    },

    /** Changes one picture's tags, in the folder that it is of; what the server refuses is shown as it is there. */
    async edit(place, number, name, before, after, waiting) {
      try {
        const answer = await saveEdit(api, place, { number, name, before, after }, waiting);
        if (answer.failed_count) throw new Error(`${answer.failed[0].name}: ${answer.failed[0].reason}`);
      } catch (error) {
        if (place !== folder) throw error;
        if (texts.has(number)) texts.get(number).stale = true;
        model.of(number);
        throw error;
      }
      await model.refresh({ keep: true });
    },

    /** Shows tags at once, before the server has them. */
    show(number, tags) {
      const one = texts.get(number);
      if (!one) return;
      texts.set(number, { ...one, tags });
      tell("captions");
    },

    /** All tags of the folder with counts, for suggestions. */
    async known() {
      if (known?.revision === model.revision) return known.tags;
      if (!model.filter && !model.only) known = { revision: model.revision, tags: model.tags };
      else known = await api.post("captions/query", { folder });
      return known.tags;
    },
  };
  let lastFilter = "";

  const tell = (topic) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };

  const forget = () => {
    texts.clear();
    wanted.clear();
    asking.clear();
    model.selected = new Set();
    model.current = null;
    known = null;
  };

  const take = (answer, keep) => {
    const relisted = answer.listing !== model.listing;
    if (relisted) {
      forget();
      tell("current"); // a number means another picture now
    } else for (const number of answer.changed) if (texts.has(number)) texts.get(number).stale = true;
    const { listing, revision, pictures, captioned, filled, tags, activation } = answer;
    Object.assign(model, { listing, revision, pictures, captioned, filled, tags, activation, error: "" });
    if (!keep || relisted || !model.numbers) {
      model.numbers = answer.numbers;
      places = new Map(answer.numbers?.map((number, index) => [number, index]));
    }
    if (!model.wrong) lastFilter = model.filter;
    tell("wrong");
    tell("list");
    if (relisted) tell("selection");
    if (answer.changed.length) tell("captions");
    if (model.current === null || model.index(model.current) < 0) model.choose(model.count ? model.number(0) : null);
    else if (texts.get(model.current)?.stale) model.of(model.current);
  };

  const fetchSoon = debounced(ASK_AFTER, async () => {
    const numbers = [...wanted].slice(-AT_ONCE);
    wanted.clear();
    for (const number of numbers) asking.add(number);
    const [own, listing] = [folder, model.listing];
    try {
      const answer = await api.get("captions", { folder, numbers: numbers.join(","), limit: AT_ONCE });
      if (own !== folder || listing !== model.listing) return;
      if (answer.listing !== listing) return model.refresh();
      const stale = answer.revision < model.revision; // some may have changed since
      for (const one of answer.captions)
        texts.set(one.number, { ...one, stale, caption: one.tags.filter((tag) => tag !== "\n").join(", ") });
    } catch (error) {
      if (own !== folder) return;
      model.error = error.message;
      tell("list");
    } finally {
      for (const number of numbers) asking.delete(number);
    }
    tell("captions");
  });

  store.on(
    "jobs",
    jobsWatch(store, () => model.refresh()),
  );
  return model;
}

/** Calls when a tagging job of the project ends, and now and then while it runs. */
function jobsWatch(store, changed) {
  let last = "";
  let at = 0;
  return () => {
    const jobs = store.jobs.filter((job) => job.kind === "tag" && job.project === store.project?.name);
    const state = jobs.map((job) => `${job.id} ${job.state}`).join("|");
    const working = jobs.some((job) => job.state === "running");
    if (state === last && !(working && Date.now() - at > 5000)) return;
    const first = !last;
    [last, at] = [state, Date.now()];
    if (!first) changed();
  };
}
