// The project's tag options, the tagger that is usual for it, and whether that is here.

/** The project's tag options with what is usual where it has none. */
export function tagValues(store) {
  const given = store.project?.tag ?? {};
  const usual = {
    model: usualTagger(store),
    general: 0.35,
    character: 0.85,
    mcut: false,
    mode: "if-empty",
    first: [],
    exclude: [],
  };
  const known = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== null && value !== undefined && value !== ""),
  );
  const values = { ...usual, ...known };
  const here = store.state.taggers.find((one) => one.name === values.model); // was fetched meanwhile
  return here ? { ...values, model: here.path } : values;
}

const FIRST_FETCHED = "wd-swinv2-tagger-v3";

/** The toy world's tagger for the toy world's base; else one that knows real pictures, fetched where none is here. */
function usualTagger({ state, project }) {
  const toys = state.checkpoints.find((one) => one.path === project?.base_model)?.demo;
  const fetched = state.taggers_to_fetch ?? [];
  const here = state.taggers.find((one) => Boolean(one.demo) === Boolean(toys));
  const named = fetched.includes(FIRST_FETCHED) ? FIRST_FETCHED : fetched[0];
  return here?.path ?? named ?? state.taggers[0]?.path ?? "";
}

/** Whether the toy world's tagger is chosen for something else than its creatures. */
export function isToy({ state, project }, model) {
  const base = state.checkpoints.find((one) => one.path === project?.base_model);
  return Boolean(state.taggers.find((one) => one.path === model)?.demo && !base?.demo);
}

/** Whether the chosen tagger is given by its name and isn't there yet. */
export function isToFetch(store) {
  return (store.state.taggers_to_fetch ?? []).includes(tagValues(store).model);
}
