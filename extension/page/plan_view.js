// What will happen: pictures to steps as a sum, buckets as bars, file size, and every problem as one line with its mend.

import { h, keyed, setText, show } from "./dom.js";
import { forecastView } from "./forecast_view.js";
import { baseName, bytes, count, rounded } from "./format.js";
import { t } from "./i18n.js";
import { sign } from "./parts.js";
import { planCrops } from "./plan_crops.js";
import { mending } from "./plan_mend.js";
import { stagesOfPlan } from "./plan_stages.js";

/** `form` is asked to bring a setting into sight where a problem names one. */
export function planView(app, form) {
  const { store } = app;
  const sum = h("p", { class: "lw-sum", id: "lw-plan-sum" });
  const facts = h("p", { class: "lw-facts" });
  const buckets = h("div", { class: "lw-buckets", role: "list", "aria-label": t("Sizes that the pictures are trained in") });
  const problems = h("div", { class: "lw-problems", role: "list", id: "lw-problems" });
  const failed = h("p", { class: "lw-error", role: "alert", hidden: true });
  const ignored = h("details", { class: "lw-ignored", hidden: true });
  const busy = h("span", { class: "lw-dim", hidden: true }, t("counting …"));
  const head = h("div", { class: "lw-plan-head" }, h("h3", {}, t("Plan")), sum, busy);
  const crops = planCrops(app);
  const mend = mending(app, form, crops.open);
  const forecast = forecastView(app);
  const stages = stagesOfPlan();
  const element = h(
    "section",
    { class: "lw-plan" },
    head,
    facts,
    stages.element,
    forecast.element,
    buckets,
    crops.element,
    failed,
    mend.element,
    problems,
    ignored,
  );

  const look = () => {
    const { plan, project } = store;
    const data = plan?.data;
    element.classList.toggle("lw-stale", Boolean(plan?.busy && data));
    show(busy, plan?.busy);
    setText(failed, plan?.error);
    show(failed, plan?.error);
    setText(sum, data ? sumOf(data, project.settings ?? {}) : "");
    show(sum, sum.textContent);
    setText(facts, data ? factsOf(data).join(" · ") : "");
    show(facts, facts.textContent);
    stages.look(data?.stages ?? []);
    drawBuckets(buckets, data?.buckets ?? []);
    drawProblems(problems, mend, missing(app, data));
    drawIgnored(ignored, data?.ignored ?? []);
  };
  for (const topic of ["plan", "project", "opened", "state"]) store.on(topic, look);
  look();
  return { element };
}

/** Pictures × repeats ÷ batch ÷ processes × epochs, with the numbers that the plan found. */
export function sumOf(plan, settings) {
  if (!plan.steps) return "";
  const stages = plan.stages?.length ?? 1;
  if (stages > 1)
    return t("{steps} steps in {epochs} epochs of {stages} stages", {
      steps: count(plan.steps),
      epochs: count(plan.epochs),
      stages,
    });
  const batch = Number(settings.train_batch_size ?? 1);
  const collect = Number(settings.gradient_accumulation_steps ?? 1);
  const parts = (plan.subsets ?? [])
    .filter((one) => one.images)
    .map((one) => {
      const words = one.is_reg
        ? t("{count} reg pictures", { count: count(one.copies) })
        : t("{count} pictures", { count: count(one.images) });
      return one.is_reg || one.repeats === 1 ? words : `${words} × ${one.repeats}`;
    });
  const processes = Number(settings.num_processes ?? 1);
  const divided = [batch, collect, processes]
    .filter((one) => one > 1)
    .map((one) => ` ÷ ${one}`)
    .join("");
  const perEpoch = Math.ceil(plan.batches_per_epoch / collect);
  const epochs = plan.epochs === 1 ? t("1 epoch") : t("{count} epochs", { count: count(plan.epochs) });
  const steps = plan.steps === 1 ? t("1 step") : t("{count} steps", { count: count(plan.steps) });
  const shortened = plan.steps < perEpoch * plan.epochs ? ` (${t("the last epoch is cut short")})` : "";
  const pictures = parts.join(" + ") + divided;
  const isPlain = perEpoch === plan.images && parts.length === 1 && processes === 1;
  const each = isPlain ? "" : ` → ${t("{count} an epoch", { count: count(perEpoch) })}`;
  return `${pictures}${each} × ${epochs} = ${steps}${shortened}`;
}

