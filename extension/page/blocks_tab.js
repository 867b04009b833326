// Block weights: presets edited on a drawing of the UNet, what a LoRA does per block, and what is done with the weights.

import { blocksEditor } from "./blocks_editor.js";
import { loraBar } from "./blocks_lora.js";
import { createBlocks } from "./blocks_model.js";
import { presetBar } from "./blocks_presets.js";
import { repairPart } from "./blocks_repair.js";
import { usePart } from "./blocks_use.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";

export function buildBlocksTab(app) {
  const { store } = app;
  const model = createBlocks(app);
  const failed = h("p", { class: "lw-error", role: "alert", hidden: true });
  const next = app.nextStep("blocks");
  const element = h(
    "section",
    { class: "lw-blocks" },
    failed,
    presetBar(app, model).element,
    blocksEditor(app, model).element,
    loraBar(app, model).element,
    usePart(app, model).element,
    h("div", { class: "lw-blocks-more" }, repairPart(app).element, howTo()),
    next.element,
  );
  const look = () => {
    setText(failed, model.error);
    show(failed, model.error);
  };
  model.on("info", look);
  let visible = false;
  store.on("project", () => model.info && model.changed());
  store.on("opened", () => visible && model.load());
  return {
    element,
    shown() {
      visible = true;
      model.load();
    },
    left: () => (visible = false),
  };
}

/** The guide's way to find weights, for those who come here first. */
function howTo() {
  return h(
    "details",
    {},
    h("summary", {}, t("How weights are found")),
    h(
      "ol",
      { class: "lw-plain-list lw-blocks-steps" },
      h("li", {}, t("Train once with all blocks at 1.")),
      h("li", {}, t("Try the LoRA in a grid: OUTALL against INALL shows which half has what you want; then X at several values.")),
      h("li", {}, t("Take what looked best here, and train again with these weights; or bake them into the file that you have.")),
      h("li", {}, t("Styles live mostly in OUT, figures and poses in IN; OUT04 to OUT06 act on eyes and face.")),
    ),
  );
}
