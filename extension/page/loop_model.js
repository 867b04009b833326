// The project's loop as the server tells it, and decisions about its candidates: shown at once, sent one after the other.

import { isLive } from "./runs.js";

const LOOK_EVERY = 2500;

export function loopModel(app) {
  const { api, store } = app;
  const listeners = [];
  let visible = false;
  let looked = 0;
  let seen = "";
  let sending = Promise.resolve();
  let asked = 0;
  const undoable = [];
  const model = {
    data: { there: false },
    error: "",
    on: (listener) => listeners.push(listener),
    /** The newest round's candidates, in the order of their names. */
    candidates: () => (model.data.pictures ?? []).filter((one) => one.kind === "drawn" && one.round === model.data.round),
    waiting: () => model.candidates().filter((one) => one.state === "waiting").length,
    canUndo: () => undoable.length > 0,
    async load() {
      looked = Date.now();
      const project = store.project?.name;
      const own = (asked += 1);
      const isLate = () => own !== asked || project !== store.project?.name;
      try {
        const answer = await api.get("test/loop");
        if (!isLate()) put(answer, "");
      } catch (error) {
        if (!isLate()) put({ there: false }, error.message);
      }
    },
    /** accept, reject or undo, of one candidate. */
    decide(what, name) {
      const one = model.candidates().find((other) => other.name === name);
      if (!one) return sending;
      one.state = { accept: "accepted", reject: "rejected", undo: "waiting" }[what];
      if (what !== "undo") undoable.push(name);
      tell();
      return send({ what, names: [name] });
    },
    /** Takes the newest decision of this window back; the name that it was about. */
    undo() {
      const name = undoable.pop();
      if (name) model.decide("undo", name);
      return name;
    },
    /** Ends the round's choosing: undecided candidates stay out. */
    next: () => send({ what: "next", names: [] }),
    drop: (name) => send({ what: "drop", names: [name] }),
    enter() {
      visible = true;
      return model.load();
    },
    leave() {
      visible = false;
    },
  };
  const tell = () => listeners.forEach((listener) => listener());
  const put = (data, error) => {
    if (data.round !== model.data.round) undoable.length = 0;
    model.data = data;
    model.error = error;
    tell();
  };
  let under = 0;
  const send = (body) => {
    const project = store.project?.name;
    under += 1;
    asked += 1; // what was asked for before shows it as undecided
    sending = sending.then(async () => {
      try {
        const answer = await api.post("test/loop/decide", { ...body, project });
        under -= 1;
        if (!under && project === store.project?.name) put(answer, ""); // an older answer would show what was decided since as undecided
      } catch (error) {
        under -= 1;
        if (project !== store.project?.name) return;
        await model.load();
        put(model.data, error.message);
      }
    });
    return sending;
  };
  store.on("jobs", () => {
    if (!visible) return;
    const jobs = store.jobs.filter((job) => job.kind === "loop" && job.project === store.project?.name);
    const state = jobs.map((job) => `${job.id} ${job.state}`).join("|");
    if (!under && (state !== seen || (jobs.some(isLive) && Date.now() - looked > LOOK_EVERY))) model.load();
    seen = state;
  });
  store.on("opened", () => {
    put({ there: false }, "");
    if (visible) model.load();
  });
  return model;
}
