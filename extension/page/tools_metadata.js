// A LoRA's metadata: changed, removed, added; written into a new file with the same tensors.

import { h, keyed, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, disable, errorLine } from "./parts.js";
import { newFile } from "./tools_forms.js";
import { toolFields } from "./tools_fields.js";

const LONG = 120;
const COMPUTED = /^sshs_/; // of the tensors: nobody sets them

/** `written(path)` hears of the new file. */
export function metadataPart({ api }, model, written) {
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", id: "lw-tools-told", hidden: true });
  const search = h("input", { type: "search", class: "lw-input lw-search", id: "lw-tools-search", placeholder: t("search metadata …") });
  search.setAttribute("aria-label", t("Search the metadata"));
  const list = h("div", { class: "lw-tools-metadata", role: "list", "aria-label": t("Metadata") });
  const key = h("input", { type: "text", class: "lw-input", id: "lw-tools-new-key", placeholder: t("name"), "aria-label": t("name") });
  const value = h("input", { type: "text", class: "lw-input lw-wide", id: "lw-tools-new-value", placeholder: t("value") });
  value.setAttribute("aria-label", t("value"));
  const isPrivate = h("input", { type: "checkbox", id: "lw-tools-private" });
  const why = h("p", { class: "lw-why", id: "lw-tools-write-why", hidden: true });
  let found = null;
  let values = {}; // set or added
  let gone = new Set();
  let toldOf = ""; // the written file that `told` speaks of: it may come to be shown before or after it is listed

  const write = async () => {
    const { name, place } = { name: model.values("inspect").name.trim() || usual(), place: model.place("inspect") };
    const body = { lora: found.path, set: values, remove: [...gone], private: isPrivate.checked, name, place };
    const done = await api.post("tools/metadata", body);
    const changed = t("{name} is written: {set} set, {removed} removed; its tensors are byte for byte the same.", {
      name: done.name,
      set: done.set.length,
      removed: done.removed.length,
    });
    toldOf = done.path;
    setText(told, [changed, done.removed.length && t("Removed: {names}", { names: done.removed.join(", ") })].filter(Boolean).join(" "));
    show(told, true);
    written(done.path);
    await model.load();
  };
  const primary = button("", write, { line, kind: "lw-primary", id: "lw-tools-write", "aria-describedby": "lw-tools-write-why" });
  const usual = () => {
    const stem = (found?.path ?? "").split(/[\\/]/).pop().replace(/\.safetensors$/, "");
    return `${stem}-${isPrivate.checked ? "private" : "edited"}`;
  };

  const change = (name, words) => {
    if (words === found.metadata[name]) delete values[name];
    else values[name] = words;
    look();
  };
  const toggle = (name) => {
    if (!(name in found.metadata)) delete values[name];
    else if (!gone.delete(name)) gone.add(name);
    draw();
  };
  const add = button(
    t("Add"),
    () => {
      const name = key.value.trim();
      if (!name) throw new Error(t("Write a name for it."));
      if (COMPUTED.test(name)) throw new Error(t("{name} is computed from the tensors.", { name }));
      gone.delete(name);
      change(name, value.value);
      [key.value, value.value] = ["", ""];
      draw();
    },
    { line, kind: "lw-small", id: "lw-tools-add" },
  );
  const make = (name) => {
    const words = h("input", { type: "text", class: "lw-input lw-wide", "aria-label": name, spellcheck: "false", readOnly: COMPUTED.test(name) });
    words.addEventListener("input", () => change(name, words.value));
    const out = h("button", { type: "button", class: "lw-button lw-small", on: { click: () => toggle(name) } });
    const element = h("div", { class: "lw-tools-entry", role: "listitem" }, h("code", {}, name), words, out);
    element.lwParts = { words, out };
    return element;
  };
  const update = (element, name) => {
    const { words, out } = element.lwParts;
    const now = values[name] ?? found.metadata[name] ?? "";
    if (document.activeElement !== words) words.value = now;
    words.title = now.length > LONG ? now.slice(0, 2000) : "";
    words.disabled = gone.has(name);
    element.classList.toggle("lw-tools-gone", gone.has(name));
    element.classList.toggle("lw-changed", name in values);
    setText(out, gone.has(name) ? t("Keep") : t("Remove"));
    out.setAttribute("aria-label", `${out.textContent} ${name}`);
    show(out, !COMPUTED.test(name));
  };
  const draw = () => {
    const names = found ? [...new Set([...Object.keys(found.metadata), ...Object.keys(values)])].sort() : [];
    const words = search.value.toLowerCase();
    const fits = (name) => `${name} ${values[name] ?? found.metadata[name] ?? ""}`.toLowerCase().includes(words);
    keyed(list, names.filter(fits), (name) => name, make, update);
    look();
  };
  const look = () => {
    const changes = Object.keys(values).length + gone.size;
    setText(primary, !changes ? t("Write the file") : changes === 1 ? t("Write the file · 1 change") : t("Write the file · {count} changes", { count: changes }));
    const nothing = changes || isPrivate.checked ? "" : t("Change metadata on the right, or take out what is private.");
    disable(primary, found ? nothing : t("Choose a LoRA."), why);
    fields.put();
  };
  isPrivate.addEventListener("change", look);
  search.addEventListener("input", draw);
  const fields = toolFields(model, "inspect");
  const file = newFile(model, "inspect", fields, usual);
  const secret = h("p", { class: "lw-dim" }, t("Removes folders, tags and sizes of the pictures, comments, author, and every value with a path in it."));
  const foot = h(
    "div",
    { class: "lw-foot lw-tools-write" },
    h("label", { class: "lw-line", htmlFor: "lw-tools-private" }, isPrivate, t("Take out what is private")),
    secret,
    file,
    h("div", { class: "lw-line" }, primary),
    why,
    line,
    told,
  );
  const element = h(
    "section",
    { class: "lw-tools-edit", hidden: true },
    h("div", { class: "lw-line" }, h("h3", {}, t("Metadata")), search),
    list,
    h("div", { class: "lw-line" }, key, value, add),
  );
  model.on("known", fields.put);
  look();
  return {
    element,
    foot,
    show(next) {
      const again = next?.path === found?.path;
      found = next;
      if (!again) {
        [values, gone] = [{}, new Set()];
        isPrivate.checked = false;
      }
      if (next && next.path !== toldOf) show(told, false);
      show(element, found);
      list.replaceChildren();
      list.lwNodes?.clear();
      draw();
    },
  };
}
