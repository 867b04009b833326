// Each training picture beside its regularization picture; of thousands only those in sight are elements. Arrows move, Space enlarges.

import { debounced, h, setText } from "./dom.js";
import { t } from "./i18n.js";
import { openViewer } from "./viewer.js";

const SIDE = 104; // of a picture
const GAP = 8;
const WORDS = 40; // the lines under a pair
const THUMB = 192;
const ROWS_AROUND = 1;
const LOAD_AFTER = 60;

/** `address(picture, which, size)` gives a picture's address, or "" where there is none; `which` is "train" or "reg". */
export function regPairs(app, address) {
  const filler = h("div", { class: "lw-gallery-filler" });
  const scroller = h(
    "div",
    {
      class: "lw-gallery lw-reg-pairs",
      tabindex: "0",
      role: "listbox",
      "aria-label": t("Training pictures and their regularization pictures"),
    },
    filler,
  );
  const cells = new Map();
  let items = [];
  let paired = true;
  let at = 0;

  const width = () => (paired ? 2 : 1) * SIDE + GAP;
  const columns = () => Math.max(1, Math.floor(scroller.clientWidth / width()));
  const height = SIDE + WORDS + GAP;

  const draw = () => {
    const across = columns();
    const rows = Math.ceil(items.length / across);
    filler.style.height = `${rows * height}px`;
    const first = Math.max(0, Math.floor(scroller.scrollTop / height) - ROWS_AROUND) * across;
    const rowsSeen = Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + ROWS_AROUND;
    const last = Math.min(items.length, rowsSeen * across);
    for (const [index, cell] of cells) {
      if (index >= first && index < last) continue;
      cell.remove();
      cells.delete(index);
    }
    for (let index = first; index < last; index += 1) {
      const cell = cells.get(index) ?? makeCell(index);
      cell.style.width = `${width() - GAP}px`;
      cell.style.transform = `translate(${(index % across) * width()}px, ${Math.floor(index / across) * height}px)`;
      fill(cell, items[index], index);
    }
    load();
  };
  const load = debounced(LOAD_AFTER, () => {
    for (const cell of cells.values()) {
      for (const which of ["train", "reg"]) {
        const image = cell.lwImages[which];
        const wanted = image.lwWanted;
        if (image.getAttribute("src") === wanted) continue;
        if (wanted) image.src = wanted;
        else image.removeAttribute("src");
      }
    }
  });

  const makeCell = (index) => {
    const image = () =>
      h("img", { class: "lw-thumb", alt: "", decoding: "async", draggable: "false", width: SIDE, height: SIDE });
    const images = { train: image(), reg: image() };
    const absent = h("span", { class: "lw-reg-absent" });
    const name = h("span", { class: "lw-reg-name" });
    const state = h("span", { class: "lw-reg-state" });
    const train = h("span", { class: "lw-reg-place" }, images.train);
    const cell = h(
      "div",
      { class: "lw-reg-pair", role: "option", id: `lw-reg-pair-${index}` },
      h("div", { class: "lw-reg-pictures" }, train, h("span", { class: "lw-reg-place" }, images.reg, absent)),
      name,
      state,
    );
    Object.assign(cell, { lwImages: images, lwAbsent: absent, lwName: name, lwState: state, lwTrain: train });
    cell.addEventListener("click", () => select(index));
    cell.addEventListener("dblclick", () => enlarge(index));
    cells.set(index, cell);
    filler.append(cell);
    return cell;
  };
  const fill = (cell, one, index) => {
    cell.lwTrain.hidden = !paired;
    cell.lwImages.train.lwWanted = (paired && address(one, "train", THUMB)) || null;
    cell.lwImages.reg.lwWanted = address(one, "reg", THUMB) || null;
    cell.dataset.state = one.state;
    setText(cell.lwAbsent, one.there ? "" : one.state === "without_caption" ? "∅" : t("not made yet"));
    setText(cell.lwName, one.train ?? one.reg);
    setText(cell.lwState, stateWords(one));
    cell.title = [one.caption, stateWords(one)].filter(Boolean).join(" · ");
    say(cell, index);
  };
  const say = (cell, index) => cell.setAttribute("aria-selected", String(index === at));

  const select = (index) => {
    at = Math.max(0, Math.min(items.length - 1, index));
    const top = Math.floor(at / columns()) * height;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + height > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + height - scroller.clientHeight;
    draw();
    scroller.setAttribute("aria-activedescendant", `lw-reg-pair-${at}`);
  };
  /** In the whole window: of each pair first the training picture, then the other. */
  const enlarge = (index) => {
    const shown = items.flatMap((one, number) =>
      ["train", "reg"]
        .filter((which) => (which === "reg" || paired) && address(one, which, 1024))
        .map((which) => ({ one, which, number })),
    );
    const place = shown.findIndex((one) => one.number === index);
    if (place < 0) return;
    openViewer(app, {
      at: place,
      count: () => shown.length,
      picture(number) {
        const { one, which } = shown[number];
        const own = which === "reg" ? t("regularization picture, seed {seed}", { seed: one.seed }) : t("training picture");
        return { src: address(one, which, 1024), words: [one.train ?? one.reg, own, which === "reg" && one.caption].filter(Boolean).join(" · ") };
      },
      moved(number) {
        select(shown[number].number);
        scroller.focus();
      },
    });
  };
  scroller.addEventListener("keydown", (event) => {
    const across = columns();
    const moves = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: across,
      ArrowUp: -across,
      PageDown: 3 * across,
      PageUp: -3 * across,
    };
    if (event.key in moves) select(at + moves[event.key]);
    else if (event.key === "Home") select(0);
    else if (event.key === "End") select(items.length - 1);
    else if (event.key === " ") enlarge(at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  scroller.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(() => scroller.clientWidth && draw()).observe(scroller);
  return {
    element: scroller,
    /** Shows these pictures of the plan; `pairs`: each belongs to a training picture. */
    look(pictures, pairs) {
      if (pairs !== paired) for (const cell of cells.values()) cell.lwImages.reg.removeAttribute("src");
      [items, paired] = [pictures, pairs];
      if (at >= items.length) at = 0;
      draw();
    },
  };
}

/** What is to be said of a picture of the set: whether it is as it should be, and why not. */
export function stateWords({ state, why }) {
  if (state === "stale") return t("stale: {why}", { why: whyWords(why) });
  const words = {
    fresh: t("fresh"),
    missing: t("to be made"),
    yours: t("your own"),
    without_caption: t("has no caption"),
  };
  return words[state] ?? state;
}

/** The trainer's words for what has changed since a picture was drawn. */
export function whyWords(why) {
  const words = {
    base: t("base model"),
    vae: t("VAE"),
    caption: t("caption"),
    "class word": t("class word or activation tag"),
    tags: t("tags after it"),
    seed: t("seed"),
    steps: t("steps"),
    sampler: t("sampler"),
    size: t("size"),
    CFG: t("CFG"),
    "negative prompt": t("negative prompt"),
    "clip skip": t("clip skip"),
    "schedule type": t("schedule type"),
    "prompt's end": t("end of the prompt"),
  };
  return why
    .split(", ")
    .map((one) => words[one] ?? one)
    .join(", ");
}
