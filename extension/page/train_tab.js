// Train: on the left what is decided, on the right what will happen, then what happens.

import { createAdvice } from "./advice.js";
import { adviceBox } from "./advice_box.js";
import { besideSetting } from "./advice_values.js";
import { h, setText, show } from "./dom.js";
import { exportView } from "./export.js";
import { settingsForm } from "./form.js";
import { count, duration } from "./format.js";
import { loadGlossary } from "./glossary.js";
import { historyView } from "./history.js";
import { t } from "./i18n.js";
import { importView } from "./import_settings.js";
import { liveView } from "./live.js";
import { sayWhereFrom, whereFrom } from "./next_run.js";
import { button, disable, errorLine } from "./parts.js";
import { planView } from "./plan_view.js";
import { keepPlan } from "./planner.js";
import { promptsPart } from "./prompts.js";
import { queueView } from "./queue.js";
import { isDrawing } from "./reg_plan.js";
import { askFor, isLive, lookAt } from "./runs.js";
import { stagesPart } from "./stages.js";
import { fromPart } from "./train_from.js";

export function buildTrainTab(app) {
  const left = h("div", { class: "lw-left" }, h("p", { class: "lw-empty" }, t("The settings are being fetched …")));
  const right = h("div", { class: "lw-right" });
  const element = h("section", { class: "lw-train" }, left, right);
  let visible = false;
  let live = null;
  const plan = keepPlan(app, () => visible && live && app.store.project?.dataset);
  app.planAnew = plan;

  const fill = async () => {
    try {
      const [description] = await Promise.all([app.api.get("form"), loadGlossary(app)]);
      const advice = createAdvice(app, (name) => description.presets.find((one) => one.name === name)?.settings);
      const form = settingsForm(app, description, (name) => besideSetting(advice, name));
      const start = startPart(app);
      live = liveView(app);
      left.replaceChildren(
        h(
          "div",
          { class: "lw-scroll" },
          adviceBox(app, advice).element,
          form.element,
          stagesPart(app, new Map(description.groups.flatMap((group) => group.settings.map((one) => [one.name, one])))).element,
          fromPart(app).element,
          promptsPart(app, form).element,
          importView(app).element,
          exportView(app).element,
        ),
        start.element,
      );
      right.replaceChildren(
        nextLine(app.store),
        planView(app, form).element,
        live.element,
        queueView(app).element,
        historyView(app, form).element,
      );
      live.look();
      plan();
      advice.begin();
    } catch (error) {
      left.replaceChildren(h("p", { class: "lw-error", role: "alert" }, error.message), button(t("Try again"), fill));
    }
  };
  fill();
  return {
    element,
    shown() {
      visible = true;
      plan();
      live?.look();
    },
    left() {
      visible = false;
    },
  };
}

/** Where the settings came from, when a cell of a test grid wrote them. */
function nextLine(store) {
  const line = h("p", { class: "lw-told", role: "status", id: "lw-next-run" });
  const look = () => {
    const words = whereFrom(store);
    setText(line, words);
    show(line, words);
  };
  for (const topic of ["next", "opened"]) store.on(topic, look);
  look();
  return line;
}

/** The primary button, whose label carries the numbers, and why it waits where it does. */
function startPart(app) {
  const { store } = app;
  const line = errorLine();
  const why = h("p", { class: "lw-why", id: "lw-start-why", hidden: true });
  const start = (first) => async () => {
    await store.flush();
    lookAt(store, null);
    const { name } = store.project;
    await askFor(app, "jobs", { kind: "train", project: name, settings: store.runSettings(), ...(first ? { first } : {}) });
    sayWhereFrom(store, "");
  };
  const primary = button("", start(false), { line, kind: "lw-primary", id: "lw-train", "aria-describedby": "lw-start-why" });
  const without = h(
    "p",
    { class: "lw-why", id: "lw-start-reg", hidden: true },
    t("Regularization pictures are still being drawn: a training that is added now goes without them."),
  );
  const next = button(t("Train next"), start(true), { line, title: t("Before everything else that waits") });
  const look = () => {
    const busy = store.jobs.some((job) => isLive(job));
    setText(primary, startLabel(store.plan?.data, busy));
    show(
      next,
      store.jobs.some((job) => job.state === "queued"),
    );
    const reason = whyNot(store);
    for (const one of [primary, next]) disable(one, reason);
    setText(why, reason);
    show(why, reason);
    show(without, !reason && isDrawing(store) && !store.project.settings?.reg_data_dir);
  };
  for (const topic of ["plan", "project", "opened", "jobs"]) store.on(topic, look);
  look();
  return { element: h("div", { class: "lw-foot" }, h("div", { class: "lw-line" }, primary, next), why, without, line) };
}

/** "Train · 1,040 steps · about 18 min"; the time only where it is known. */
export function startLabel(plan, busy) {
  const parts = [busy ? t("Add to queue") : t("Train")];
  if (plan?.steps) parts.push(plan.steps === 1 ? t("1 step") : t("{count} steps", { count: count(plan.steps) }));
  const seconds = plan?.forecast?.seconds;
  if (plan?.steps && seconds) parts.push(t("about {time}", { time: duration(seconds) }));
  return parts.join(" · ");
}

function whyNot({ project, plan }) {
  if (!project?.dataset) return t("First choose the folder with your pictures, at the top.");
  if (!project.base_model) return t("First choose a base model, at the top.");
  if (plan?.error) return t("There is no plan yet; see there.");
  if (!plan?.data) return t("The plan is being made …");
  const errors = (plan.data.problems ?? []).filter((one) => one.severity === "error").length;
  if (errors === 1) return t("One problem in the plan has to be mended first.");
  return errors ? t("{count} problems in the plan have to be mended first.", { count: errors }) : "";
}
