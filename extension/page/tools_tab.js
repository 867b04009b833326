// Tools: what can be done with finished LoRA files. On the left what is asked, on the right what was done, or what is in a file.

import { h, setAttribute, show } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { errorLine, tell } from "./parts.js";
import { FORMS, toolForm } from "./tools_forms.js";
import { inspectPart } from "./tools_inspect.js";
import { createTools } from "./tools_model.js";
import { toolResults } from "./tools_results.js";
import { askForTool, toolRun } from "./tools_run.js";

const INSPECT = "inspect";
const SECTIONS = [...Object.keys(FORMS), INSPECT];

export function buildToolsTab(app) {
  const model = createTools(app);
  const line = errorLine();
  const presets = h("datalist", { id: "lw-tools-presets" });
  const parts = new Map();
  let open = recall("tools-section");
  if (!SECTIONS.includes(open)) open = SECTIONS[0];
  const left = h("div", { class: "lw-left" });
  const right = h("div", { class: "lw-tools-right" });
  const results = toolResults(app, (path) => lookInto(path));
  const buttons = SECTIONS.map((name) =>
    h(
      "button",
      { type: "button", class: "lw-segment", id: `lw-tools-${name}`, on: { click: () => choose(name) } },
      name === INSPECT ? t("Inspect, metadata") : FORMS[name].title(),
    ),
  );
  const strip = h("div", { class: "lw-segments", role: "group", "aria-label": t("What is done") }, buttons);

  const build = (name) => {
    if (name === INSPECT) return inspectPart(app, model);
    const form = toolForm(app, model, name);
    const { label, missing, options, name: usual } = FORMS[name];
    const values = () => model.values(name);
    const run = toolRun(app, {
      id: `lw-tools-${name}-go`,
      label: () => label(values()),
      whyNot: () => (form.wrong() ? t("First mend the field with the red line.") : missing(values())),
      make: () => {
        const place = name === "merge" && values().base ? "beside" : model.place(name);
        return askForTool(app, name, options(values()), values().name.trim() || usual(values()), place);
      },
      ended: () => model.load(),
    });
    for (const topic of ["values", "known"]) model.on(topic, run.look);
    return { left: [h("div", { class: "lw-scroll" }, form.element), run.element], right: results.element };
  };
  const enter = () => {
    if (!parts.has(open)) parts.set(open, build(open));
    const part = parts.get(open);
    if (left.lwOpen !== open) {
      left.lwOpen = open;
      left.replaceChildren(...part.left);
      right.replaceChildren(part.right);
    }
    buttons.forEach((one, number) => setAttribute(one, "aria-pressed", String(SECTIONS[number] === open)));
    results.look();
    part.shown?.();
  };
  const choose = (name) => {
    open = name;
    remember("tools-section", name);
    enter();
  };
  const lookInto = (path) => {
    if (!path) return;
    model.change(INSPECT, { path });
    choose(INSPECT);
  };
  model.on("known", () => {
    tell(line, model.error);
    presets.replaceChildren(...(model.known?.presets ?? []).map((one) => h("option", { value: one })));
  });
  app.store.on("opened", () => !element.hidden && model.load());
  const element = h(
    "section",
    { class: "lw-tools" },
    h("div", { class: "lw-test-head" }, strip),
    line,
    presets,
    h("div", { class: "lw-test-columns lw-tools-columns" }, left, right),
  );
  show(line, false);
  return {
    element,
    shown() {
      enter();
      model.load();
    },
  };
}
