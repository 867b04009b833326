// What a grid's labels and numbers say, in the page's language.

import { percent, rounded } from "./format.js";
import { t } from "./i18n.js";

/** How axes' values are called; prompts and checkpoints are called as they are. */
const WORDS = {
  strength: (value) => t("strength {value}", { value }),
  te: (value) => t("text encoder {value}", { value }),
  unet: (value) => t("UNet {value}", { value }),
  seeds: (value) => t("seed {value}", { value }),
  cfg: (value) => `CFG ${value}`,
};
const BASE = "base, without LoRA";

/** For a grid's axes: a function that gives a label's words; a title's labels have commas between them. */
export function labelsOf(axes) {
  const known = new Map([[BASE, t("base, without LoRA")]]);
  for (const [axis, points] of Object.entries(axes)) {
    for (const { label } of points) {
      if (WORDS[axis]) known.set(label, WORDS[axis](label.split(" ").pop()));
      else if (axis === "snapshots") known.set(label, label.replace(/ \(.*\)$/, ""));
    }
  }
  return (label) => {
    if (known.has(label)) return known.get(label);
    const [base, ...others] = label.split(`${BASE}, `);
    if (base === "" && others.length) return `${known.get(BASE)}, ${titled(others.join(""), known)}`;
    return titled(label, known);
  };
}

function titled(title, known) {
  const words = title.split(", ").map((one) => known.get(one) ?? one);
  return words.join(", ");
}

/** A cell by its id: "e8/te1.0/unet0.5/p2" → "e8 · te 1.0 · unet 0.5 · prompt 2". */
export function cellWords(id) {
  const names = { te: "te", unet: "unet", cfg: "CFG", x: "X" };
  const words = {
    p: (value) => t("prompt {value}", { value }),
    s: WORDS.seeds,
    m: (value) => t("checkpoint {value}", { value }),
  };
  const said = id.split("/").map((part) => {
    const [, name, value] = /^(te|unet|cfg|x|p|s|m)(-?[\d.]+)$/.exec(part) ?? [];
    return words[name]?.(value) ?? (names[name] ? `${names[name]} ${value}` : part);
  });
  return said.join(" · ");
}

/** The words of the prompt that a cell was drawn from, where there are several. */
export function promptWords(id, axes) {
  const prompts = axes.prompts ?? [];
  const parts = id.split("/");
  return prompts.length > 1 ? (prompts.find((one) => parts.includes(one.id))?.label.replaceAll("\n", ", ") ?? "") : "";
}

/** The numbers of a cell in a few words; "" where it has none. */
export function numberWords(numbers) {
  const { drift, agreement, likeness, likeness_among: among } = numbers ?? {};
  const has = (one) => Number.isFinite(one ?? NaN);
  const like = has(among)
    ? t("like a training picture {likeness} (they among each other {among})", {
        likeness: rounded(likeness, 2),
        among: rounded(among, 2),
      })
    : t("like a training picture {likeness}", { likeness: rounded(likeness, 2) });
  return [
    has(agreement) && t("prompt's tags seen {percent} %", { percent: percent(agreement, 1) }),
    has(likeness) && like,
    has(likeness) && has(among) && likeness > among && t("perhaps a copy"),
    has(drift) && t("drift {percent} %", { percent: rounded(100 * drift, 2) }),
  ]
    .filter(Boolean)
    .join(" · ");
}
