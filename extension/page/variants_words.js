// What is said of a variant.

import { t } from "./i18n.js";

export function stateWords(state) {
  return { waiting: t("waits"), accepted: t("accepted"), rejected: t("rejected") }[state] ?? state;
}

/** "a-v001.png · waits · strength 0.7 · seed 7 · mask · mia_v2 0.8 · in 5_more/a-v001.png". */
export function describe(one) {
  return [
    one.name,
    stateWords(one.state),
    t("denoised {strength}", { strength: one.denoise }),
    t("seed {seed}", { seed: one.seed }),
    one.over && t("drawn over {name}", { name: one.over }),
    one.masked && (one.only_masked ? t("painted part only") : t("with a mask")),
    one.lora && `${one.lora} ${one.strength ?? ""}`.trim(),
    one.file && t("in the dataset as {name}", { name: one.file }),
  ]
    .filter(Boolean)
    .join(" · ");
}
