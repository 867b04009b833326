// Files that someone chose or dropped, folders with all that is in them: [{file, name}], the name with its folders.

import { h } from "./dom.js";

const ACCEPTED = "image/*,.txt,.caption,.tags,.cap,.zip";

/** Asks the browser for files, or for a folder; resolves to what was chosen, [] for nothing. */
export function chooseFiles({ folder = false } = {}) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", multiple: true, accept: folder ? null : ACCEPTED });
    input.webkitdirectory = folder;
    input.addEventListener("change", () => resolve([...input.files].map(named)));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

const named = (file) => ({ file, name: file.webkitRelativePath || file.name });

/** Whether files are being dragged, and no text or tag of the page. */
export const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** What was dropped. The entries must be taken before anything is awaited: afterwards the browser has forgotten them. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map(named);
  return (await Promise.all(entries.map((entry) => filesIn(entry, "")))).flat();
}

async function filesIn(entry, before) {
  const name = before + entry.name;
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), name }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // some at a time, then none
    if (!some.length) return found;
    for (const one of some) found.push(...(await filesIn(one, `${name}/`)));
  }
}
