// Baking: under which name, and what came of it.

import { blockValues } from "./blocks_model.js";
import { h, setText, show } from "./dom.js";
import { baseName, rounded } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine } from "./parts.js";

export function bakePart({ api, store }, model, say) {
  const line = errorLine();
  const name = h("input", {
    type: "text",
    class: "lw-input lw-wide",
    id: "lw-blocks-bake-name",
    autocomplete: "off",
    spellcheck: "false",
  });
  const write = async () => {
    const { values, x, te, unet, lora } = blockValues(store);
    say("");
    const done = await api.post("blocks/bake", { lora, values, x, te, unet, name: name.value.trim() });
    show(element, false);
    say(bakedWords(done));
    await model.load();
    say(bakedWords(done));
  };
  const close = () => show(element, false);
  const element = h(
    "div",
    { class: "lw-blocks-bake", hidden: true },
    h(
      "p",
      {},
      t("Writes a new file in which each block has its weight already, for webuis without lora-block-weight; this one stays as it is."),
    ),
    h(
      "div",
      { class: "lw-line" },
      h("label", { htmlFor: "lw-blocks-bake-name" }, t("Name")),
      name,
      button(t("Write the file"), write, { line, kind: "lw-strong", id: "lw-blocks-bake-write" }),
      h("button", { type: "button", class: "lw-button", on: { click: close } }, t("Cancel")),
    ),
    line,
  );
  const open = () => {
    const { preset } = blockValues(store);
    name.value = `${baseName(model.lora().name)}-${preset || "blocks"}`;
    setText(line, "");
    show(line, false);
    say("");
    show(element, true);
    name.focus();
  };
  const opener = button(t("Bake into a file"), open, { id: "lw-blocks-bake" });
  store.on("opened", close);
  return { button: opener, element };
}

function bakedWords(done) {
  const facts = t("{name} is written: of {modules} modules {scaled} were scaled and {left} left out.", {
    name: done.name,
    modules: done.modules,
    scaled: done.scaled,
    left: done.left_out,
  });
  const change = t("The change's length went from {before} to {after}.", {
    before: rounded(done.before),
    after: rounded(done.after),
  });
  return [facts, change, ...done.lines].join(" ");
}
