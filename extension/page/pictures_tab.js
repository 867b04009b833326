// Pictures: what is wrong with them, and more of them drawn over those that are there. A way is a section: add a line here.

import { t } from "./i18n.js";
import { buildPicturesTab } from "./picture_report.js";
import { sectionsTab } from "./sections.js";
import { buildVariants } from "./variants_section.js";
import { PLACE } from "./variants_show.js";

const SECTIONS = [
  { key: "report", title: () => t("Report and crops"), build: buildPicturesTab },
  { key: "variants", title: () => t("Variants"), build: buildVariants },
];

export function buildPictures(app) {
  const { store } = app;
  const first = store.picture && !store.variantsOf ? "report" : "";
  const label = t("What is done with the pictures");
  const tab = sectionsTab(app, { sections: SECTIONS, place: PLACE, id: "lw-pictures", label, first });
  store.on("picture", () => tab.choose("report"));
  store.on("variants-of", () => tab.choose("variants"));
  return tab;
}
