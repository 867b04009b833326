// A run while it goes and after it: progress, figures, curve, samples, warnings, and what can be asked of it.

import { lossCurve } from "./curve.js";
import { h, keyed, setText, show } from "./dom.js";
import { runDownloads } from "./downloads.js";
import { samplesWords } from "./follow.js";
import { baseName, bytes, count, duration, folderOf, rounded, speed } from "./format.js";
import { t } from "./i18n.js";
import { progressBar, sign } from "./parts.js";
import { runActions } from "./run_actions.js";
import { runUse } from "./run_use.js";
import { followRun, isLive, jobPath, lookedAt, mood, stateWords, took } from "./runs.js";
import { sampleStrip } from "./samples.js";

export function liveView(app) {
  const { api, store } = app;
  const title = h("span", { class: "lw-run-title" });
  const state = h("span", { class: "lw-run-state" });
  const bar = progressBar();
  const figures = h("p", { class: "lw-figures", id: "lw-figures" });
  const message = h("div", { class: "lw-run-message", hidden: true });
  const warnings = h("div", { class: "lw-problems", role: "list" });
  const log = h("a", { class: "lw-link", target: "_blank", rel: "noopener", hidden: true }, t("open the log"));
  const actions = runActions(app);
  const downloads = runDownloads(app);
  const use = runUse(app);
  const curve = lossCurve();
  const samples = sampleStrip(app);
  const saved = h("p", { class: "lw-dim" });
  const element = h(
    "section",
    { class: "lw-run", id: "lw-run", hidden: true },
    h("h3", {}, title, " ", state, " ", log),
    bar.element,
    figures,
    message,
    use.element,
    warnings,
    actions.element,
    downloads.element,
    samples.element,
    curve.element,
    saved,
  );
  let drawn = null;

  const follow = followRun(app, (job, details, points) => {
    show(element, job);
    if (!job) return;
    setText(title, job.title);
    setText(state, stateWords(job.state));
    element.dataset.state = job.state;
    bar.set(job.step, job.steps, `${count(job.step ?? 0)} / ${count(job.steps ?? 0)}`);
    setText(figures, figuresOf(job));
    putMessage(message, job, details);
    putWarnings(warnings, details?.warnings ?? []);
    show(log, details || isLive(job));
    log.href = api.url(jobPath(job, "log"));
    actions.look(job, details);
    downloads.look(job, details);
    use.look(job, details);
    samples.look(job, details?.samples ?? []);
    setText(saved, savedWords(details?.saved ?? [], job.published));
    const mark = `${job.id}|${points.total}|${points.last}`;
    if (mark !== drawn) curve.draw(points);
    drawn = mark;
  });
  const look = () => element.closest("[hidden].lw-view") || follow(lookedAt(store));
  for (const topic of ["jobs", "run", "opened"]) store.on(topic, look);
  return { element, look };
}

/** "452 of 1,050 · 1.4 it/s · 7 min left · epoch 11 of 25 · 3.9 GB". */
export function figuresOf(job) {
  const drawing = Number.isFinite(job.samples_share) && samplesWords(job);
  if (job.state === "starting" || (isLive(job) && !job.step))
    return drawing || job.message || t("The model is being read and pictures prepared …");
  const left = job.seconds_left;
  const perSecond = job.per_second ?? (left > 0 ? (job.steps - job.step) / left : 0);
  const memory = job.memory ?? {};
  const live = job.state === "running";
  return [
    t("{step} of {steps} steps", { step: count(job.step ?? 0), steps: count(job.steps ?? 0) }),
    drawing,
    live && speed(perSecond),
    live && Number.isFinite(left) && t("{time} left", { time: duration(left) }),
    !isLive(job) && took(job),
    job.epoch &&
      (job.epochs
        ? t("epoch {epoch} of {epochs}", { epoch: job.epoch, epochs: job.epochs })
        : t("epoch {epoch}", { epoch: job.epoch })),
    job.stages > 1 && t("stage {stage} of {stages}", { stage: job.stage, stages: job.stages }),
    Number.isFinite(job.average ?? null) && t("loss {loss}", { loss: rounded(job.average) }),
    live && memory.gpu && t("GPU {size}", { size: bytes(memory.gpu) }),
    live && memory.ram && t("memory {size}", { size: bytes(memory.ram) }),
  ]
    .filter(Boolean)
    .join(" · ");
}

function putMessage(place, job, details) {
  const words = isLive(job) ? "" : job.message || finishedWords(job, details);
  show(place, words);
  if (place.lwShown === job.state + words) return;
  place.lwShown = job.state + words;
  place.replaceChildren(sign(mood(job.state)), h("span", {}, words));
  place.setAttribute("role", job.state === "failed" ? "alert" : "status");
}

/** Where a finished LoRA is. */
function finishedWords(job, details) {
  const path = job.published ?? details?.path;
  if (job.state !== "done" || !path) return "";
  const values = { name: baseName(path), place: folderOf(path) };
  if (!job.published) return t("The LoRA is finished: {name} in {place}.", values);
  return t("The LoRA is finished: {name} in {place}. webui lists it after a refresh.", values);
}

function putWarnings(place, warnings) {
  const items = warnings.map((one) => (typeof one === "string" ? { severity: "warning", message: one } : one));
  const distinct = [...new Map(items.map((one) => [one.message, one])).values()];
  keyed(
    place,
    distinct,
    (one) => one.message,
    (one) =>
      h(
        "div",
        { class: "lw-problem", role: "listitem" },
        sign(one.severity ?? "warning"),
        h("span", { class: "lw-problem-words" }, one.message),
      ),
  );
}

function savedWords(saved, published) {
  if (!saved.length) return "";
  const last = saved[saved.length - 1];
  const files =
    saved.length === 1
      ? t("1 file saved: {name}", { name: last.name })
      : t("{count} files saved, the newest is {name}", { count: saved.length, name: last.name });
  return t("{files} in {place}", { files, place: folderOf(published ?? last.path) });
}
