// Test: what a LoRA does, looked at in several ways. A way is a section: write its module and add a line here.

import { h, setAttribute, show } from "./dom.js";
import { t } from "./i18n.js";
import { loopSection } from "./loop_section.js";
import { recall, remember } from "./memory.js";
import { symptomsSection } from "./symptoms.js";
import { gridSection } from "./test_grid.js";
import { priorSection } from "./test_prior.js";

/** Each is {key, title(), build(app) → {element, shown?(), left?()}}, built when it is first looked at. */
const SECTIONS = [gridSection, symptomsSection, priorSection, loopSection];

export function buildTestTab(app) {
  const views = new Map();
  let visible = false;
  let open = recall("test-section");
  if (!SECTIONS.some((one) => one.key === open)) open = SECTIONS[0].key;
  const body = h("div", { class: "lw-test-body" });
  const buttons = SECTIONS.map((section) =>
    h(
      "button",
      { type: "button", class: "lw-segment", id: `lw-test-${section.key}`, on: { click: () => choose(section.key) } },
      section.title(),
    ),
  );
  const strip = h("div", { class: "lw-segments", role: "group", "aria-label": t("What is looked at") }, buttons);
  const next = app.nextStep("test");
  const element = h("section", { class: "lw-test" }, h("div", { class: "lw-test-head" }, strip, next.element), body);

  const enter = () => {
    if (!views.has(open)) {
      const view = SECTIONS.find((one) => one.key === open).build(app);
      view.element.classList.add("lw-test-section");
      views.set(open, view);
      body.append(view.element);
    }
    for (const [key, view] of views) show(view.element, key === open);
    buttons.forEach((one, number) => setAttribute(one, "aria-pressed", String(SECTIONS[number].key === open)));
    views.get(open).shown?.();
  };
  const choose = (key) => {
    if (key === open) return;
    views.get(open)?.left?.();
    open = key;
    remember("test-section", key);
    if (visible) enter();
  };
  app.store.on("test-section", () => choose(recall("test-section"))); // another tab sends here
  return {
    element,
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
