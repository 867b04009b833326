// The UNet drawn block by block, each a slider: as high as its pictures are large, filled as far as its weight.

import { blockValues, isWeight, weightOf } from "./blocks_model.js";
import { h, setAttribute, setText, show } from "./dom.js";
import { plain } from "./format.js";
import { t } from "./i18n.js";

const STEP = 0.05;
const HEIGHTS = { 0: 92, 1: 124, 2: 102, 4: 80, 8: 60 }; // pixels, by how much smaller the block's pictures are
const SIDES = ["BASE", "IN", "M", "OUT"];

export function blocksEditor({ store }, model) {
  const drawing = h("div", { class: "lw-blocks-drawing", id: "lw-blocks" });
  const told = h("p", { class: "lw-dim lw-blocks-told", id: "lw-blocks-told" });
  const wrong = h("p", { class: "lw-field-error", role: "alert", hidden: true });
  const element = h("div", { class: "lw-blocks-editor" }, drawing, told, wrong);
  let blocks = [];
  let drawn = 0;
  let near = "";

  const set = (name, word) => model.setBlocks((one) => one === name, word);
  const complain = (sentence) => {
    setText(wrong, sentence);
    show(wrong, sentence);
  };
  const tellOf = (name) => {
    near = name;
    const block = model.list()?.blocks.find((one) => one.name === name);
    const words = block ? [`${block.name}: ${block.carries}`, heatWords(model.look, name)] : [usualWords(), model.look ? heatLegend() : ""];
    setText(told, words.filter(Boolean).join(" "));
  };

  const draw = () => {
    const list = model.list();
    if (!list) return;
    if (drawn !== list.length) {
      drawn = list.length;
      blocks = list.blocks.map((one) => blockView(one, { set, complain, tellOf }));
      drawing.style.gridTemplateColumns = `repeat(${list.length}, minmax(38px, 1fr))`;
      drawing.replaceChildren(...sideHeads(list, model), ...blocks.map((one) => one.element));
    }
    const { values, x } = blockValues(store);
    blocks.forEach((one, place) => one.put(values[place], x));
    tellOf(near);
  };
  const heat = () => {
    const most = Math.max(...Object.values(model.look?.blocks ?? {}).map((one) => one.share), 0);
    for (const one of blocks) one.heat(model.look, most);
    tellOf(near);
  };
  drawing.addEventListener("pointerleave", () => tellOf(""));
  for (const topic of ["info", "values"])
    model.on(topic, () => {
      draw();
      heat();
    });
  model.on("look", heat);
  draw();
  return { element };
}

function usualWords() {
  return t("Drag a block, or use the arrow keys; X stands for the value beside the preset. Write numbers beyond 0 to 1 below.");
}

function heatLegend() {
  return t("Coloured: how much of the LoRA's change is in each block.");
}

/** What stands above the blocks of each side: its name, what it carries, and quick weights for all of it. */
function sideHeads(list, model) {
  const words = {
    BASE: t("text"),
    IN: t("IN · composition, pose"),
    M: t("mid"),
    OUT: t("OUT · colours, texture"),
  };
  return SIDES.map((side) => {
    const places = list.blocks.flatMap((one, place) => (sideOf(one.name) === side ? [place] : []));
    const wide = places.length > 1;
    const quick = ["0", "X", "1"].map((word) =>
      h(
        "button",
        {
          type: "button",
          class: "lw-segment",
          title: t("all of {side}: {weight}", { side, weight: word }),
          "aria-label": t("all of {side}: {weight}", { side, weight: word }),
          on: { click: () => model.setBlocks((name) => sideOf(name) === side, word) },
        },
        word,
      ),
    );
    const head = h(
      "div",
      { class: "lw-blocks-head", "data-side": side },
      h("span", {}, words[side]),
      wide ? h("span", { class: "lw-segments lw-small-segments" }, quick) : null,
    );
    head.style.gridColumn = `${places[0] + 1} / span ${places.length}`;
    return head;
  });
}

