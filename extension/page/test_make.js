// The button that draws, with how many pictures that are and how long it takes, and the drawing's progress.

import { h, setAttribute, setText, show } from "./dom.js";
import { doneOf, drawnWords, follow } from "./follow.js";
import { count, duration } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, progressBar, sign } from "./parts.js";
import { askFor, jobPath, mood } from "./runs.js";

const PATH_AT_END = /[:：]\s*(\/|[A-Za-z]:\\|\\\\).*$/; // what was drawn is shown beside

/**
 * `label()` and `whyNot()` are asked for the words, `make()` for the job; `kind`: the kind of jobs that are followed;
 * `begins`, `busy`: what is said of a job before its first step, and why the button waits; `counting()`: whether the label is just being found out.
 */
export function makePart(app, { kind, id, make, label, whyNot, topics, counting = () => false, begins = t("The model is being read …"), busy = t("It is drawing, or waits for its turn.") }) {
  const { store } = app;
  const line = errorLine();
  const why = h("p", { class: "lw-why", id: `${id}-why`, hidden: true });
  const bar = progressBar();
  const words = h("span", { class: "lw-figures" });
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const stop = button(t("Stop"), () => askFor(app, jobPath(job, "stop")), { line, kind: "lw-small" });
  const live = h("div", { class: "lw-tag-live", hidden: true }, bar.element, h("div", { class: "lw-line" }, words, stop));
  const followed = follow(() => store.jobs.filter((one) => one.kind === kind && one.project === store.project?.name));
  let job = null;

  const start = async () => {
    await store.flush();
    const { id: made } = await make();
    followed.expect(made);
    look();
  };
  const primary = button("", start, { line, kind: "lw-primary", id, "aria-describedby": `${id}-why` });

  const look = () => {
    const { job: current, ended } = followed.look();
    job = current;
    ended.forEach(tellEnd);
    setText(primary, label());
    const reason = job ? busy : whyNot();
    // While it is counted, the label may say another number than what would be drawn.
    setAttribute(primary, "aria-disabled", reason || counting() ? "true" : null);
    setText(why, reason);
    show(why, reason && !job);
    show(live, job);
    if (!job) return;
    show(told, false);
    bar.set(doneOf(job), job.steps ?? 0);
    setText(words, drawnWords(job, begins));
  };
  const tellEnd = (one) => {
    const words = one.state === "done" ? one.message.replace(PATH_AT_END, "") : one.message;
    told.replaceChildren(sign(mood(one.state)), words || t("The drawing ended."));
    show(told, true);
  };
  for (const topic of ["jobs", "project", "opened", ...topics]) store.on(topic, look);
  look();
  return { element: h("div", { class: "lw-foot" }, live, told, h("div", { class: "lw-line" }, primary), why, line), look };
}

/** "Make 72 pictures · about 6 min"; the time only where it is known. */
export function makeLabel(number, seconds) {
  const words = number === 1 ? t("Make 1 picture") : t("Make {count} pictures", { count: count(number) });
  return number && seconds ? `${words} · ${t("about {time}", { time: duration(seconds) })}` : words;
}
