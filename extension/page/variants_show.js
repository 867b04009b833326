// The way from another tab to the variants of one picture.

import { remember } from "./memory.js";

export const PLACE = "pictures-section"; // which section of the Pictures tab is open

/** `name`: of a picture in the project's dataset. */
export function showVariants(app, name) {
  const { store } = app;
  store.variantsOf = { dataset: store.project?.dataset, name };
  remember(PLACE, "variants");
  app.showTab("pictures");
  store.tell("variants-of");
}
