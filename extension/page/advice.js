// What is advised for the answers, asked for when they have rested, and taken into the settings or back out of them.
// Parts of the page listen to the store's topic "advice".

import { answersOf, ownChoice, stood, taking, takingBack } from "./advice_model.js";
import { debounced } from "./dom.js";

const REST = 300;
const USUAL = "new_project"; // the preset that a project begins with: nobody chose it

/** `presetOf(name)` gives a preset's values. */
export function createAdvice({ api, store }, presetOf) {
  let asked = 0;
  let last = "";
  let came = 0; // how often pictures came or went
  const advice = {
    questions: null, // what may be answered
    data: null, // {values, notices}
    busy: false,
    error: "",
    undo: null, // what the last taking set, and what was there before

    /** The advised values with how they stand to the settings: "same", "open" or "hand". */
    values: () =>
      stood(advice.data?.values ?? [], {
        settings: store.project?.settings,
        preset: presetOf(store.project?.preset) ?? {},
        taken: store.project?.advice?.taken,
      }),
    open: () => advice.values().filter((one) => one.standing === "open"),
    hand: () => advice.values().filter((one) => one.standing === "hand"),

    /** Takes these values, each of which was asked for: all open ones, or one by name. */
    take(values) {
      if (!values.length) return;
      const { changes, undo } = taking(store.project, values);
      advice.undo = { ...undo, project: store.project.name };
      store.change(changes);
      tell();
    },

    /** Takes the last taking back; returns names of what was changed by hand since and stays. */
    takeBack() {
      if (!advice.undo) return [];
      const { changes, kept } = takingBack(store.project, advice.undo);
      advice.undo = null;
      store.change(changes);
      tell();
      return kept;
    },

    on: (look) => store.on("advice", look),
    advises: (name) => Boolean(advice.data?.values.some((one) => one.name === name)),

    async begin() {
      try {
        advice.questions = await api.get("advice");
      } catch (error) {
        advice.error = error.message;
      }
      look();
      tell();
    },
  };
  const tell = () => store.tell("advice");

  const ask = debounced(REST, async () => {
    const own = (asked += 1);
    const { answers, keep } = JSON.parse(last);
    try {
      const data = await api.post("advice", { answers, keep, settings: store.runSettings() });
      if (own === asked) Object.assign(advice, { data, error: "", busy: false });
    } catch (error) {
      if (own === asked) Object.assign(advice, { data: null, error: error.message, busy: false });
    }
    if (own === asked) tell();
  });
  const look = () => {
    const { project } = store;
    const answers = answersOf(project);
    const { dataset, base_model: base, settings } = project ?? {};
    const keep = ownChoice(project, presetOf(project?.preset) ?? {}, USUAL);
    const around = [project?.name, dataset, base, settings?.reg_data_dir, came, ...keep.map((name) => settings[name])];
    const wanted = dataset && answers.kind ? JSON.stringify({ answers, keep, around }) : "";
    if (wanted === last) return;
    last = wanted;
    asked += 1;
    if (wanted) {
      advice.busy = true;
      ask();
    } else {
      ask.cancel();
      Object.assign(advice, { data: null, error: "", busy: false });
    }
    tell();
  };
  store.on("project", () => {
    look();
    tell(); // how the values stand changes with the settings
  });
  store.on("dataset", () => {
    came += 1;
    look();
  });
  store.on("opened", () => {
    if (advice.undo?.project !== store.project?.name) advice.undo = null;
    look();
  });
  return advice;
}
