// A plan's memory forecast as numbers to draw: parts, cards and what fits where. Plain functions over plain values.

const GB = 2 ** 30; // as cards are sold

/** {total, parts: [{name, bytes}], cards: [{gb, bytes, fits, found}]}, largest part first, cards by size. */
export function sizedFor(memory) {
  const parts = Object.entries(memory.parts)
    .map(([name, bytes]) => ({ name, bytes }))
    .filter((one) => one.bytes > 0);
  const cards = memory.cards.map((one) => ({ ...one, bytes: one.gb * GB }));
  cards.sort((one, other) => one.gb - other.gb);
  return { total: memory.total, parts, cards };
}

/** What the bar's whole width stands for: the largest card, or more where the run needs more. */
export function forecastScale({ total, cards }) {
  return 1.02 * Math.max(total, ...cards.map((one) => one.bytes));
}

/** The GPU that was found and whether the run fits it; the smallest card that it fits; "good", "bad" or "" without a GPU. */
export function verdict({ cards }) {
  const found = cards.find((one) => one.found) ?? null;
  const smallest = cards.find((one) => one.fits) ?? null;
  return { found, smallest, fits: Boolean(found?.fits), mood: found ? (found.fits ? "good" : "bad") : smallest ? "" : "bad" };
}
