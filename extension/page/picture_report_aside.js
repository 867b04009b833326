// Pictures that are not to be trained: set aside with their captions, listed, and put back.

import { h, keyed, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, tell } from "./parts.js";

const SHOWN = 50;

/** `changed()` is called when pictures went or came back: the report is to be made anew. */
export function asidePart(app, model, changed) {
  const { api, store } = app;
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const list = h("ul", { class: "lw-made-list" });
  const heading = h("summary", {});
  const all = h("details", { class: "lw-changes", id: "lw-aside", hidden: true }, heading, list);
  let folder = "";
  let asked = 0;

  const say = (words) => {
    setText(told, words);
    show(told, words);
  };
  const move = async (names, back) => {
    const own = model.folder;
    const { moved, left } = await api.post("picture_report/aside", { folder: own, names, back });
    if (own !== model.folder) return;
    if (!back) model.gone(moved);
    const stay = left.map((one) => t("Left as it is: {name}, {reason}.", one)).join(" ");
    const done =
      moved.length === 1
        ? back
          ? t("Put back: {name}.", { name: moved[0] })
          : t("Set aside: {name}. It is not trained.", { name: moved[0] })
        : back
          ? t("{count} pictures put back.", { count: count(moved.length) })
          : t("{count} pictures set aside. They are not trained.", { count: count(moved.length) });
    say([moved.length ? done : "", stay].filter(Boolean).join(" "));
    await load();
    if (!moved.length || own !== model.folder) return;
    store.tell("dataset");
    await changed();
  };
  const row = (name) =>
    h(
      "li",
      {},
      h("span", {}, name),
      button(t("Put back"), () => move([name], true), { line, kind: "lw-small" }),
    );
  const load = async () => {
    if (folder !== model.folder) say("");
    folder = model.folder;
    const own = (asked += 1);
    if (!folder) return show(all, false);
    try {
      const { aside } = await api.get("picture_report/aside", { folder });
      if (own !== asked) return;
      show(all, aside.length);
      setText(heading, aside.length === 1 ? t("1 picture set aside") : t("{count} set aside", { count: count(aside.length) }));
      keyed(list, aside.slice(0, SHOWN), (name) => name, row);
      tell(line, "");
    } catch (error) {
      if (own === asked) tell(line, error.message);
    }
  };
  return { element: h("div", { class: "lw-made" }, all, told, line), load, setAside: (names) => move(names, false) };
}
