// One picture's tags on their way to the server: kept while nobody answers, and put together with what another window wrote.

import { isPassing } from "./api.js";
import { LINE } from "./captions_chips.js";

const AGAIN = 2000;
const CHANGED = 409;
const TRIES = 4;

/** `edit`: {number, name, before, after}; `waiting(words)` is called while the server is away. Resolves to the server's answer. */
export async function saveEdit(api, folder, edit, waiting) {
  const { number, name } = edit;
  let { before, after } = edit;
  for (let tries = 1; ; tries += 1) {
    try {
      return await patient(() => api.post("captions/edit", { folder, name, before, after }), waiting);
    } catch (error) {
      if (error.status !== CHANGED || tries === TRIES) throw error;
      const answer = await patient(() => api.get("captions", { folder, numbers: number, limit: 1 }), waiting);
      const now = answer.captions.find((one) => one.name === name)?.tags;
      const both = now && together(before, after, now);
      if (!both) throw error;
      if (String(both) === String(now)) return { failed_count: 0 }; // it had arrived, and only the answer was lost
      [before, after] = [now, both];
    }
  }
}

/** Ours, less what the other took out, and what the other put in; null where lines make that unclear, or nothing is left. */
export function together(before, ours, theirs) {
  if ([before, ours, theirs].some((tags) => tags.includes(LINE))) return null;
  const added = theirs.filter((tag) => !before.includes(tag) && !ours.includes(tag));
  const kept = ours.filter((tag) => theirs.includes(tag) || !before.includes(tag));
  return kept.length + added.length ? [...kept, ...added] : null;
}

async function patient(work, waiting) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      waiting();
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}
