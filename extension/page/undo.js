// The last change of captions and the button that takes it back: always in sight, with what it will undo.

import { h, setText, show } from "./dom.js";
import { count, moment } from "./format.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, tell } from "./parts.js";

const MOST = 20;

export function undoPart({ api, store }, undone) {
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const words = h("span", { class: "lw-undo-words" });
  const list = h("ul", { class: "lw-plain-list" });
  const all = h("details", { class: "lw-changes", hidden: true }, h("summary", {}, t("all changes")), list);
  const folder = () => store.project?.dataset ?? "";
  const undo = async () => {
    const answer = await api.post("undo", { folder: folder() });
    setText(told, undoneWords(answer));
    show(told, true);
    undone();
    await look();
  };
  const press = button(t("Undo"), undo, { line, id: "lw-undo" });
  const element = h("div", { class: "lw-undo" }, h("div", { class: "lw-line" }, press, words, all), told, line);
  let shown = "";

  const look = async () => {
    const own = folder();
    if (own !== shown) show(told, false);
    shown = own;
    if (!own) return put([]);
    try {
      const { changes } = await api.get("changes", { folder: own });
      if (own === folder()) put(changes);
    } catch (error) {
      tell(line, error.message);
    }
  };
  const put = (changes) => {
    show(element, folder());
    disable(press, changes.length ? "" : t("Nothing to undo."));
    setText(words, changes.length ? changeWords(changes[0]) : t("No caption was changed here yet."));
    show(all, changes.length > 1);
    list.replaceChildren(...changes.slice(0, MOST).map((one) => h("li", {}, `${changeWords(one)} · ${moment(one.time)}`)));
  };
  return { element, look };
}

function changeWords({ what, files }) {
  return files === undefined || files === null ? what : t("{what} ({count} files)", { what, count: count(files) });
}

function undoneWords({ what, restored, edited = [] }) {
  const words = t("Undone: {what}; {count} files are as before.", { what, count: count(restored) });
  if (!edited.length) return words;
  const names = edited.slice(0, 5).join(", ") + (edited.length > 5 ? " …" : "");
  return `${words} ${t("Edited since and left as they are: {names}.", { names })}`;
}
