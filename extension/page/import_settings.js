// Settings of other tools and pasted scripts: first what they say, then into the project, and back again.

import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, errorLine, tell } from "./parts.js";

const LARGEST = 64 * 1024; // bytes; the server says the same

export function importView({ api, store }) {
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const text = h("textarea", { class: "lw-input lw-import-text", id: "lw-import-text", rows: 4, spellcheck: "false" });
  text.placeholder = t("Paste a training script or a settings file here …");
  text.setAttribute("aria-label", t("A training script or a settings file"));
  const chosen = h("input", { type: "file", id: "lw-import-file", accept: ".toml,.json,.yaml,.yml,.sh,.bash,.ps1,.bat,.cmd,.txt" });
  chosen.setAttribute("aria-label", t("Choose a file"));
  const result = h("div", { class: "lw-import-result", hidden: true });
  let before = null; // the project as it was, to take the import back
  let of = ""; // its name
  let name = "";

  const say = (sentence) => {
    setText(told, sentence);
    show(told, sentence);
  };
  const read = async () => {
    say("");
    show(result, false);
    const found = await api.post("import", { text: text.value, name });
    result.replaceChildren(...foundParts(found, apply(found)));
    show(result, true);
  };
  const apply = (found) =>
    button(
      applyLabel(found),
      () => {
        const { name: project, settings, base_model: base, dataset, prompts } = store.project;
        of = project;
        before = { settings: { ...settings }, base_model: base, dataset, prompts };
        store.change(changesOf(store.project, found));
        show(result, false);
        say(t("The settings are in the form now."));
        show(back, true);
      },
      { line, id: "lw-import-apply" },
    );
  const back = button(
    t("Take the import back"),
    () => {
      const gone = Object.fromEntries(Object.keys(store.project.settings ?? {}).map((one) => [one, null]));
      store.change({ ...before, settings: { ...gone, ...before.settings } });
      show(back, false);
      say(t("The settings are as they were before the import."));
    },
    { line, kind: "lw-small", hidden: true, id: "lw-import-back" },
  );
  chosen.addEventListener("change", async () => {
    const [file] = chosen.files;
    if (!file) return;
    tell(line, file.size > LARGEST ? t("The file is too large for settings or a script.") : "");
    if (file.size > LARGEST) return;
    name = file.name;
    text.value = await file.text();
    chosen.value = ""; // so that the same file can be chosen again
    reader.click();
  });
  text.addEventListener("input", () => (name = ""));
  store.on("opened", () => {
    if (of === store.project?.name) return; // the import has another dataset
    before = null;
    show(back, false);
    say("");
  });
  const reader = button(t("Read"), read, { line, kind: "lw-small", id: "lw-import-read" });
  const about = t("kohya_ss, Easy Training Scripts, sd-scripts, OneTrainer, ai-toolkit, or a script for bash, PowerShell or cmd. Nothing is run.");
  return {
    element: h(
      "details",
      { class: "lw-export", id: "lw-import" },
      h("summary", {}, t("Import …")),
      h("p", { class: "lw-dim" }, about),
      h("div", { class: "lw-line" }, chosen),
      text,
      h("div", { class: "lw-line" }, reader, back),
      line,
      told,
      result,
    ),
  };
}

/** What was found: the settings, what has no equivalent, the notes, and the button that takes them. */
function foundParts(found, apply) {
  const values = [
    ...(found.base_model ? [["pretrained_model_name_or_path", found.base_model]] : []),
    ...(found.dataset ? [["train_data_dir", found.dataset]] : []),
    ...Object.entries(found.settings),
  ];
  const rows = values.map(([name, value]) => h("li", {}, `${name} = ${Array.isArray(value) ? value.join(" ") : value}`));
  if (found.prompts) rows.push(h("li", {}, t("Prompts of the sample pictures")));
  const left = found.left.map((one) => h("li", {}, `${[one.name, one.value].filter(Boolean).join(" = ")}: ${one.why}`));
  const notes = found.notes.map((sentence) => h("li", {}, sentence));
  return [
    h("p", {}, t("Read as: {source}", { source: found.source })),
    part(t("To be set"), rows, "lw-import-values"),
    part(t("Left out"), left, "lw-import-left"),
    part(t("To be known"), notes, "lw-import-notes"),
    h("div", { class: "lw-line" }, apply),
  ].filter(Boolean);
}

function part(title, rows, id) {
  return rows.length ? h("section", {}, h("h4", {}, title), h("ul", { class: "lw-import-list", id }, rows)) : null;
}

function applyLabel(found) {
  const count = Object.keys(found.settings).length + Boolean(found.base_model) + Boolean(found.dataset);
  return count === 1 ? t("Take 1 setting") : t("Take {count} settings", { count });
}

/** The project's changes: what it had goes, but for its LoRA's name where the import has none. */
export function changesOf(project, found) {
  const gone = Object.fromEntries(Object.keys(project.settings ?? {}).map((name) => [name, null]));
  delete gone.output_name;
  return {
    settings: { ...gone, ...found.settings },
    ...(found.base_model ? { base_model: found.base_model } : {}),
    ...(found.dataset ? { dataset: found.dataset } : {}),
    ...(found.prompts ? { prompts: found.prompts } : {}),
  };
}
