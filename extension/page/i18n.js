// The page's language. Sentences are English in the source; the dictionary comes from the server, keyed by them.

let dictionary = {};
let current = "en";

/** A sentence in the page's language; `{name}` in it is replaced by values.name. */
export function t(sentence, values = {}) {
  const text = dictionary[sentence] || sentence;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function language() {
  return current;
}

/** What `lang` attributes and number formats understand. */
export function locale() {
  return current.replace("_", "-");
}

/** Fetches the dictionary; English needs none. A page without its dictionary is still usable, so it falls back to English. */
export async function loadLanguage(api, wanted) {
  current = wanted || "en";
  dictionary = {};
  if (current === "en") return;
  try {
    dictionary = await api.get("strings", { language: current });
  } catch (error) {
    console.warn(`LoRA Workbench: no words for ${current}, English is shown.`, error.message);
  }
}
