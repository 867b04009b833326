// A picture in the whole window. Arrows move, Escape and Space close.

import { h, setText } from "./dom.js";
import { t } from "./i18n.js";

/** `count()`, `picture(index)` → {src, words} and `moved(index)`, called when it closes, are the caller's. */
export function openViewer({ root }, { at, count, picture, moved }) {
  const image = h("img", { class: "lw-viewer-picture" });
  const words = h("p", { class: "lw-viewer-words" });
  const move = (step) => {
    at = Math.max(0, Math.min(count() - 1, at + step));
    const { src, words: told } = picture(at);
    image.src = src;
    image.alt = told;
    setText(words, `${at + 1} / ${count()} · ${told}`);
  };
  const close = () => {
    dialog.close();
    dialog.remove();
    moved?.(at);
  };
  const arrow = (label, step, mark) =>
    h(
      "button",
      { type: "button", class: "lw-button lw-viewer-arrow", "aria-label": label, on: { click: () => move(step) } },
      mark,
    );
  const dialog = h(
    "dialog",
    { class: "lw-dialog lw-viewer", "aria-label": t("Enlarged picture") },
    h("div", { class: "lw-viewer-row" }, arrow(t("previous"), -1, "‹"), image, arrow(t("next"), 1, "›")),
    h(
      "div",
      { class: "lw-line lw-end" },
      words,
      h("button", { type: "button", class: "lw-button", on: { click: close } }, t("Close")),
    ),
  );
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
    if (event.key in steps) move(steps[event.key]);
    else if (event.key === " ") close();
    else return;
    event.preventDefault();
  });
  root.append(dialog);
  dialog.showModal();
  move(0);
  return dialog;
}
