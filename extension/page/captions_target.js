// On which pictures an edit is done.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

/** On the pictures that are shown, or on the selected ones. */
export function targetChoice(model, changed) {
  const shown = h("input", { type: "radio", name: "lw-target", id: "lw-target-shown", checked: true });
  const selected = h("input", { type: "radio", name: "lw-target", id: "lw-target-selected" });
  const shownWords = h("label", { htmlFor: "lw-target-shown" });
  const selectedWords = h("label", { htmlFor: "lw-target-selected" });
  for (const radio of [shown, selected]) radio.addEventListener("change", changed);
  let size = 0;
  const look = () => {
    const filtered = model.count !== model.pictures;
    const all = filtered
      ? t("the {count} shown", { count: count(model.count) })
      : t("all {count}", { count: count(model.count) });
    setText(shownWords, all);
    const chosen = count(model.selected.size);
    setText(selectedWords, model.selected.size === 1 ? t("the selected one") : t("the {count} selected", { count: chosen }));
    for (const one of [selected, selectedWords]) show(one, model.selected.size);
    if (model.selected.size && !size) selected.checked = true;
    if (!model.selected.size) shown.checked = true;
    size = model.selected.size;
  };
  look();
  const element = h(
    "fieldset",
    { class: "lw-line lw-target" },
    h("legend", { class: "lw-hidden-words" }, t("on which pictures")),
    shown,
    shownWords,
    selected,
    selectedWords,
  );
  return { element, look, selection: () => selected.checked };
}
