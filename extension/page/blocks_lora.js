// Which LoRA is looked at, and in a sentence what it does where.

import { percentWords } from "./blocks_editor.js";
import { blockValues } from "./blocks_model.js";
import { h, setText, show } from "./dom.js";
import { fileChoice, loraGroups } from "./file_choice.js";
import { t } from "./i18n.js";

const MOST_NAMED = 3;

export function loraBar({ store }, model) {
  const choice = fileChoice({
    id: "lw-blocks-lora",
    fileId: "lw-blocks-file",
    groups: () => loraGroups(model.info.loras),
    get: () => blockValues(store).lora,
    set: (lora) => model.change({ lora }),
  });
  const facts = h("p", { class: "lw-dim", role: "status", id: "lw-blocks-facts" });
  const wrong = h("p", { class: "lw-error", role: "alert", hidden: true });
  const fit = h("button", { type: "button", class: "lw-link", id: "lw-blocks-fit", hidden: true });
  const line = h(
    "div",
    { class: "lw-line lw-blocks-bar" },
    h("label", { htmlFor: "lw-blocks-lora" }, t("LoRA")),
    choice.parts,
    facts,
    fit,
  );
  const element = h("div", {}, line, wrong);
  fit.addEventListener("click", () => model.setLength(model.look.length));

  const look = () => {
    if (!model.info) return;
    choice.look();
    setText(facts, model.looking ? t("Looking into it …") : factWords(model.look));
    setText(wrong, model.lookError);
    show(wrong, model.lookError);
    const { length } = blockValues(store).values;
    const other = model.look && model.look.length !== length;
    setText(fit, other ? t("This LoRA's lists have {length} numbers: take such a list", { length: model.look.length }) : "");
    show(fit, other);
  };
  for (const topic of ["info", "values", "look"]) model.on(topic, look);
  look();
  return { element };
}

function factWords(look) {
  if (!look) return "";
  const blocks = Object.entries(look.blocks).filter(([name]) => name !== "BASE");
  const most = blocks
    .sort(([, first], [, second]) => second.share - first.share)
    .slice(0, MOST_NAMED)
    .map(([name, one]) => `${name === "elsewhere" ? t("in no block") : name} ${percentWords(one.share)}`)
    .join(", ");
  const text = look.blocks.BASE;
  const parts = [
    t("{count} modules", { count: look.modules }),
    most ? t("most in {blocks}", { blocks: most }) : "",
    text ? t("text encoder {share}", { share: percentWords(text.share) }) : t("no text encoder"),
    ...look.lines,
  ];
  return parts.filter(Boolean).join(" · ");
}
