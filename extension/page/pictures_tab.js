// Pictures: what is wrong with them, and more of them drawn over those that are there. A way is a section: add a line here.

import { h, setAttribute, show } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { buildPicturesTab } from "./picture_report.js";
import { buildVariants } from "./variants_section.js";
import { PLACE } from "./variants_show.js";

const SECTIONS = [
  { key: "report", title: () => t("Report and crops"), build: buildPicturesTab },
  { key: "variants", title: () => t("Variants"), build: buildVariants },
];

export function buildPictures(app) {
  const { store } = app;
  const views = new Map();
  let visible = false;
  let open = store.picture && !store.variantsOf ? "report" : recall(PLACE);
  if (!SECTIONS.some((one) => one.key === open)) open = SECTIONS[0].key;
  const body = h("div", { class: "lw-test-body" });
  const buttons = SECTIONS.map((section) =>
    h(
      "button",
      { type: "button", class: "lw-segment", id: `lw-pictures-${section.key}`, on: { click: () => choose(section.key) } },
      section.title(),
    ),
  );
  const strip = h("div", { class: "lw-segments", role: "group", "aria-label": t("What is done with the pictures") }, buttons);
  const element = h("section", { class: "lw-test" }, h("div", { class: "lw-test-head" }, strip), body);

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
    remember(PLACE, key);
    if (visible) enter();
  };
  store.on("picture", () => choose("report"));
  store.on("variants-of", () => choose("variants"));
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
