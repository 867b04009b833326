// A picture in the whole window. Arrows move, Escape and Space close.

import { h, setText } from "./dom.js";
import { t } from "./i18n.js";

/**
 * `count()`, `picture(index)` → {src, words}, whose src may come later, and `moved(index)`, called when it closes, are the caller's. So may be:
 * `step(index, key)` → the index that a key leads to, null for the usual; `act(index, key, close)` → whether it did something;
 * `held(key, down)` → whether the picture is another one while that key is held.
 */
export function openViewer({ root }, { at, count, picture, moved, step, act, held }) {
  const image = h("img", { class: "lw-viewer-picture" });
  const words = h("p", { class: "lw-viewer-words" });
  let shown = null;
  const look = () => {
    const { src, words: told } = picture(at);
    shown = src;
    if (typeof src === "string") image.src = src;
    else src.then((found) => shown === src && (image.src = found));
    image.alt = told;
    setText(words, `${at + 1} / ${count()} · ${told}`);
  };
  const move = (steps) => {
    at = Math.max(0, Math.min(count() - 1, at + steps));
    look();
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
    const to = step?.(at, event.key) ?? null;
    if (to !== null) move(to - at);
    else if (event.key in steps) move(steps[event.key]);
    else if (event.key === " ") close();
    else if (held?.(event.key, true)) look();
    else if (!act?.(at, event.key, close)) return;
    event.preventDefault();
  });
  dialog.addEventListener("keyup", (event) => held?.(event.key, false) && look());
  root.append(dialog);
  dialog.showModal();
  move(0);
  return dialog;
}
