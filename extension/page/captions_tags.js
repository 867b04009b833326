// The tags of the pictures that are shown, with counts. A press narrows the filter to a tag's pictures; only rows in sight
// are elements, since there may be thousands.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { hasTag, toggled } from "./captions_filter.js";
import { t } from "./i18n.js";

const ROW = 27;
const AROUND = 6;

/** `edit(kind, tag)` prepares an edit of the tag: "remove" or "replace". */
export function captionTags(model, edit) {
  const search = h("input", {
    type: "search",
    class: "lw-input",
    id: "lw-tag-search",
    placeholder: t("search tags"),
    autocomplete: "off",
  });
  search.setAttribute("aria-label", t("search tags"));
  const title = h("h3");
  const filler = h("div", { class: "lw-tag-filler" });
  const list = h(
    "div",
    { class: "lw-tag-list", role: "listbox", tabindex: "0", id: "lw-tag-list", "aria-label": t("Tags of these pictures") },
    filler,
  );
  const none = h("p", { class: "lw-empty", hidden: true }, t("No tags here."));
  const rows = new Map();
  let shown = [];
  let at = 0;

  const choose = (tag) => model.setFilter(toggled(model.filter, hasTag(tag)));
  const fit = () => {
    const word = search.value.trim().toLowerCase();
    shown = word ? model.tags.filter(([tag]) => tag.toLowerCase().includes(word)) : model.tags;
    at = Math.min(at, Math.max(0, shown.length - 1));
    filler.style.height = `${shown.length * ROW}px`;
    setText(title, t("Tags of these pictures: {count}", { count: count(model.tags.length) }));
    show(none, !shown.length);
    draw();
  };
  const draw = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - AROUND);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + AROUND);
    for (const [place, row] of rows) {
      if (place >= first && place < last) continue;
      row.element.remove();
      rows.delete(place);
    }
    for (let place = first; place < last; place += 1) {
      if (!rows.has(place)) rows.set(place, makeRow(place));
      fill(rows.get(place), place);
    }
    list.setAttribute("aria-activedescendant", shown.length ? `lw-tag-row-${at}` : "");
  };
  const makeRow = (place) => {
    const fillBar = h("span", { class: "lw-tag-share" });
    const name = h("span", { class: "lw-tag-row-name" });
    const mark = h("span", { class: "lw-tag-mark" });
    const number = h("span", { class: "lw-tag-count" });
    const own = () => shown[place][0];
    const act = (kind, sign, words) =>
      h(
        "button",
        {
          type: "button",
          tabindex: "-1",
          class: "lw-tag-act",
          title: words,
          "aria-label": words,
          on: {
            click: (event) => {
              event.stopPropagation();
              edit(kind, own());
            },
          },
        },
        sign,
      );
    const acts = h(
      "span",
      { class: "lw-tag-acts" },
      act("replace", "✎", t("replace this tag")),
      act("remove", "−", t("remove this tag")),
    );
    const element = h(
      "div",
      { class: "lw-tag-line", role: "option", id: `lw-tag-row-${place}` },
      fillBar,
      name,
      mark,
      acts,
      number,
    );
    element.style.transform = `translateY(${place * ROW}px)`;
    element.addEventListener("click", () => {
      at = place;
      choose(own());
    });
    filler.append(element);
    return { element, fillBar, name, mark, number };
  };
  const fill = (row, place) => {
    const [tag, pictures] = shown[place];
    const whole = model.filled;
    setText(row.name, tag);
    row.element.title = tag;
    setText(row.number, count(pictures));
    row.fillBar.style.width = whole ? `${(100 * pictures) / whole}%` : "0";
    const mark = markOf(model, tag, pictures);
    setText(row.mark, mark.text);
    row.mark.title = mark.title;
    row.mark.className = `lw-tag-mark ${mark.kind}`;
    row.element.classList.toggle("lw-here", place === at);
    row.element.setAttribute("aria-selected", String(model.filter.includes(hasTag(tag))));
  };
  const move = (place) => {
    at = Math.max(0, Math.min(shown.length - 1, place));
    if (at * ROW < list.scrollTop) list.scrollTop = at * ROW;
    if ((at + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (at + 1) * ROW - list.clientHeight;
    draw();
  };
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 };
    if (event.key in steps) move(at + steps[event.key]);
    else if (event.key === "Enter" && shown[at]) choose(shown[at][0]);
    else if (event.key === "Delete" && shown[at]) edit("remove", shown[at][0]);
    else if (event.key === "F2" && shown[at]) edit("replace", shown[at][0]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  search.addEventListener("input", fit);
  new ResizeObserver(() => list.clientHeight && draw()).observe(list);
  model.on("list", fit);
  const element = h("div", { class: "lw-captions-tags" }, title, search, none, list);
  return { element };
}

function markOf(model, tag, pictures) {
  const plain = (text) => text.toLowerCase().replaceAll("_", " ").replaceAll("\\", "");
  if (model.activation.tags.some((one) => plain(one) === plain(tag))) {
    return { text: "①", title: t("The activation tag: it calls the LoRA."), kind: "lw-good" };
  }
  if (model.filled > 1 && pictures === model.filled) {
    const whole = model.count === model.pictures;
    const words = whole ? t("In every picture: what it names can't be switched off later.") : t("In all of these pictures.");
    return { text: "100 %", title: words, kind: whole ? "lw-warning" : "lw-dim" };
  }
  return { text: "", title: "", kind: "" };
}
