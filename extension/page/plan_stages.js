// The stages of a planned run, one line each: its steps and epochs on the run's axis, schedule and rates.

import { h } from "./dom.js";
import { count, rounded } from "./format.js";
import { t } from "./i18n.js";

const PARTS = [
  ["unet_lr", () => t("UNet")],
  ["text_encoder_lr", () => t("text encoder")],
  ["text_encoder_2_lr", () => t("second text encoder")],
];

export function stagesOfPlan() {
  const element = h("ol", { class: "lw-plan-stages", id: "lw-plan-stages", "aria-label": t("Stages"), hidden: true });
  let drawn = "";
  return {
    element,
    look(stages) {
      const lines = stages.length > 1 ? stages.map(lineOf) : [];
      element.hidden = !lines.length;
      if (drawn === lines.join("\n")) return;
      drawn = lines.join("\n");
      element.replaceChildren(...lines.map((line) => h("li", {}, line)));
    },
  };
}

/** "steps 801 to 1,000 · epochs 9 to 10 · AdamW, cosine · UNet 0.00002, text encoder 0". */
export function lineOf(stage) {
  const [steps, epochs] = [
    [stage.first_step, stage.steps],
    [stage.first_epoch, stage.epochs],
  ].map(([before, own]) => ({ first: count(before + 1), last: count(before + own) }));
  const rates = PARTS.filter(([name]) => name in (stage.learning_rates ?? {})).map(
    ([name, words]) => `${words()} ${rounded(stage.learning_rates[name], 4)}`,
  );
  return [
    t("steps {first} to {last}", steps),
    t("epochs {first} to {last}", epochs),
    [stage.optimizer, stage.schedule].filter(Boolean).join(", "),
    rates.join(", "),
  ]
    .filter(Boolean)
    .join(" · ");
}
