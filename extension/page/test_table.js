// The grids as tables of pictures, the base first. Arrows move, Space enlarges, Enter chooses, + and − change the size.

import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { difference } from "./picture_difference.js";
import { cellWords, labelsOf, numberWords, promptWords } from "./test_words.js";
import { openViewer } from "./viewer.js";

const SIZES = [64, 96, 128, 176, 256, 384, 512];

/** `model`: {grid, chosen, choose(id), on}; `address(cell, size)`: where a cell's picture is, size 0 for all of it. */
export function gridTable(app, model, { address, empty }) {
  const place = h("div", { class: "lw-test-grids", tabindex: "-1" });
  const help = h(
    "p",
    { class: "lw-dim lw-test-keys" },
    t(
      "Arrows move, Enter chooses, + and − change the size. Space enlarges; there B, held, shows the base, D what differs from it, and C chooses.",
    ),
  );
  const notice = h(
    "p",
    { class: "lw-dim", hidden: true },
    t("The numbers are help for the eye, not judges. Drift: how far the colours are from the base's picture of the same seed."),
  );
  const element = h("div", { class: "lw-test-table" }, empty, help, notice, place);
  let lines = []; // the buttons row by row through all grids; null where a place is empty
  let shape = "";
  let side = recall("test-size", 128);

  const resize = (step) => {
    const at = SIZES.findIndex((one) => one >= side);
    side = SIZES[Math.max(0, Math.min(SIZES.length - 1, (at < 0 ? SIZES.length - 1 : at) + step))];
    remember("test-size", side);
    place.style.setProperty("--lw-side", `${side}px`);
    for (const one of all()) load(one);
  };
  const all = () => lines.flat().filter(Boolean);
  const idOf = (button) => button?.dataset.cell;

  const build = (grid) => {
    lines = [];
    const labels = labelsOf(grid.axes);
    place.replaceChildren(...grid.grids.map((one) => table(one, grid, labels)));
    place.style.setProperty("--lw-side", `${side}px`);
  };
  const table = (one, grid, labels) => {
    const head = h("tr", {}, one.rows.length ? h("th") : null);
    head.append(...one.columns.map((label) => h("th", { scope: "col", title: label }, labels(label))));
    const rows = one.cells.map((ids, number) => {
      const cells = ids.map((id) => (id === null ? null : makeCell(id, grid.cells[id])));
      lines.push(cells.map((cell) => cell?.lwButton ?? null));
      const label = one.rows.length ? h("th", { scope: "row", title: one.rows[number] }, labels(one.rows[number])) : null;
      return h(
        "tr",
        {},
        label,
        cells.map((cell) => h("td", {}, cell)),
      );
    });
    const title = one.title ? h("caption", {}, labels(one.title)) : null;
    return h("table", {}, title, h("thead", {}, head), h("tbody", {}, rows));
  };
  const makeCell = (id, cell) => {
    const picture = h("img", { class: "lw-test-picture", alt: "", decoding: "async", draggable: "false", loading: "lazy" });
    const button = h(
      "button",
      { type: "button", class: "lw-test-cell", "data-cell": id, title: cellWords(id), tabindex: "-1" },
      picture,
    );
    button.lwPicture = picture;
    button.setAttribute("aria-label", cell.base ? cellWords(id) : t("{cell}, without LoRA", { cell: cellWords(id) }));
    button.addEventListener("click", () => {
      button.focus();
      if (cell.choosable) model.choose(id);
    });
    button.addEventListener("dblclick", () => enlarge(button));
    const numbers = h("span", { class: "lw-test-numbers" });
    const whole = h("div", { class: "lw-test-place" }, button, numbers);
    return Object.assign(whole, { lwButton: button, lwNumbers: numbers });
  };
  const load = (button) => {
    const cell = model.grid.cells[idOf(button)];
    const wanted = cell?.drawn ? address(cell, side > 256 || model.grid.small ? 0 : 256) : "";
    button.classList.toggle("lw-waits", !wanted);
    if (button.lwAddress === wanted) return;
    button.lwAddress = wanted;
    if (wanted) button.lwPicture.src = wanted;
    else button.lwPicture.removeAttribute("src");
  };

  const look = () => {
    const { grid } = model;
    show(empty, !grid);
    show(place, grid);
    show(notice, grid && Object.values(grid.cells).some((cell) => numberWords(cell.numbers)));
    if (!grid) {
      show(help, false);
      place.replaceChildren();
      lines = [];
      shape = "";
      return;
    }
    const wanted = JSON.stringify(grid.grids);
    if (wanted !== shape) {
      shape = wanted;
      build(grid);
      const first = all()[0];
      if (first) first.tabIndex = 0;
      place.classList.toggle("lw-crisp", grid.small);
    }
    for (const button of all()) {
      load(button);
      setText(button.parentElement.lwNumbers, numberWords(grid.cells[idOf(button)].numbers));
    }
    mark();
  };
  const mark = () => {
    show(help, model.grid && !model.chosen); // who has chosen knows the keys, and the pictures need the room
    for (const button of all()) button.setAttribute("aria-pressed", String(idOf(button) === model.chosen));
  };

  /** The button so many rows down and columns to the right, past empty places; null at the end. */
  const beside = (button, down, right) => {
    let row = lines.findIndex((line) => line.includes(button));
    let column = lines[row]?.indexOf(button) ?? -1;
    for (;;) {
      row += down;
      column += right;
      if (row < 0 || row >= lines.length || column < 0 || (right && column >= lines[row].length)) return null;
      const found = lines[row][Math.min(column, lines[row].length - 1)];
      if (found) return found;
    }
  };
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const focusOn = (button) => {
    for (const one of all()) one.tabIndex = one === button ? 0 : -1;
    button.focus();
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const enlarge = (from) => {
    let held = ""; // the key: b for the base's picture, d for what differs from it
    const buttons = all();
    const picture = (at) => {
      const id = idOf(buttons[at]);
      const cell = model.grid.cells[id];
      const base = cell.base ? model.grid.cells[cell.base] : null;
      const name = { cell: cellWords(id) };
      const names = {
        b: t("the base's picture in the place of {cell}", name),
        d: t("what {cell} has otherwise than the base", name),
      };
      const words = (base && names[held]) || name.cell;
      const shown = base && held === "b" ? base : cell;
      const both = base && held === "d" && cell.drawn && base.drawn;
      return {
        src: both ? difference(address(cell, 0), address(base, 0)) : shown.drawn ? address(shown, 0) : "",
        words: [words, numberWords(cell.numbers), promptWords(id, model.grid.axes)].filter(Boolean).join(" · "),
      };
    };
    const viewer = openViewer(app, {
      at: buttons.indexOf(from),
      count: () => buttons.length,
      picture,
      moved: (at) => focusOn(buttons[at]),
      step: (at, key) =>
        key in moves ? Math.max(0, buttons.indexOf(beside(buttons[at], ...moves[key]) ?? buttons[at])) : null,
      held: (key, down) => {
        const one = key.toLowerCase();
        if (one !== "b" && one !== "d") return false;
        if (down && held === one) return true; // it is repeated while it is held
        held = down ? one : "";
        return true;
      },
      act: (at, key, close) => {
        const id = idOf(buttons[at]);
        if (key.toLowerCase() !== "c" || !model.grid.cells[id].choosable) return false;
        model.choose(id);
        close();
        return true;
      },
    });
    viewer.classList.toggle("lw-crisp", model.grid.small);
  };

  place.addEventListener("keydown", (event) => {
    const button = event.target.closest(".lw-test-cell");
    if (!button || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const next = beside(button, ...moves[event.key]);
      if (next) focusOn(next);
    } else if (event.key === " ") enlarge(button);
    else if (event.key === "+" || event.key === "=") resize(1);
    else if (event.key === "-") resize(-1);
    else return; // Enter presses the button
    event.preventDefault();
    event.stopPropagation();
  });
  place.addEventListener("keyup", (event) => event.key === " " && event.preventDefault()); // else it pressed the button too
  model.on("grid", look);
  model.on("chosen", mark);
  // What a choice says takes room from the pictures: the chosen one stays in sight.
  new ResizeObserver(() => {
    const chosen = model.chosen && all().find((button) => idOf(button) === model.chosen);
    if (chosen && place.contains(chosen)) chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
  }).observe(place);
  look();
  return { element };
}
