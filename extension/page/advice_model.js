// What the advice says against what is set: which values agree, which may be taken, and which somebody changed by hand.
// Plain functions over plain values, so that they can be tried without a page.

import { isGiven, same } from "./values.js";

/** The three questions and what else may be said. `kind` and `difficulty` are settings, the rest belongs to the page. */
export const ANSWERS = ["kind", "difficulty", "vram", "use", "quality", "male", "known", "looks"];

/** The answers as the server is asked with them: what was not said is left out. */
export function answersOf(project) {
  const { settings = {}, advice = {} } = project ?? {};
  const said = { ...advice, kind: settings.subject_kind, difficulty: settings.subject_difficulty };
  return Object.fromEntries(ANSWERS.filter((name) => said[name]).map((name) => [name, said[name]]));
}

/**
 * How a setting stands to its advised value: "same", "open" (as the preset or an earlier advice left it, so it may be taken
 * with all the others) or "hand" (changed by hand: taken only where it alone is asked for).
 */
export function standing({ name, value }, { settings = {}, preset = {}, taken = {} }) {
  const now = settings[name];
  if (same(now, value)) return "same";
  if (same(now, preset[name])) return "open";
  return name in taken && same(now, taken[name]) ? "open" : "hand";
}

/**
 * Settings of the user's own choice with which all others must go together: an optimizer or kind of network that was changed
 * by hand, or came with a preset that was chosen. `usual` is the preset that a project begins with.
 */
export function ownChoice(project, preset, usual) {
  const { settings = {}, advice = {} } = project ?? {};
  const taken = advice.taken ?? {};
  return ["optimizer_type", "network_module", "network_args"].filter((name) => {
    const now = settings[name];
    if (!isGiven(now) || (name in taken && same(now, taken[name]))) return false;
    return project.preset !== usual || !same(now, preset[name]);
  });
}

/** The advised values with how they stand. */
export function stood(values, around) {
  return values.map((one) => ({ ...one, now: around.settings?.[one.name], standing: standing(one, around) }));
}

/**
 * What taking the values does to the project, and what takes it back: {changes, undo}. `values` are those that were asked
 * for; which of them may be taken is decided before.
 */
export function taking(project, values) {
  const { settings = {}, advice = {} } = project;
  const set = Object.fromEntries(values.map((one) => [one.name, one.value]));
  const before = Object.fromEntries(values.map((one) => [one.name, settings[one.name] ?? null]));
  const taken = advice.taken ?? {};
  return {
    changes: { settings: set, advice: { taken: { ...taken, ...set } } },
    undo: { set, before, taken },
  };
}

/** The changes that take it back; what was changed by hand since stays: {changes, kept: names}. */
export function takingBack(project, { set, before, taken }) {
  const { settings = {}, advice = {} } = project;
  const names = Object.keys(set);
  const kept = names.filter((name) => !same(settings[name], set[name]));
  const back = names.filter((name) => !kept.includes(name));
  const now = { ...(advice.taken ?? {}) };
  for (const name of back) {
    if (name in taken) now[name] = taken[name];
    else delete now[name];
  }
  return { changes: { settings: Object.fromEntries(back.map((name) => [name, before[name]])), advice: { taken: now } }, kept };
}
