// What the grid section knows: the project's runs, the suites, how many pictures a grid would have, and the grid that is there.
// Its parts listen by topic: "runs", "suites", "plan", "grid" (other cells, or some were drawn), "chosen" (a cell).

import { debounced } from "./dom.js";
import { t } from "./i18n.js";
import { isLive } from "./runs.js";
import { testValues } from "./test_values.js";

const ASK_AFTER = 350;
const LOOK_EVERY = 2500;

export function createTest({ api, store }) {
  const listeners = new Map();
  let visible = false;
  let asked = 0;
  let loaded = 0;
  let looked = 0;
  let looks = 0;
  let planned = "";
  let seen = "";
  let planning = Promise.resolve();
  let deleting = false;
  const model = {
    runs: null, // null: not known yet
    suites: [],
    samplers: ["Euler a"],
    schedules: ["Automatic"],
    others: [], // LoRAs of webui's folder
    plan: null, // {count, missing, seconds} or {error}
    grid: null, // {grids, cells, …}; null: none is there
    error: "", // why runs or lists are not known
    gridError: "",
    chosen: null, // a cell's id

    on(topic, listener) {
      if (!listeners.has(topic)) listeners.set(topic, new Set());
      listeners.get(topic).add(listener);
    },

    /** The run whose LoRA is looked at: the chosen one, else the newest. */
    run() {
      const runs = model.runs ?? [];
      return runs.find((one) => one.job === testValues(store).run) ?? runs[0] ?? null;
    },

    /** Which of the run's files are drawn. */
    snapshots() {
      const run = model.run();
      const names = new Set(testValues(store).snapshots);
      const some = run?.files.filter((one) => names.has(one.name)) ?? [];
      return some.length ? some : (run?.files ?? []);
    },

    /** What the server is asked for: the options with the run in them. */
    request() {
      return { run: model.run()?.job ?? "", snapshots: model.snapshots().map((one) => one.name) };
    },

    jobs: () => store.jobs.filter((job) => job.kind === "grid" && job.project === store.project?.name),

    async load() {
      const project = store.project?.name;
      loaded += 1;
      const own = loaded;
      try {
        const [runs, suites] = await Promise.all([api.get("test/runs"), api.get("test/suites")]);
        if (project !== store.project?.name || own !== loaded) return;
        model.runs = runs.runs;
        Object.assign(model, { others: runs.others, samplers: runs.samplers, schedules: runs.schedules });
        model.suites = suites.suites;
        model.error = "";
      } catch (error) {
        if (own !== loaded) return;
        model.error = error.message;
        tell("plan");
        return;
      }
      tell("runs");
      tell("suites");
      planned = "";
      plan();
      model.look();
    },

    /** Deletes a run's other snapshots; no grid is planned with them meanwhile, nor before it is known which are left. */
    async deleteOthers(run, cell, others) {
      deleting = true;
      await planning;
      try {
        await api.post("test/keep", { run, cell, others });
      } finally {
        await model.load();
        deleting = false;
      }
    },

    /** Fetches the grid that is there, as far as it is drawn. */
    async look() {
      looked = Date.now();
      const own = (looks += 1);
      const { run } = model.request();
      const project = store.project?.name;
      try {
        const grid = await api.get("test/grid", { run });
        if (own !== looks || run !== model.request().run || project !== store.project?.name) return;
        model.grid = grid.grids ? grid : null;
        model.gridError = "";
      } catch (error) {
        if (own !== looks) return;
        model.grid = null;
        model.gridError = error.message;
      }
      if (model.chosen && !model.grid?.cells[model.chosen]) model.choose(null);
      tell("grid");
    },

    choose(id) {
      if (id === model.chosen) return;
      model.chosen = id;
      tell("chosen");
    },

    takeSuites(suites) {
      model.suites = suites;
      tell("suites");
      planned = "";
      plan();
    },

    enter() {
      visible = true;
      model.load();
    },
    leave() {
      visible = false;
    },
  };

  const tell = (topic) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };

  const ask = debounced(ASK_AFTER, () => {
    if (visible && model.runs !== null && !deleting) planning = Promise.all([planning, askPlan()]);
  });
  const askPlan = async () => {
    asked += 1;
    const own = asked;
    const options = testValues(store);
    const nothing = !options.loras.length && !model.run(); // nothing to ask for, and a refused request would stand in the console
    try {
      if (nothing) throw new Error(t("There is no LoRA to look at: choose a run, or a file."));
      const answer = await api.post("test/plan", { options: { ...options, ...model.request() } });
      if (own === asked) model.plan = answer;
    } catch (error) {
      if (own === asked) model.plan = { error: error.message };
    }
    if (own === asked) tell("plan");
  };
  const plan = () => {
    const wanted = JSON.stringify([model.request(), testValues(store), store.project?.base_model, activationMark(store)]);
    if (wanted === planned) return;
    planned = wanted;
    if (model.plan) model.plan = { ...model.plan, busy: true };
    tell("plan");
    ask();
  };

  const changed = () => {
    const before = model.run()?.job;
    plan();
    tell("runs");
    if (before !== looking) model.look();
    looking = before;
  };
  let looking = null;
  store.on("project", changed);
  store.on("opened", () => {
    Object.assign(model, { runs: null, plan: null, grid: null, chosen: null });
    tell("runs");
    tell("grid");
    tell("chosen");
    if (visible) model.load();
  });
  store.on("jobs", () => {
    if (!visible) return;
    const state = store.jobs
      .filter((job) => ["train", "grid"].includes(job.kind) && job.project === store.project?.name)
      .map((job) => `${job.id} ${isLive(job) ? "live" : job.state}`)
      .join("|");
    const working = model.jobs().some((job) => job.state === "running");
    if (state !== seen && seen) model.load();
    else if (working && Date.now() - looked > LOOK_EVERY) model.look();
    seen = state;
  });
  return model;
}

const activationMark = (store) => JSON.stringify(store.project?.tag?.first ?? []);
