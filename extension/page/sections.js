// A tab that is looked at in several ways: a strip of buttons, and below it the way that is chosen.

import { h, setAttribute, show } from "./dom.js";
import { recall, remember } from "./memory.js";

/**
 * `sections`: each {key, title(), build(app) → {element, shown?(), left?()}}, built when it is first looked at. `place`: the name
 * that the chosen one is remembered under; `id`: what the buttons' ids begin with; `first`: the key to begin with, where that is
 * not the remembered one; `beside`: elements beside the strip.
 */
export function sectionsTab(app, { sections, place, id, label, first = "", beside = [] }) {
  const views = new Map();
  let visible = false;
  let open = first || recall(place);
  if (!sections.some((one) => one.key === open)) open = sections[0].key;
  const body = h("div", { class: "lw-test-body" });
  const buttons = sections.map((section) =>
    h(
      "button",
      { type: "button", class: "lw-segment", id: `${id}-${section.key}`, on: { click: () => choose(section.key) } },
      section.title(),
    ),
  );
  const strip = h("div", { class: "lw-segments", role: "group", "aria-label": label }, buttons);
  const element = h("section", { class: "lw-test" }, h("div", { class: "lw-test-head" }, strip, beside), body);

  const enter = () => {
    if (!views.has(open)) {
      const view = sections.find((one) => one.key === open).build(app);
      view.element.classList.add("lw-test-section");
      views.set(open, view);
      body.append(view.element);
    }
    for (const [key, view] of views) show(view.element, key === open);
    buttons.forEach((one, number) => setAttribute(one, "aria-pressed", String(sections[number].key === open)));
    views.get(open).shown?.();
  };
  const choose = (key) => {
    if (key === open) return;
    views.get(open)?.left?.();
    open = key;
    remember(place, key);
    if (visible) enter();
  };
  return {
    element,
    choose,
    shown() {
      visible = true;
      enter();
    },
    left() {
      visible = false;
      views.get(open)?.left?.();
    },
  };
}
