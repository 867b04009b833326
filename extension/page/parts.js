// Small pieces that many parts of the page are made of: buttons that work and tell, menus, questions in place, lines of problems.

import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";

/** A line in which an action tells what went wrong; it stays until the next try. */
export function errorLine() {
  return h("p", { class: "lw-error", role: "alert", hidden: true });
}

export function tell(line, sentence) {
  setText(line, sentence);
  show(line, Boolean(sentence));
}

/** A button whose work is awaited: disabled meanwhile, and the error's sentence is put into `line`. */
export function button(label, work, { line = null, kind = "", ...props } = {}) {
  const element = h("button", { type: "button", class: `lw-button ${kind}`, ...props }, label);
  element.addEventListener("click", async (event) => {
    if (element.getAttribute("aria-busy") || element.getAttribute("aria-disabled")) return;
    element.setAttribute("aria-busy", "true");
    if (line) tell(line, "");
    try {
      await work(event);
    } catch (error) {
      if (!line) throw error;
      tell(line, error.message);
    } finally {
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

/** Disables a control and says why beside it; without a reason it works again. */
export function disable(control, reason, place = null) {
  if (control.tagName === "BUTTON") {
    // Still reachable by keyboard, so that the reason can be read there.
    if (reason) control.setAttribute("aria-disabled", "true");
    else control.removeAttribute("aria-disabled");
  } else control.disabled = Boolean(reason);
  if (place) tell(place, reason ?? "");
}

/** A button with a panel under it; Escape and a click elsewhere close it. `fill(panel, close)` is called when it opens. */
export function menu(label, fill, { kind = "", title = "" } = {}) {
  const text = h("span", { class: "lw-menu-label" }, label);
  const opener = h(
    "button",
    { type: "button", class: `lw-button lw-menu-button ${kind}`, "aria-expanded": "false", title },
    text,
  );
  const panel = h("div", { class: "lw-panel", hidden: true });
  const element = h("div", { class: "lw-menu" }, opener, panel);
  const outside = (event) => {
    if (!element.contains(event.target)) close();
  };
  const close = () => {
    if (panel.contains(document.activeElement)) opener.focus();
    show(panel, false);
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
  };
  opener.addEventListener("click", () => {
    if (!panel.hidden) return close();
    panel.replaceChildren();
    fill(panel, close);
    show(panel, true);
    opener.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside);
    panel.querySelector("input, select, button")?.focus();
  });
  element.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !element.contains(event.relatedTarget)) close(); // Tab led on
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.stopPropagation();
    close();
  });
  return { element, opener, panel, close, setLabel: (words) => setText(text, words) };
}

/** Asks where the button stands: a sentence, yes and no. Resolves to whether it was yes; the focus goes back to where it was. */
export function ask(place, sentence, yes, no = t("Cancel")) {
  const asker = document.activeElement;
  return new Promise((resolve) => {
    const done = (answer) => () => {
      if (place.contains(document.activeElement)) asker?.focus();
      place.replaceChildren();
      show(place, false);
      resolve(answer);
    };
    const agree = h("button", { type: "button", class: "lw-button lw-danger", on: { click: done(true) } }, yes);
    const refuse = h("button", { type: "button", class: "lw-button", on: { click: done(false) } }, no);
    place.replaceChildren(h("span", { class: "lw-question" }, sentence), agree, refuse);
    place.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // a menu around it stays open
      done(false)();
    };
    show(place, true);
    refuse.focus();
  });
}

/** The signs of a line, with words for those who don't see them. */
export function sign(severity) {
  const signs = {
    error: ["✖", t("Error:")],
    warning: ["⚠", t("Warning:")],
    note: ["ℹ", t("Note:")],
    good: ["✔", t("Good:")],
  };
  const [mark, words] = signs[severity] ?? signs.note;
  return h(
    "span",
    { class: `lw-sign lw-${severity}` },
    h("span", { "aria-hidden": "true" }, mark),
    h("span", { class: "lw-hidden-words" }, words),
  );
}

/** A bar of progress; `set(part, whole, words)`. */
export function progressBar() {
  const fill = h("div", { class: "lw-bar-fill" });
  const element = h("div", { class: "lw-bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  return {
    element,
    set(part, whole, words = "") {
      const share = whole > 0 ? Math.min(100, (100 * part) / whole) : 0;
      fill.style.width = `${share}%`;
      element.setAttribute("aria-valuenow", String(Math.floor(share)));
      if (words) element.setAttribute("aria-valuetext", words);
    },
  };
}
