// What the page knows: the server's state, the jobs, the plan. Parts of the page listen by topic and change in place.
//
// Topics: "state" (set-up, models, rights), "project" (its values), "opened" (another project or dataset),
// "dataset" (its files), "jobs", "plan", "connection", "notice".

import { isPassing } from "./api.js";
import { debounced } from "./dom.js";
import { t } from "./i18n.js";

const SAVE_AFTER = 300;
const SAVE_AGAIN = 2000;
const PARTS = ["settings", "tag", "reg", "test", "blocks", "advice"]; // of a project: their values change one by one

export function createStore(api, state) {
  const listeners = new Map();
  const pending = new Map(); // by their project's name
  let saving = Promise.resolve();
  let edits = 0; // counted when made and when saved: an answer from in between is stale
  let asked = 0;
  let taken = 0;
  const store = {
    state,
    jobs: [], // those that run or wait, and the newest that ended
    told: 0, // how many events have told of them
    older: [], // all others, once somebody asked for them
    forgotten: 0, // how many were removed
    plan: null,
    connected: true,
    notice: "",

    on(topic, listener) {
      if (!listeners.has(topic)) listeners.set(topic, new Set());
      listeners.get(topic).add(listener);
    },
    tell(topic) {
      for (const listener of listeners.get(topic) ?? []) listener();
    },
    get project() {
      return store.state.project;
    },

    /** Settings as a run gets them: the project's, with what the top bar chooses. */
    runSettings() {
      const { settings = {}, base_model: base, dataset } = store.project ?? {};
      const values = { ...settings };
      if (base) values.pretrained_model_name_or_path = base;
      if (dataset) values.train_data_dir = dataset;
      return values;
    },

    /** Changes the project here at once and on the server soon; null takes a setting away. */
    change(changes) {
      const before = store.project;
      store.state.project = merged(before, changes);
      pending.set(before?.name, joined(pending.get(before?.name) ?? {}, changes));
      edits += 1;
      save();
      store.tell("project");
      if (!("dataset" in changes) || changes.dataset === before.dataset) return;
      store.flush().then(() => store.tell("opened")); // the server shows pictures of datasets that it knows, so it must know first
    },

    /** Sends what waits and tells when the server has it. */
    async flush() {
      save.cancel();
      send();
      await saving;
    },

    /** Takes a project that the server made or opened. */
    open(project) {
      store.flush(); // what was changed of the one before while this one was on its way
      edits += 1; // an answer that was asked for before has that one
      store.state.project = project;
      if (project && !store.state.projects.includes(project.name))
        store.state.projects = [...store.state.projects, project.name];
      store.tell("opened");
      store.tell("project");
    },

    /** Takes what another window may have changed; what is being changed here stays. */
    async refresh() {
      await saving;
      const began = edits;
      const own = (asked += 1);
      const fresh = await api.get("state");
      if (own < taken) return; // a newer answer came first
      taken = own;
      const untouched = !pending.size && edits === began;
      const kept = store.project;
      const other = fresh.project?.name !== kept?.name || fresh.project?.dataset !== kept?.dataset;
      store.state = untouched ? fresh : { ...fresh, project: kept };
      store.tell("state");
      if (untouched && other) store.tell("opened");
      if (untouched) store.tell("project");
    },

    takeEvents(data) {
      if (data.jobs) {
        store.jobs = data.jobs;
        store.told += 1;
      }
      if (data.setup) {
        const ready = store.state.setup.ready;
        store.state.setup = { ...store.state.setup, ...data.setup };
        if (ready !== store.state.setup.ready) refreshQuietly();
        else store.tell("state");
      }
      store.tell("jobs");
      if ("project" in data && (data.project ?? null) !== (store.project?.name ?? null)) refreshQuietly();
    },

    /** A sentence that stays in sight under the top bar until something better is known. */
    say(sentence) {
      store.notice = sentence;
      store.tell("notice");
    },
  };

  const refreshQuietly = () => store.refresh().catch((error) => store.say(error.message));

  const send = () => {
    if (pending.size) saving = saving.then(sendAll);
  };
  /** Sends what waits by then: what could not be sent before, with what was changed since. */
  const sendAll = async () => {
    for (const project of [...pending.keys()]) {
      const changes = pending.get(project);
      pending.delete(project);
      try {
        await keep(api, project, changes);
        if (store.notice) store.say("");
      } catch (error) {
        if (isPassing(error)) {
          pending.set(project, joined(changes, pending.get(project) ?? {})); // kept here until the server is back
          setTimeout(send, SAVE_AGAIN);
          store.say(t("The last changes are not saved yet: the server does not answer. They are saved as soon as it does."));
        } else store.say(error.message);
      } finally {
        edits += 1;
      }
    }
  };
  const save = debounced(SAVE_AFTER, send);
  return store;
}

/** Saves changes; where they are refused together, one by one, so that only the wrong one is lost. Throws what was refused. */
async function keep(api, project, changes) {
  try {
    await api.post("project", { changes, project });
  } catch (refused) {
    const parts = Object.entries(changes).flatMap(([part, value]) =>
      PARTS.includes(part) ? Object.entries(value).map(([name, one]) => ({ [part]: { [name]: one } })) : [{ [part]: value }],
    );
    if (refused.status < 400 || refused.status >= 500 || parts.length < 2) throw refused;
    let last = null;
    for (const part of parts) await api.post("project", { changes: part, project }).catch((error) => (last = error));
    if (last) throw last;
  }
}

/** The project with changes in it; its parts change value by value. */
export function merged(project, changes) {
  const result = { ...project, ...changes };
  for (const part of PARTS) if (changes[part]) result[part] = { ...project[part], ...changes[part] };
  if (changes.settings)
    for (const [name, value] of Object.entries(result.settings)) if (value === null) delete result.settings[name];
  return result;
}

function joined(first, second) {
  const result = { ...first, ...second };
  for (const part of PARTS) if (first[part] && second[part]) result[part] = { ...first[part], ...second[part] };
  return result;
}
