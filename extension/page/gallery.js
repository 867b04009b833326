// Thumbnails of any number of pictures: only those in sight are elements. Arrows move, Space enlarges.
//
// `own` is what another tab does otherwise: `name` (of its cells, and of the memory of its place), `label`, `empty` (words for
// an empty list), `mark(picture)` → {text, title, kind}, `isSelected(index)`, and `clicked(index, event)` and
// `key(index, event, go, columns)`, which say whether that was all.

import { debounced, h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { openViewer } from "./viewer.js";

const CELL = 108; // at least, with the gap
const GAP = 4;
const THUMB = 192;
const ROWS_AROUND = 2;
const LOAD_AFTER = 60; // pictures that only fly by are not asked for

export function gallery(app, pictures, chosen, own = {}) {
  const { api } = app;
  const filler = h("div", { class: "lw-gallery-filler" });
  const scroller = h(
    "div",
    { class: "lw-gallery", tabindex: "0", role: "listbox", "aria-label": own.label ?? t("Pictures") },
    filler,
  );
  if (own.isSelected) scroller.setAttribute("aria-multiselectable", "true");
  const memory = own.name ?? "picture";
  const kind = own.name ? `${own.name}-` : "";
  const cells = new Map();
  let at = 0;
  let folder = null;

  const address = (name, size) => api.url("thumb", { folder: pictures.folder, name, size });
  const columns = () => Math.max(1, Math.floor(scroller.clientWidth / CELL));
  const pitch = () => Math.max(CELL, Math.floor(scroller.clientWidth / columns())); // cells share what is left of a row

  const draw = () => {
    if (pictures.folder !== folder) begin();
    const width = columns();
    const side = pitch();
    const rows = Math.ceil(pictures.count / width);
    filler.style.height = `${rows * side}px`;
    filler.style.setProperty("--lw-cell", `${side - GAP}px`);
    const first = Math.max(0, Math.floor(scroller.scrollTop / side) - ROWS_AROUND) * width;
    const last = Math.min(
      pictures.count,
      (Math.ceil((scroller.scrollTop + scroller.clientHeight) / side) + ROWS_AROUND) * width,
    );
    for (const [index, cell] of cells) {
      if (index >= first && index < last) continue;
      cell.remove();
      cells.delete(index);
    }
    for (let index = first; index < last; index += 1) {
      const cell = cells.get(index) ?? makeCell(index);
      cell.style.transform = `translate(${(index % width) * side}px, ${Math.floor(index / width) * side}px)`;
      fill(cell, pictures.at(index), index);
    }
    load();
  };
  const begin = () => {
    folder = pictures.folder;
    for (const cell of cells.values()) cell.remove();
    cells.clear();
    at = recall(memory, {})?.[folder] ?? 0;
    scroller.scrollTop = Math.floor(at / columns()) * pitch();
  };
  const load = debounced(LOAD_AFTER, () => {
    for (const cell of cells.values()) {
      if (!cell.lwName || cell.lwLoaded === cell.lwName) continue;
      cell.lwLoaded = cell.lwName;
      cell.lwPicture.src = address(cell.lwName, THUMB);
    }
  });

  const makeCell = (index) => {
    const picture = h("img", { class: "lw-thumb", alt: "", decoding: "async", draggable: "false" });
    const mark = h("span", { class: "lw-thumb-mark" });
    const cell = h("div", { class: "lw-cell", role: "option", id: `lw-${kind}cell-${index}` }, picture, mark);
    cell.lwPicture = picture;
    cell.lwMark = mark;
    cell.dataset.broken = t("can't be read");
    picture.addEventListener("error", () => cell.classList.add("lw-broken"));
    picture.addEventListener("load", () => cell.classList.remove("lw-broken"));
    cell.addEventListener("click", (event) => own.clicked?.(index, event) || select(index));
    cell.addEventListener("dblclick", () => enlarge());
    cells.set(index, cell);
    filler.append(cell);
    return cell;
  };
  const fill = (cell, picture, index) => {
    if (!picture) {
      cell.lwName = cell.lwLoaded = null; // what is shown there now is not known yet
      cell.lwPicture.removeAttribute("src");
      cell.classList.remove("lw-broken");
      return;
    }
    if (cell.lwName !== picture.name) {
      cell.classList.remove("lw-broken");
      cell.lwName = picture.name;
      cell.title = picture.name;
      cell.setAttribute("aria-label", picture.name);
    }
    const told = Boolean(picture.caption?.trim());
    cell.classList.toggle("lw-captioned", told);
    const mark = own.mark?.(picture) ?? { text: told ? "✓" : "", title: told ? t("has a caption") : "" };
    setText(cell.lwMark, mark.text);
    cell.lwMark.title = mark.title;
    cell.lwMark.dataset.kind = mark.kind ?? "";
    say(cell, index);
  };

  const say = (cell, index) => {
    cell.classList.toggle("lw-here", index === at);
    cell.setAttribute("aria-selected", String(own.isSelected ? own.isSelected(index) : index === at));
  };

  const select = (index) => {
    at = Math.max(0, Math.min(pictures.count - 1, index));
    remember(memory, { [pictures.folder]: at });
    const side = pitch();
    const top = Math.floor(at / columns()) * side;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + side > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + side - scroller.clientHeight;
    draw();
    for (const [number, cell] of cells) say(cell, number);
    scroller.setAttribute("aria-activedescendant", `lw-${kind}cell-${at}`);
    tellChosen();
  };
  const enlarge = () => {
    if (!pictures.at(at)) return;
    const words = (one) => [one?.name, one?.caption].filter(Boolean).join(" · ");
    openViewer(app, {
      at,
      count: () => pictures.count,
      picture: (index) => {
        const one = pictures.at(index);
        return { src: one ? address(one.name, 1024) : "", words: words(one) };
      },
      moved: (index) => {
        select(index);
        scroller.focus();
      },
    });
  };
  let told = "";
  const tellChosen = () => {
    const picture = pictures.count ? pictures.at(at) : null;
    const mark = JSON.stringify([pictures.folder, picture]);
    if (mark === told) return;
    told = mark;
    chosen(picture);
  };

  scroller.addEventListener("keydown", (event) => {
    if (own.key?.(at, event, select, columns())) return;
    const width = columns();
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width, PageDown: 3 * width, PageUp: -3 * width };
    if (event.key in moves) select(at + moves[event.key]);
    else if (event.key === "Home") select(0);
    else if (event.key === "End") select(pictures.count - 1);
    else if (event.key === " ") enlarge();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  scroller.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(() => scroller.clientWidth && draw()).observe(scroller);

  const empty = h(
    "p",
    { class: "lw-empty", hidden: true },
    own.empty ?? t("No pictures in this folder or the folders in it. Choose the folder that they are in."),
  );
  const element = h("div", { class: "lw-gallery-part" }, empty, scroller);
  pictures.on(() => {
    draw();
    show(empty, pictures.folder && !pictures.count);
    if (at >= pictures.count) at = 0;
    tellChosen();
  });
  return { element, go: select, at: () => at, draw, focus: () => scroller.focus() };
}
