// Grids: on the left what is drawn, on the right the pictures; a chosen cell becomes the next run.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";
import { askFor, isLive } from "./runs.js";
import { choicePart } from "./test_choice.js";
import { makeLabel, makePart } from "./test_make.js";
import { createTest } from "./test_model.js";
import { gridOptions } from "./test_options.js";
import { plotPart } from "./test_plot.js";
import { gridTable } from "./test_table.js";
import { testValues } from "./test_values.js";

export const gridSection = { key: "grid", title: () => t("Grid"), build: buildGrid };

function buildGrid(app) {
  const { api, store } = app;
  const model = createTest(app);
  const make = makePart(app, {
    kind: "grid",
    id: "lw-test-make",
    topics: [],
    label: () => labelOf(model.plan),
    whyNot: () => whyNot(model),
    counting: () => model.plan?.busy,
    make: () => {
      const options = { ...testValues(store), ...model.request() };
      return askFor(app, "jobs", { kind: "grid", project: store.project.name, options });
    },
  });
  const there = h("p", { class: "lw-dim", id: "lw-test-there", hidden: true });
  const table = gridTable(app, model, {
    empty: teachView(app, model),
    address: (cell, size) => api.url("test/cell", { run: model.request().run, file: cell.file, size: size || null }),
  });
  const choice = choicePart(app, model);
  const failed = h("p", { class: "lw-error", role: "alert", hidden: true });
  const take = h("a", { class: "lw-button lw-small", id: "lw-download-grid", download: "" }, t("Download the grid (zip)"));
  const taking = h("div", { class: "lw-line", hidden: true }, take);
  const left = h(
    "div",
    { class: "lw-left" },
    h("div", { class: "lw-scroll" }, gridOptions(app, model).element),
    there,
    make.element,
  );
  const right = h("div", { class: "lw-right lw-test-right" }, failed, table.element, choice.element, taking, plotPart(model).element);
  const element = h("div", { class: "lw-test-columns" }, left, right);

  const look = () => {
    const { plan } = model;
    const kept = plan?.missing && plan.missing < plan.count && !model.jobs().some(isLive); // which says how far it is
    setText(
      there,
      kept
        ? t("{kept} of {count} are drawn already.", { kept: count(plan.count - plan.missing), count: count(plan.count) })
        : "",
    );
    show(there, kept);
    const wrong = model.error || model.gridError;
    setText(failed, wrong);
    show(failed, wrong);
    make.look();
    show(taking, model.grid);
    take.href = api.url("download/grid", { run: model.request().run });
  };
  for (const topic of ["plan", "grid", "runs"]) model.on(topic, look);
  store.on("jobs", look);
  look();
  return { element, shown: () => model.enter(), left: () => model.leave() };
}

/** All pictures that are there already: then nothing is drawn, only laid out. */
function labelOf(plan) {
  if (plan?.count && !plan.missing) return t("Show these {count} pictures", { count: count(plan.count) });
  return plan?.count ? makeLabel(plan.missing, plan.seconds) : t("Make pictures");
}

function whyNot(model) {
  if (model.runs === null) return t("The runs are being looked for …");
  if (model.plan?.error) return model.plan.error;
  if (!model.plan) return t("The pictures are being counted …");
  return "";
}

/** What is shown where no grid is yet. */
function teachView(app, model) {
  const words = h("p", {});
  const train = button(t("To Train"), () => app.showTab("train"), { kind: "lw-primary" });
  const example = h(
    "p",
    { class: "lw-dim" },
    t("For instance: snapshots e4, e8 and e12 at strengths 0.5, 0.8, 1 and 1.2, with the list First look."),
  );
  const element = h("div", { class: "lw-teach", hidden: true }, words, train, example);
  model.on("runs", () => {
    const none = model.runs && !model.runs.length && !testValues(app.store).loras.length;
    show(train, none);
    setText(
      words,
      none
        ? t("Here pictures show what a LoRA learnt. First train one.")
        : t(
            "Here pictures show what a LoRA learnt: at several strengths, after several epochs. Choose on the left and press Make.",
          ),
    );
  });
  return element;
}
