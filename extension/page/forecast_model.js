// A plan's memory forecast as numbers to draw: parts, cards and what fits where. Plain functions over plain values.

const GIBIBYTE = 2 ** 30; // cards are sold by it

/** {total, peak, parts: [{name, bytes}], cards: [{gb, bytes, fits, found}]}, cards by size. `total` has CUDA's own share. */
export function sizedFor(memory) {
  const parts = Object.entries(memory.parts).map(([name, bytes]) => ({ name, bytes }));
  const beyond = memory.bytes - memory.training; // pictures being encoded or drawn may take more than training
  parts.push({ name: memory.bytes === memory.drawing ? "drawing" : "encoding", bytes: beyond });
  parts.push({ name: "reserve", bytes: memory.reserve });
  const cards = memory.cards.map((one) => ({ ...one, bytes: one.gb * GIBIBYTE, found: false }));
  if (memory.card) {
    const gb = Math.round(memory.card.bytes / GIBIBYTE);
    const others = cards.filter((one) => one.gb !== gb);
    cards.splice(0, cards.length, ...others, { gb, ...memory.card, found: true });
  }
  cards.sort((one, other) => one.gb - other.gb);
  return { total: memory.bytes + memory.reserve, peak: memory.bytes, parts: parts.filter((one) => one.bytes > 0), cards };
}

/** What the bar's whole width stands for: the largest card, or more where the run needs more. */
export function forecastScale({ total, cards }) {
  return 1.04 * Math.max(total, ...cards.map((one) => one.bytes));
}

/** The GPU that was found and whether the run fits it; the smallest card that it fits; "good", "bad" or "" without a GPU. */
export function verdict({ cards }) {
  const found = cards.find((one) => one.found) ?? null;
  const smallest = cards.find((one) => one.fits) ?? null;
  return { found, smallest, fits: Boolean(found?.fits), mood: found ? (found.fits ? "good" : "bad") : smallest ? "" : "bad" };
}
