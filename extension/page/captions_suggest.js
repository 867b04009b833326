// A field for tags that suggests those the folder knows: the one being written, between its commas.

import { h, setAttribute, show } from "./dom.js";
import { count } from "./format.js";
import { lastTagAt } from "./tag_text.js";

const MOST = 12;
let fields = 0;

/** `known()` resolves to [[tag, pictures]]; `done(text)` is called by Enter where no suggestion is chosen. */
export function tagField({ known, done = null, ...props }) {
  fields += 1;
  const id = `lw-suggest-${fields}`;
  const field = h("input", {
    type: "text",
    class: "lw-input",
    autocomplete: "off",
    spellcheck: "false",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": id,
    "aria-autocomplete": "list",
    ...props,
  });
  const list = h("ul", { class: "lw-suggestions", id, role: "listbox", hidden: true });
  const element = h("div", { class: "lw-suggest" }, field, list);
  let at = -1;
  let found = [];
  let asked = 0;

  const written = () => {
    const before = field.value.slice(0, field.selectionStart ?? field.value.length);
    return before.slice(lastTagAt(before)).trim();
  };
  const close = () => {
    asked += 1;
    [at, found] = [-1, []];
    show(list, false);
    field.setAttribute("aria-expanded", "false");
    setAttribute(field, "aria-activedescendant", null);
  };
  const look = async () => {
    const word = written();
    asked += 1;
    const own = asked;
    if (!word) return close();
    const tags = await known().catch(() => []); // without suggestions the field still works
    if (own !== asked || document.activeElement !== field) return;
    found = matches(tags, word);
    if (!found.length) return close();
    at = -1;
    list.replaceChildren(
      ...found.map(([tag, pictures], place) => {
        const item = h(
          "li",
          { role: "option", id: `${id}-${place}` },
          h("span", {}, tag),
          h("span", { class: "lw-dim" }, count(pictures)),
        );
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault(); // the field keeps the focus
          take(tag);
        });
        return item;
      }),
    );
    show(list, true);
    field.setAttribute("aria-expanded", "true");
  };
  const take = (tag) => {
    const end = field.selectionStart ?? field.value.length;
    const before = field.value.slice(0, end);
    const begin = lastTagAt(before);
    const head = begin ? `${before.slice(0, begin)} ` : "";
    field.value = head + tag + field.value.slice(end);
    field.setSelectionRange(head.length + tag.length, head.length + tag.length);
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  };
  const mark = (place) => {
    at = (place + found.length + 1) % (found.length + 1);
    if (at === found.length) at = -1;
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
    setAttribute(field, "aria-activedescendant", at >= 0 ? `${id}-${at}` : null);
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };

  field.addEventListener("input", (event) => event.isComposing || look());
  field.addEventListener("compositionend", look);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = !list.hidden;
    if (open && event.key === "ArrowDown") mark(at + 1);
    else if (open && event.key === "ArrowUp") mark(at < 0 ? found.length - 1 : at - 1);
    else if (open && event.key === "Escape") close();
    else if (open && (event.key === "Enter" || event.key === "Tab") && at >= 0) take(found[at][0]);
    else if (event.key === "Enter" && done) {
      close();
      done(field.value);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return { element, field, close };
}

/** Tags that begin with the word, then those in which another word does; the most frequent first. */
function matches(tags, word) {
  const plain = (text) => text.toLowerCase().replaceAll("_", " ");
  const wanted = plain(word);
  const begins = [];
  const inside = [];
  for (const one of tags) {
    const tag = plain(one[0]);
    if (tag.startsWith(wanted)) begins.push(one);
    else if (tag.includes(` ${wanted}`)) inside.push(one);
    if (begins.length >= MOST) break;
  }
  return [...begins, ...inside].slice(0, MOST).filter(([tag]) => plain(tag) !== wanted || tag !== word);
}
