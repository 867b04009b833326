// Sends files in pieces that every proxy lets through. A lost connection costs one piece: it is tried again until somebody
// presses Stop, from what the server has by then.

import { isPassing } from "./api.js";

const PIECE = 1_000_000; // proxies take a megabyte where nobody told them otherwise
const SMALLEST = 64_000;
const AT_ONCE = 3;
const WAITS = [1000, 2000, 4000, 8000, 15000];
const TOO_LARGE = 413;

/** `told({sent, total, files, done, waiting})` is called as it goes on; `signal` stops it. Resolves to what became of it. */
export async function sendFiles(api, files, told, signal) {
  const state = { sent: 0, total: 0, files: 0, done: 0, waiting: false };
  const tell = (changes) => told(Object.assign(state, changes));
  const asked = files.map(({ file, name }) => ({ name, size: file.size, modified: Math.round(file.lastModified) || 0 }));
  const begun = await patient(() => api.post("uploads", { files: asked }), tell, signal);
  const wanted = [...files.keys()].filter((number) => begun.have[number] !== null);
  const sum = (numbers, of) => numbers.reduce((all, number) => all + of(number), 0);
  tell({
    files: wanted.length,
    total: sum(wanted, (number) => files[number].file.size),
    sent: sum(wanted, (number) => begun.have[number]),
  });
  const waiting = [...wanted];
  const limits = { piece: PIECE };
  const lane = async () => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      await sendOne(api, begun, number, files[number].file, limits, (more) => tell({ sent: state.sent + more }), tell, signal);
      tell({ done: state.done + 1 });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    for (;;) {
      const answer = await patient(() => api.post("uploads/finish", { id: begun.id }), tell, signal);
      if (!answer.ended) {
        tell({ placing: answer });
        continue;
      }
      const leftOut = [...begun.left_out, ...answer.left_out];
      return {
        ...answer,
        folder: begun.folder,
        left_out: leftOut,
        left_out_count: begun.left_out.length + answer.left_out_count,
      };
    }
  } catch (error) {
    if (signal.aborted) api.post("uploads/stop", { id: begun.id }).catch(() => null); // forgotten in a week otherwise
    throw error;
  }
}

async function sendOne(api, begun, number, file, limits, moved, tell, signal) {
  let at = begun.have[number];
  while (at < file.size) {
    const piece = file.slice(at, at + limits.piece);
    try {
      const send = () => api.bytes("uploads/piece", { id: begun.id, file: number, at }, piece, signal);
      const { have } = await patient(send, tell, signal);
      moved(have - at);
      at = have;
    } catch (error) {
      if (error.status !== TOO_LARGE || limits.piece <= SMALLEST) throw error;
      limits.piece = Math.max(SMALLEST, Math.floor(limits.piece / 2)); // a proxy that takes less
    }
  }
}

/** Tries until there is an answer; only what a later try can't mend is thrown. */
async function patient(work, tell, signal) {
  for (let tries = 0; ; tries += 1) {
    if (signal.aborted) throw new DOMException("stopped", "AbortError");
    try {
      const answer = await work();
      if (tries) tell({ waiting: false });
      return answer;
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error;
      tell({ waiting: true });
      await pause(WAITS[Math.min(tries, WAITS.length - 1)], signal);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    window.addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
