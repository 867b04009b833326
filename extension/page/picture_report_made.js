// New pictures that were cut out here, and taking them back: only what is as we made it ever goes.

import { h, keyed, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine } from "./parts.js";

const SHOWN = 20;

/** `changed()` is called when files were taken back. */
export function madeList(app, model, changed) {
  const { api } = app;
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const list = h("ul", { class: "lw-made-list" });
  const heading = h("summary", {});
  const all = h("details", { class: "lw-changes", hidden: true }, heading, list);
  let newest = null;
  let asked = 0;

  const say = (words) => {
    setText(told, words);
    show(told, words);
  };
  const back = (name) => async () => {
    const { gone, left } = await api.post("picture_report/back", { folder: model.folder, names: [name] });
    say(gone.length ? t("Taken back: {name}", { name }) : t("Left as it is: {name}, {reason}.", { name, reason: left[0].reason }));
    changed();
    await load();
  };
  const undo = button("", () => back(newest)(), { line, id: "lw-crop-undo", hidden: true });
  const row = (one) =>
    h(
      "li",
      {},
      h("span", {}, one.name),
      button(t("Take back"), back(one.name), { line, kind: "lw-small" }),
    );
  const load = async () => {
    const own = (asked += 1);
    if (!model.folder) return put([]);
    try {
      const { made } = await api.get("picture_report/made", { folder: model.folder });
      if (own === asked) put(made);
    } catch (error) {
      if (own !== asked) return;
      setText(line, error.message);
      show(line, true);
    }
  };
  const put = (made) => {
    newest = made[0]?.name ?? null;
    setText(undo, newest ? t("Undo: cut out {name}", { name: newest }) : "");
    show(undo, newest);
    show(all, made.length > 1);
    setText(heading, t("{count} cut out here", { count: count(made.length) }));
    keyed(list, made.slice(0, SHOWN), (one) => one.name, row);
  };
  return {
    element: h("div", { class: "lw-made" }, h("div", { class: "lw-line" }, undo, all), told, line),
    load,
    /** A file that was just written. */
    written({ name, new: isNew, warnings }) {
      const words = isNew ? t("Written: {name}", { name }) : t("It is there already: {name}", { name });
      say([words, ...warnings].join(" "));
      load();
    },
  };
}
