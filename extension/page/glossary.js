// The words of the trade, explained where a label has them: by hovering, by the keyboard, or by a tap.

import { h, setText, show } from "./dom.js";
import { language } from "./i18n.js";

const known = { language: "", terms: [], pattern: null };

/** Fetches the terms in the page's language and lets the page show them; without them labels are plain words. */
export async function loadGlossary(app) {
  watchTerms(app.root.firstElementChild);
  if (known.language === language()) return;
  try {
    const { terms } = await app.api.get("glossary");
    takeTerms(terms);
  } catch (error) {
    console.warn(`LoRA Workbench: the glossary can't be had, labels stay without it. ${error.message}`);
  }
}

export function takeTerms(terms) {
  const words = terms.flatMap((one) => one.words).filter((word) => word.length > 1);
  words.sort((one, other) => other.length - one.length);
  const pattern = words.length ? new RegExp(words.map(wordPattern).join("|"), "i") : null;
  Object.assign(known, { language: language(), terms, pattern });
}

/** Latin words as whole words alone, or several of the thing; others wherever they stand, as Chinese has no spaces. */
function wordPattern(word) {
  const plainly = word.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  return /^[\x20-\x7e]+$/.test(word) ? `(?<![A-Za-z0-9])${plainly}s?(?![A-Za-z0-9])` : plainly;
}

/** A label in up to three pieces around its first term: [{text, term}]. */
export function pieces(text) {
  const match = known.pattern?.exec(text);
  if (!match) return [{ text, term: null }];
  const before = text.slice(0, match.index);
  const after = text.slice(match.index + match[0].length);
  const found = [{ text: before, term: null }, { text: match[0], term: termOf(match[0]) }, { text: after, term: null }];
  return found.filter((one) => one.text);
}

function termOf(text) {
  const lowered = text.toLowerCase();
  const is = (word) => [lowered, lowered.replace(/s$/, "")].includes(word.toLowerCase());
  return known.terms.find((one) => one.words.some(is)) ?? null;
}

/** A label's nodes: its term can be reached by keyboard and tapped. */
export function withTerms(text) {
  return pieces(text).map(({ text: words, term }) => (term ? termButton(term, words) : words));
}

/** A setting's label, and kohya's name after it: where the label has no term, the name may be one. */
export function settingLabel({ label, name }) {
  const shown = pieces(label);
  const code = h("code", {}, name);
  const term = shown.some((one) => one.term) ? null : termOf(name);
  return [...withTerms(label), " ", term ? termButton(term, code) : code];
}

function termButton(term, content) {
  const node = h("button", { type: "button", class: "lw-term" }, content);
  node.lwTerm = term;
  return node;
}

/** One bubble for the whole page, at the term that is pointed at, focused or tapped; Escape and a tap elsewhere close it. */
function watchTerms(page) {
  if (page.querySelector(".lw-gloss")) return;
  const name = h("strong");
  const words = h("span");
  const bubble = h("div", { class: "lw-gloss", role: "tooltip", id: "lw-gloss", hidden: true }, name, " ", words);
  page.append(bubble);
  let at = null;
  let byTap = false;

  const open = (node) => {
    if (at && at !== node) close();
    at = node;
    setText(name, node.lwTerm.term);
    setText(words, node.lwTerm.about);
    node.setAttribute("aria-describedby", "lw-gloss");
    show(bubble, true);
    place(bubble, node, page);
  };
  const close = () => {
    at?.removeAttribute("aria-describedby");
    at = null;
    byTap = false;
    show(bubble, false);
  };
  const termAt = (event) => (event.target instanceof Element ? event.target.closest(".lw-term") : null);
  page.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const node = termAt(event);
    if (node) open(node);
    else if (at && !byTap && !bubble.contains(event.target) && document.activeElement !== at) close();
  });
  page.addEventListener("pointerleave", () => at && !byTap && document.activeElement !== at && close());
  page.addEventListener("focusin", (event) => {
    const node = termAt(event);
    if (node?.matches(":focus-visible")) open(node);
    else if (at && node !== at) close();
  });
  page.addEventListener("click", (event) => {
    const node = termAt(event);
    if (!node) {
      if (!bubble.contains(event.target)) close();
      return;
    }
    event.preventDefault(); // the label's field is not what was meant
    if (at === node && byTap) return close();
    open(node);
    byTap = true;
  });
  page.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !at) return;
    event.stopPropagation();
    close();
  });
  page.addEventListener("scroll", () => at && close(), true);
}

/** Below the term, or above it where there is no room; within the page's width. */
function place(bubble, node, page) {
  const term = node.getBoundingClientRect();
  const around = page.getBoundingClientRect();
  const { width, height } = bubble.getBoundingClientRect();
  const left = Math.max(around.left, Math.min(term.left, Math.min(around.right, window.innerWidth) - width - 4));
  const above = term.bottom + height + 8 > window.innerHeight && term.top > height + 8;
  bubble.style.left = `${left - around.left}px`;
  bubble.style.top = `${(above ? term.top - height - 6 : term.bottom + 6) - around.top}px`;
}
