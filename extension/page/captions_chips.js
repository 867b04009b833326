// A caption's tags as chips: arrows choose, Alt and arrows or dragging move, Delete takes out, F2 or a double click renames.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { tagsOf } from "./tag_text.js";

export const LINE = "\n"; // stands among tags where the caption goes on in a new line

/** `isFirst(tag)`: it is an activation tag. `changed(tags)` takes the new list; nothing can be changed while `locked()`. */
export function chipList({ isFirst, changed, locked }) {
  const props = {
    class: "lw-chips",
    role: "listbox",
    "aria-label": t("Tags of this picture"),
    "aria-describedby": "lw-chips-help",
  };
  const element = h("div", props);
  let tags = [];
  let at = 0; // the chip that Tab leads to
  let dragged = null;

  const set = (list, place) => {
    if (locked()) return;
    at = Math.max(0, Math.min(list.length - 1, place));
    changed(list);
  };
  const focus = () => element.children[at]?.focus();
  const move = (from, to) => {
    if (to < 0 || to >= tags.length || from === to) return;
    const list = [...tags];
    list.splice(to, 0, ...list.splice(from, 1));
    set(list, to);
    focus();
  };
  const remove = (place) => {
    set(tags.toSpliced(place, 1), place);
    focus();
  };
  const rename = (place) => {
    if (locked() || tags[place] === LINE) return;
    const field = h("input", { class: "lw-input lw-chip-field", value: tags[place], "aria-label": t("rename") });
    field.size = Math.max(8, tags[place].length);
    let over = false;
    const done = (take) => {
      if (over) return;
      over = true;
      const parts = tagsOf(field.value);
      if (take && parts.length && parts.join() !== tags[place]) set(tags.toSpliced(place, 1, ...parts), place);
      else draw(tags);
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
      done(event.key === "Enter");
      focus();
    });
    field.addEventListener("blur", () => done(true));
    element.children[place].replaceChildren(field);
    field.focus();
    field.select();
  };

  const chip = (tag, place) => {
    const isLine = tag === LINE;
    const node = h("span", { class: "lw-chip", role: "option", tabindex: place === at ? "0" : "-1", draggable: "true" });
    node.classList.toggle("lw-chip-first", isFirst(tag));
    node.classList.toggle("lw-chip-line", isLine);
    const words = t("take out {tag}", { tag: isLine ? "↵" : tag });
    const out = h("button", { type: "button", tabindex: "-1", class: "lw-chip-out", "aria-label": words, title: words }, "×");
    node.append(h("span", { class: "lw-chip-name" }, isLine ? "↵" : tag), out);
    if (isLine) node.title = t("new line: one line is chosen at each step");
    out.addEventListener("click", (event) => {
      event.stopPropagation();
      remove(place);
    });
    node.addEventListener("focus", () => (at = place));
    node.addEventListener("dblclick", () => rename(place));
    node.addEventListener("dragstart", (event) => {
      event.dataTransfer.setData("text/plain", tag);
      event.dataTransfer.effectAllowed = "move";
      dragged = place;
    });
    node.addEventListener("dragover", (event) => {
      if (dragged === null) return;
      event.preventDefault();
      node.classList.add("lw-drop");
    });
    node.addEventListener("dragleave", () => node.classList.remove("lw-drop"));
    node.addEventListener("drop", (event) => {
      event.preventDefault();
      if (dragged !== null) move(dragged, place);
    });
    return node;
  };
  element.addEventListener("dragend", () => (dragged = null));
  element.addEventListener("keydown", (event) => {
    const place = [...element.children].indexOf(document.activeElement);
    if (place < 0) return;
    const last = tags.length - 1;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -last, End: last }[event.key];
    const to = Math.max(0, Math.min(last, place + step));
    if (step !== undefined && (event.altKey || event.ctrlKey)) move(place, to);
    else if (step !== undefined) element.children[to].focus();
    else if (event.key === "Delete" || event.key === "Backspace") remove(place);
    else if (event.key === "F2" || event.key === "Enter") rename(place);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const draw = (list) => {
    const here = element.contains(document.activeElement);
    tags = list;
    at = Math.max(0, Math.min(tags.length - 1, at));
    element.replaceChildren(...tags.map(chip));
    if (here) focus();
  };
  return { element, draw, begin: () => (at = 0) };
}
