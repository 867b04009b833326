// Baking: under which name, and what came of it.

import { blockValues } from "./blocks_model.js";
import { h, setText, show } from "./dom.js";
import { baseName } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine } from "./parts.js";
import { jobPath } from "./runs.js";
import { askForTool, toolProgress } from "./tools_run.js";

export function bakePart(app, model, say) {
  const { store } = app;
  const line = errorLine();
  const name = h("input", {
    type: "text",
    class: "lw-input lw-wide",
    id: "lw-blocks-bake-name",
    autocomplete: "off",
    spellcheck: "false",
  });
  let baking = null;
  const write = async () => {
    const { values, x, te, unet, lora } = blockValues(store);
    say("");
    const options = { path: lora, block_weights: values.join(","), x, te, unet };
    const job = await askForTool(app, "bake", options, name.value.trim(), "beside");
    baking = job.id;
    show(element, false);
    progress.expect(job);
  };
  const ended = async (job) => {
    if (job.state !== "done") return say(job.message);
    const { lines } = await app.api.get(jobPath(job));
    await model.load();
    say([job.message, ...lines.map((one) => `${one}.`)].join(" "));
  };
  const progress = toolProgress(app, line, ended, (job) => job.id === baking);
  store.on("jobs", progress.look);
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
  return { button: opener, element: h("div", {}, element, progress.element, line) };
}
