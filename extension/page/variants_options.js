// With what variants are drawn: how far from the picture, how many, seed, words, LoRA; the rest under More.

import { h, show } from "./dom.js";
import { fileChoice, loraGroups } from "./file_choice.js";
import { t } from "./i18n.js";
import { sign } from "./parts.js";
import { row } from "./tag_options.js";
import { numberInput } from "./tools_fields.js";
import { GLARING } from "./variants_model.js";

const MOST_SEED = 2 ** 32 - 1;

/** `wrong()`: whether a field holds what can't be taken. */
export function variantOptions(model) {
  const puts = [];
  const bad = new Set();
  const number = (name, label, help, { low, high, whole = true }, more = null) => {
    const id = `lw-variants-${name}`;
    const { element, put } = numberInput({
      id,
      label,
      low,
      high,
      whole,
      get: () => model.values[name],
      set: (value) => model.set({ [name]: value }),
      tell: (good) => {
        if (good) bad.delete(name);
        else bad.add(name);
        if (!good) model.set({});
      },
    });
    puts.push(put);
    element[0].setAttribute("aria-describedby", `${id}-help`);
    return h("div", {}, row(id, label, help, element[0], more), element[1]);
  };
  const denoise = h("input", {
    type: "range",
    class: "lw-mask-size",
    id: "lw-variants-denoise-slider",
    min: 0.05,
    max: 1,
    step: 0.05,
    "aria-label": t("Denoising strength"),
    on: { input: () => model.set({ denoise: Number(denoise.value) }) },
  });
  puts.push(() => document.activeElement === denoise || (denoise.value = String(model.values.denoise)));
  const other = h("button", { type: "button", class: "lw-button lw-small", id: "lw-variants-new-seed" }, t("Another"));
  other.addEventListener("click", () => model.set({ seed: Math.floor(Math.random() * MOST_SEED) }));

  const prompt = h("textarea", {
    class: "lw-input",
    id: "lw-variants-prompt",
    rows: 3,
    spellcheck: "false",
    "aria-describedby": "lw-variants-prompt-help",
    on: { input: () => model.writePrompt(prompt.value) },
  });
  const again = h("button", { type: "button", class: "lw-link", id: "lw-variants-caption", hidden: true }, t("the caption again"));
  again.addEventListener("click", () => {
    model.writePrompt(null);
    prompt.focus();
  });
  const lora = fileChoice({
    id: "lw-variants-lora",
    groups: () => loraGroups(model.data.loras ?? []),
    get: () => model.values.lora,
    set: (path) => model.set({ lora: path }),
    describedBy: "lw-variants-lora-help",
  });
  const strength = number("strength", t("Strength"), t("Of the LoRA when it draws."), { low: -5, high: 5, whole: false });
  const only = h("input", {
    type: "checkbox",
    id: "lw-variants-only-masked",
    on: { change: () => model.set({ only_masked: only.checked }) },
  });
  const onlyRow = row(
    "lw-variants-only-masked",
    t("Painted part only"),
    t("Draws what is around the mask by itself, at the training's resolution: more detail for a face or a hand."),
    only,
  );
  const choice = (name, label, help) => {
    const id = `lw-variants-${name}`;
    const select = h("select", { class: "lw-input", id, "aria-describedby": `${id}-help` });
    select.addEventListener("change", () => model.set({ [name]: select.value }));
    puts.push(() => {
      const names = [...new Set([model.values[name], ...(model.data[`${name}s`] ?? [])])];
      if (select.options.length !== names.length) select.replaceChildren(...names.map((one) => h("option", { value: one }, one)));
      select.value = model.values[name];
    });
    return row(id, label, help, select);
  };
  const negative = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-variants-negative",
    autocomplete: "off",
    "aria-describedby": "lw-variants-negative-help",
    on: { input: () => model.set({ negative: negative.value }) },
  });
  puts.push(() => document.activeElement === negative || (negative.value = model.values.negative));
  const glaring = h("p", { class: "lw-variants-note", role: "note", hidden: true });
  const high = h("p", { class: "lw-variants-note", role: "note", hidden: true });

  const element = h(
    "div",
    { class: "lw-test-options lw-variants-options" },
    glaring,
    number(
      "denoise",
      t("Denoising strength"),
      t("How far from the picture: 0.7 is usual, lower stays closer to it, 1 keeps nothing."),
      { low: 0.01, high: 1, whole: false },
      denoise,
    ),
    number("count", t("Variants of each"), t("How many are drawn of each chosen picture."), { low: 1, high: 64 }),
    number("seed", t("Seed"), t("Of the first; the next ones count on. The same seed draws the same."), { low: 0, high: 2 ** 53 }, other),
    onlyRow,
    h(
      "div",
      {},
      row("lw-variants-prompt", t("Prompt"), t("The caption, unless you write something else here. The variant gets the caption in any case."), prompt),
      again,
    ),
    row("lw-variants-lora", t("LoRA"), t("One to draw with; without it the base model draws."), lora.parts),
    strength,
    h(
      "details",
      { class: "lw-test-more" },
      h("summary", {}, t("More")),
      row("lw-variants-negative", t("Negative prompt"), t("What is not to be in the picture."), negative),
      number("cfg", "CFG", t("5 to 7 is usual; higher teaches glaring colours."), { low: 1, high: 50, whole: false }),
      high,
      number("steps", t("Sampling steps"), t("As if the whole picture were drawn; of these, the strength's share is done."), { low: 1, high: 500 }),
      choice("sampler", t("Sampler"), t("By webui's names.")),
      choice("schedule", t("Noise levels"), t("By webui's names; Automatic is the sampler's own.")),
    ),
  );
  const note = (place, words) => {
    place.replaceChildren(...(words ? [sign("warning"), words] : []));
    show(place, words);
  };
  const look = () => {
    puts.forEach((put) => put());
    lora.look();
    show(strength, model.values.lora);
    show(onlyRow, model.masked);
    only.checked = model.values.only_masked;
    const written = model.prompt();
    const own = model.one ? (model.facts(model.one)?.prompt ?? "") : "";
    if (document.activeElement !== prompt) prompt.value = written ?? own;
    prompt.placeholder = model.one ? t("this picture has no caption") : t("each picture's caption");
    show(again, written !== null && written !== own);
    const names = model.glaring();
    const cfg = names.length === 1 ? model.facts(names[0]).cfg : null;
    const few = names.length > 3 ? `${names.slice(0, 3).join(", ")} …` : names.join(", ");
    const one = t("{name} was drawn with CFG {cfg}, as its PNG info says: colours glare above 7, in its variants too.", { name: few, cfg });
    const many = t("Drawn with a CFG above 7, as their PNG info says, so their variants will glare too: {names}", { names: few });
    note(glaring, names.length ? (cfg ? one : many) : "");
    note(high, model.values.cfg > GLARING ? t("Above 7 colours glare, and a LoRA learns that: 5 to 7 is usual.") : "");
  };
  model.on("options", look);
  look();
  return { element, wrong: () => bad.size > 0 };
}