export function sideOf(name) {
  return name === "BASE" ? "BASE" : name.replace(/\d+$/, "");
}

/** One block: its name, its bar with the slider, its number, and how much of the LoRA's change is in it. */
function blockView(block, { set, complain, tellOf }) {
  const { name } = block;
  const id = `lw-block-${name}`;
  const slider = h("input", {
    type: "range",
    class: "lw-block-slider",
    id,
    min: "0",
    max: "1",
    step: String(STEP),
    "aria-orientation": "vertical",
    "aria-describedby": "lw-blocks-told",
  });
  const fill = h("div", { class: "lw-block-fill" });
  const bar = h("div", { class: "lw-block-bar" }, fill, slider);
  bar.style.height = `${HEIGHTS[block.size]}px`;
  const number = h("input", {
    type: "text",
    class: "lw-input lw-block-number",
    id: `${id}-number`,
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": t("Weight of {block}", { block: name }),
  });
  const heat = h("div", { class: "lw-block-heat", hidden: true });
  let kept = "";
  const element = h(
    "div",
    { class: "lw-block", "data-block": name, "data-side": sideOf(name) },
    h("label", { class: "lw-block-name", htmlFor: id }, name),
    h("div", { class: "lw-block-place" }, bar),
    number,
    heat,
  );

  slider.addEventListener("input", () => set(name, plain(Number(slider.value))));
  slider.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    set(name, "X");
  });
  const drag = (event) => {
    const { bottom, height } = bar.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (bottom - event.clientY) / height));
    set(name, plain(Math.round(share / STEP) * STEP));
  };
  bar.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    slider.focus({ preventScroll: true });
    bar.setPointerCapture(event.pointerId);
    drag(event);
  });
  bar.addEventListener("pointermove", (event) => bar.hasPointerCapture(event.pointerId) && drag(event));
  number.addEventListener("input", () => {
    const word = number.value.trim().replace(",", ".").toUpperCase();
    const good = isWeight(word);
    setAttribute(number, "aria-invalid", good ? null : "true");
    complain(good ? "" : t("{block}: write a number, X, X+0.2 or X-0.2; R and U are random.", { block: name }));
    if (good) set(name, word);
  });
  number.addEventListener("blur", () => {
    number.value = kept; // what was no weight is forgotten
    setAttribute(number, "aria-invalid", null);
    complain("");
  });
  for (const event of ["pointerenter", "focusin"]) element.addEventListener(event, () => tellOf(name));

  return {
    element,
    put(word, x) {
      kept = word;
      const weight = weightOf(word, x);
      const shown = Math.min(1, Math.max(0, weight ?? 0));
      slider.value = String(shown);
      setAttribute(slider, "aria-valuetext", word.startsWith("X") ? `${word} = ${plain(weight)}` : word);
      fill.style.height = `${100 * shown}%`;
      setAttribute(element, "data-kind", word.startsWith("X") ? "x" : weight === null ? "random" : weight < 0 ? "negative" : null);
      if (document.activeElement !== number) {
        number.value = word;
        setAttribute(number, "aria-invalid", null);
      }
    },
    heat(look, most) {
      show(heat, look);
      const share = look?.blocks[name]?.share ?? null;
      setText(heat, share === null ? "–" : percentWords(share));
      heat.style.setProperty("--lw-heat", String(most > 0 && share ? Math.sqrt(share / most) : 0));
      setAttribute(heat, "title", look ? heatWords(look, name) : null);
    },
  };
}

export function percentWords(share) {
  const percent = 100 * share;
  return percent >= 9.95 || percent === 0 ? `${Math.round(percent)}%` : `${percent.toFixed(1)}%`;
}

function heatWords(look, name) {
  if (!look) return "";
  const found = look.blocks[name];
  if (!found) return t("This LoRA changes nothing here.");
  return t("{share} of the LoRA's change, in {modules} modules.", {
    share: percentWords(found.share),
    modules: found.modules,
  });
}
