// The button that puts a tool's job into the queue, and the job's progress.

import { h, setText, show } from "./dom.js";
import { follow, howFar } from "./follow.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, progressBar, tell } from "./parts.js";
import { askFor, jobPath } from "./runs.js";

export const isTool = (job) => job.kind === "tool";

/** Asks for a tool's job: its own options, the new file's name and place. */
export const askForTool = (app, tool, of, name, place) =>
  askFor(app, "jobs", { kind: "tool", options: { tool, of, name, place } });

/** `label()`, `whyNot()` give the words, `make()` asks for the job; `ended(job)` hears of each that has ended. */
export function toolRun(app, { id, label, whyNot, make, ended }) {
  const { store } = app;
  const line = errorLine();
  const why = h("p", { class: "lw-why", id: `${id}-why`, hidden: true });
  const progress = toolProgress(app, line, ended);
  const start = async () => {
    progress.expect(await make());
    look();
  };
  const primary = button("", start, { line, kind: "lw-primary", id, "aria-describedby": `${id}-why` });
  const look = () => {
    progress.look();
    setText(primary, label());
    disable(primary, whyNot(), why);
  };
  store.on("jobs", look);
  look();
  return { element: h("div", { class: "lw-foot" }, progress.element, h("div", { class: "lw-line" }, primary), why, line), look };
}

/** How far the tool at work is, and Stop; `mine(job)`: which jobs are followed. */
export function toolProgress(app, line, ended, mine = isTool) {
  const bar = progressBar();
  const words = h("span", { class: "lw-figures" });
  let job = null;
  const stop = button(t("Stop"), () => askFor(app, jobPath(job, "stop")), { line, kind: "lw-small lw-tools-stop" });
  const element = h("div", { class: "lw-tag-live", hidden: true }, bar.element, h("div", { class: "lw-line" }, words, stop));
  const tellEnd = async (one) => {
    try {
      await ended(one);
    } catch (error) {
      tell(line, error.message);
    }
  };
  const followed = follow(() => app.store.jobs.filter(mine));
  const look = () => {
    const now = followed.look();
    job = now.job;
    now.ended.forEach(tellEnd);
    show(element, job);
    if (!job) return;
    bar.set(job.step ?? 0, job.steps ?? 0);
    const begun = job.steps ? howFar(job, false) : t("The files are being read …");
    setText(words, `${job.title} · ${job.state === "queued" ? t("waits for its turn") : begun}`);
  };
  return {
    element,
    look,
    expect({ id }) {
      followed.expect(id);
      look();
    },
  };
}
