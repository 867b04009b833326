// The last change of captions and the buttons that take it back and bring it again: always in sight, with what they will do.

import { h, setText, show } from "./dom.js";
import { count, moment } from "./format.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, tell } from "./parts.js";

const MOST = 20;

/** `undone()` is called when captions were restored; `before()` saves what is being written, where something is. */
export function undoPart({ api, store }, undone, before = null) {
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const words = h("span", { class: "lw-undo-words" });
  const list = h("ul", { class: "lw-plain-list" });
  const all = h("details", { class: "lw-changes", hidden: true }, h("summary", {}, t("all changes")), list);
  const folder = () => store.project?.dataset ?? "";
  const turn = (path, toldWords) => async () => {
    await before?.();
    const answer = await api.post(path, { folder: folder() });
    setText(told, toldWords(answer));
    show(told, true);
    undone();
    await look();
  };
  const undo = button(t("Undo"), turn("undo", undoneWords), { line, id: "lw-undo", kind: "lw-turn" });
  const redo = button(t("Redo"), turn("redo", redoneWords), { line, id: "lw-redo", kind: "lw-turn" });
  const element = h("div", { class: "lw-undo" }, h("div", { class: "lw-line" }, undo, redo, words, all), told, line);
  let shown = "";
  let asked = 0;

  const look = async () => {
    const own = folder();
    const mine = (asked += 1);
    if (own !== shown) show(told, false);
    shown = own;
    if (!own) return put({ changes: [], redo: null });
    try {
      const answer = await api.get("changes", { folder: own });
      if (mine === asked && own === folder()) put(answer);
    } catch (error) {
      if (mine === asked) tell(line, error.message);
    }
  };
  const put = ({ changes, redo: again }) => {
    show(element, folder());
    disable(undo, changes.length ? "" : t("Nothing to undo."));
    disable(redo, again ? "" : t("Nothing to redo."));
    label(undo, t("Undo"), changes[0]);
    label(redo, t("Redo"), again);
    setText(words, changes.length || again ? "" : t("No caption was changed here yet."));
    show(all, changes.length > 1);
    list.replaceChildren(...changes.slice(0, MOST).map((one) => h("li", {}, `${changeWords(one)} · ${moment(one.time)}`)));
  };
  return { element, look, undo: () => undo.click(), redo: () => redo.click() };
}

function label(control, verb, change) {
  const words = change ? t("{verb}: {what}", { verb, what: changeWords(change) }) : verb;
  setText(control, words);
  control.title = words;
}

function changeWords({ what, files }) {
  if (files === undefined || files === null) return what;
  return files === 1 ? t("{what} in 1 file", { what }) : t("{what} in {count} files", { what, count: count(files) });
}

function undoneWords({ what, restored, edited = [] }) {
  return editedWords(t("Undone: {what}; {count} files are as before.", { what, count: count(restored) }), edited);
}

function redoneWords({ what, restored, edited = [] }) {
  return editedWords(t("Done again: {what}; {count} files.", { what, count: count(restored) }), edited);
}

function editedWords(words, edited) {
  if (!edited.length) return words;
  const names = edited.slice(0, 5).join(", ") + (edited.length > 5 ? " …" : "");
  return `${words} ${t("Edited since and left as they are: {names}.", { names })}`;
}