function factsOf(plan) {
  const told = plan.stages?.length > 1 ? [] : Object.entries(plan.learning_rates ?? {}); // each stage tells its own
  const parts = told.filter(([part]) => part !== "learning_rate");
  const rates = (parts.length ? parts : told).map(([part, rate]) => `${partName(part)} ${rounded(rate, 4)}`);
  return [
    plan.output_name && t("file {name}", { name: plan.output_name }),
    plan.file_size_bytes && bytes(plan.file_size_bytes),
    rates.length && t("rates: {rates}", { rates: rates.join(", ") }),
  ].filter(Boolean);
}

export function partName(part) {
  const names = {
    unet: t("UNet"),
    unet_lr: t("UNet"),
    text_encoder: t("text encoder"),
    text_encoder_lr: t("text encoder"),
    text_encoder_2: t("second text encoder"),
    text_encoder_2_lr: t("second text encoder"),
    d: "d·lr",
  };
  return names[part] ?? part;
}

function drawBuckets(place, buckets) {
  const most = Math.max(1, ...buckets.map((one) => one.count));
  const sorted = [...buckets].sort((one, other) => other.count - one.count);
  keyed(
    place,
    sorted,
    (one) => `${one.width}×${one.height}`,
    makeBucket,
    (node, one) => {
      node.querySelector(".lw-bucket-bar").style.width = `${Math.max(2, (100 * one.count) / most)}%`;
      setText(node.querySelector(".lw-bucket-count"), count(one.count));
    },
  );
}

function makeBucket(one) {
  const shape = h("span", { class: "lw-bucket-shape", "aria-hidden": "true" });
  const scale = 14 / Math.max(one.width, one.height);
  shape.style.width = `${Math.round(one.width * scale)}px`;
  shape.style.height = `${Math.round(one.height * scale)}px`;
  return h(
    "div",
    { class: "lw-bucket", role: "listitem" },
    h("span", { class: "lw-bucket-shape-place" }, shape),
    h("span", { class: "lw-bucket-size" }, `${one.width}×${one.height}`),
    h("span", { class: "lw-bucket-track" }, h("span", { class: "lw-bucket-bar" })),
    h("span", { class: "lw-bucket-count" }),
  );
}

/** What the page itself can see missing, before what the plan found. */
function missing({ store }, plan) {
  const project = store.project ?? {};
  const found = [];
  if (!project.dataset)
    found.push({
      severity: "error",
      code: "lw-no-dataset",
      message: t("No pictures yet: choose the folder that they are in."),
      fix: "",
    });
  if (!project.base_model)
    found.push({
      severity: "error",
      code: "lw-no-base",
      message: t("No base model yet: choose the checkpoint that the LoRA is trained on."),
      fix: "",
    });
  const told = plan?.problems ?? [];
  const known = found.length
    ? told.filter((one) => !/pretrained_model_name_or_path|train_data_dir|--dataset_config/.test(`${one.message}${one.fix}`))
    : told;
  return [...found, ...known];
}

function drawProblems(place, mend, problems) {
  keyed(
    place,
    problems,
    (one) => `${one.severity}|${one.code}|${one.message}|${one.fix}|${one.fixable ?? ""}`,
    (one) => makeProblem(mend, one),
  );
  place.classList.toggle("lw-none", !problems.length);
}

function makeProblem(mend, problem) {
  return h(
    "div",
    { class: "lw-problem", role: "listitem", "data-code": problem.code },
    sign(problem.severity),
    h(
      "span",
      { class: "lw-problem-words" },
      problem.message,
      problem.fix ? h("span", { class: "lw-fix" }, ` ${problem.fix}`) : null,
    ),
    mend.buttonOf(problem),
  );
}

function drawIgnored(place, ignored) {
  show(place, ignored.length);
  const wanted = ignored.map((one) => `${baseName(one.path)}: ${one.reason}`);
  if (place.lwShown === wanted.join("\n")) return;
  place.lwShown = wanted.join("\n");
  place.replaceChildren(
    h(
      "summary",
      {},
      ignored.length === 1 ? t("1 file is not trained") : t("{count} files are not trained", { count: count(ignored.length) }),
    ),
    h(
      "ul",
      { class: "lw-plain-list" },
      wanted.slice(0, 100).map((one) => h("li", {}, one)),
    ),
  );
}
