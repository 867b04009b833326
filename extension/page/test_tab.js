// Test: what a LoRA does, looked at in several ways. A way is a section: write its module and add a line here.

import { t } from "./i18n.js";
import { loopSection } from "./loop_section.js";
import { recall } from "./memory.js";
import { sectionsTab } from "./sections.js";
import { symptomsSection } from "./symptoms.js";
import { gridSection } from "./test_grid.js";
import { priorSection } from "./test_prior.js";

const SECTIONS = [gridSection, symptomsSection, priorSection, loopSection];
const PLACE = "test-section";

export function buildTestTab(app) {
  const beside = app.nextStep("test").element;
  const tab = sectionsTab(app, { sections: SECTIONS, place: PLACE, id: "lw-test", label: t("What is looked at"), beside: [beside] });
  app.store.on(PLACE, () => tab.choose(recall(PLACE))); // another tab sends here
  return tab;
}
