// What the picture report says, which finding is looked at, and its pictures as the gallery wants them.

import { isLive } from "./runs.js";

export const ALL = "all";

export function createReport({ api, store }) {
  const listeners = new Set();
  let names = [];
  let states = "";
  let round = 0;
  const model = {
    data: null,
    error: "",
    code: ALL,
    words: "", // of the names that are looked for
    /** {name, size} of a picture that another tab asked for, or null; it can be cut without a report. */
    get wanted() {
      return store.picture?.dataset === store.project?.dataset ? (store.picture ?? null) : null;
    },
    get folder() {
      return model.data?.there || model.wanted ? store.project.dataset : "";
    },
    get count() {
      return names.length;
    },
    at: (index) => (index < names.length ? { name: names[index] } : null),
    on: (listener) => listeners.add(listener),
    /** What the chosen finding says of a picture; "" for all pictures. */
    told: (name) => fileOf(model, name)?.words ?? "",
    /** [code, words] of everything that was found in a picture. */
    faults: (name) =>
      (model.data?.findings ?? []).flatMap((one) => {
        const file = one.files.find((own) => own.name === name);
        return file ? [{ ...one, words: file.words, others: file.others }] : [];
      }),
    size: (name) => model.data?.sizes?.[name] ?? (name && model.wanted?.name === name ? model.wanted.size : null),
    place: (name) => names.indexOf(name),
    get dataset() {
      return store.project?.dataset ?? "";
    },
    jobs: () => store.jobs.filter((job) => job.kind === "pictures" && job.project === store.project?.name),

    choose(code) {
      model.code = code;
      list();
    },
    filter(words) {
      model.words = words.trim().toLowerCase();
      list();
    },
    /** Takes pictures out of the report that are no longer there, until it is made anew: nobody may ask for them. */
    gone(some) {
      const { sizes, findings } = model.data ?? {};
      for (const name of some) delete sizes?.[name];
      const left = findings?.map((one) => ({ ...one, files: one.files.filter((file) => !some.includes(file.name)) }));
      if (left) model.data.findings = left.filter((one, at) => one.files.length || !findings[at].files.length);
      list();
    },
    async load() {
      const own = ++round;
      try {
        const answer = await api.get("picture_report");
        if (own !== round) return;
        Object.assign(model, { data: answer, error: "" });
      } catch (error) {
        if (own !== round) return;
        Object.assign(model, { data: null, error: error.message });
      }
      list();
    },
  };

  const list = () => {
    const findings = model.data?.findings ?? [];
    const chosen = findings.find((one) => one.code === model.code);
    if (!chosen) model.code = ALL;
    const all = chosen ? chosen.files.map((one) => one.name) : Object.keys(model.data?.sizes ?? {});
    names = model.words ? all.filter((name) => name.toLowerCase().includes(model.words)) : all;
    listeners.forEach((listener) => listener());
  };
  store.on("opened", () => {
    Object.assign(model, { data: null, error: "" }); // its names are another dataset's
    list();
    model.load();
  });
  store.on("jobs", () => {
    const now = model
      .jobs()
      .map((job) => `${job.id} ${isLive(job) || job.state}`)
      .join("|");
    if (now !== states) model.load();
    states = now;
  });
  return model;
}

function fileOf({ data, code }, name) {
  return data?.findings?.find((one) => one.code === code)?.files.find((one) => one.name === name);
}
