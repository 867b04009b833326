// Follows the jobs of one kind while a window looks on: which is at work, which have just ended, and how far it is in words.

import { count, duration, percent, rounded } from "./format.js";
import { t } from "./i18n.js";
import { isLive } from "./runs.js";

/** `list()`: the jobs to follow. */
export function follow(list) {
  const states = new Map();
  return {
    /** A job of this window: its end is told even where that came before the answer to its beginning. */
    expect: (id) => states.set(id, "queued"),
    /** {jobs, job: the one at work or the first that waits, or null; ended: those that ended since the last look}. */
    look() {
      const jobs = list();
      const job = jobs.find(isLive) ?? jobs.find((one) => one.state === "queued") ?? null;
      const ended = jobs.filter((one) => {
        const before = states.get(one.id);
        states.set(one.id, one.state);
        return before && before !== one.state && !isLive(one) && one.state !== "queued";
      });
      return { jobs, job, ended };
    },
  };
}

/** "7 of 11 · 3.1 a second · 1 s left"; `withPace` false leaves the middle out. */
export function howFar(job, withPace = true) {
  const left = job.seconds_left;
  const perSecond = job.per_second ?? (left > 0 ? (job.steps - doneOf(job)) / left : null);
  return [
    t("{done} of {count}", { done: count(job.step ?? 0), count: count(job.steps) }),
    withPace && perSecond && t("{number} a second", { number: rounded(perSecond, 2) }),
    Number.isFinite(left) && t("{time} left", { time: duration(left) }),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** How much is done, in steps; drawing says it also of what is under way: 2.4 of 4 pictures. */
export function doneOf(job) {
  return Number.isFinite(job.share) ? job.share * job.steps : (job.step ?? 0);
}

/** How far the sample pictures are that a training draws between two steps. */
export const samplesWords = (job) => t("samples {percent} %", { percent: percent(job.samples_share, 1) });

/** How far a drawing is, in words; before its first step the model is read, which `begins` says. */
export function drawnWords(job, begins, withPace = false) {
  if (job.state === "queued") return t("waits for its turn");
  const training = job.what === "training"; // of a loop, which does both
  if (doneOf(job)) return training ? t("training: {far}", { far: howFar(job, withPace) }) : howFar(job, withPace);
  const drawing = t("The first of {count} are being drawn …", { count: count(job.steps ?? 0) });
  return Number.isFinite(job.share) ? drawing : job.message || begins;
}
