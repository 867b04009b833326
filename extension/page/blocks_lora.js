// Which LoRA is looked at, and in a sentence what it does where.

import { percentWords } from "./blocks_editor.js";
import { blockValues } from "./blocks_model.js";
import { h, setText, show } from "./dom.js";
import { baseName } from "./format.js";
import { t } from "./i18n.js";

const MOST_NAMED = 3;
const OTHER = "other";

export function loraBar({ store }, model) {
  const select = h("select", { class: "lw-input", id: "lw-blocks-lora" });
  const field = h("input", {
    type: "text",
    class: "lw-input lw-wide",
    id: "lw-blocks-file",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: t("a file's whole path"),
    "aria-label": t("a file's whole path"),
    hidden: true,
  });
  const facts = h("p", { class: "lw-dim", role: "status", id: "lw-blocks-facts" });
  const wrong = h("p", { class: "lw-error", role: "alert", hidden: true });
  const fit = h("button", { type: "button", class: "lw-link", id: "lw-blocks-fit", hidden: true });
  const line = h(
    "div",
    { class: "lw-line lw-blocks-bar" },
    h("label", { htmlFor: "lw-blocks-lora" }, t("LoRA")),
    select,
    field,
    facts,
    fit,
  );
  const element = h("div", {}, line, wrong);
  let drawn = "";

  select.addEventListener("change", () => {
    show(field, select.value === OTHER);
    if (select.value === OTHER) field.focus();
    else model.change({ lora: select.value });
  });
  const take = () => model.change({ lora: field.value.trim() });
  field.addEventListener("change", take);
  fit.addEventListener("click", () => model.setLength(model.look.length));

  const look = () => {
    if (!model.info) return;
    const { lora } = blockValues(store);
    const known = model.info.loras;
    const mark = JSON.stringify([known.map((one) => one.path), lora]);
    if (mark !== drawn) {
      drawn = mark;
      const group = (label, own) => {
        const options = known.filter((one) => Boolean(one.job) === own).map((one) => h("option", { value: one.path }, one.name));
        return options.length ? h("optgroup", { label }, options) : null;
      };
      const unknown = lora && !known.some((one) => one.path === lora);
      const parts = [
        h("option", { value: "" }, t("none")),
        unknown ? h("option", { value: lora }, baseName(lora)) : null,
        group(t("of this project"), true),
        group(t("in the LoRA folder"), false),
        h("option", { value: OTHER }, t("another file …")),
      ];
      select.replaceChildren(...parts.filter(Boolean));
      show(field, false);
    }
    if (field.hidden) select.value = lora;
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
