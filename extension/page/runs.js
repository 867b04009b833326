// What runs are called and which run the Train tab looks at; fetches a run's details and curve when they changed.

import { duration, unix } from "./format.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";

const DETAILS_EVERY = 5000;

export const isLive = (job) => ["starting", "running", "paused"].includes(job.state);

export function stateWords(state) {
  const words = {
    queued: t("queued"),
    starting: t("starting"),
    running: t("running"),
    paused: t("paused"),
    done: t("done"),
    stopped: t("stopped"),
    failed: t("failed"),
  };
  return words[state] ?? state;
}

export const mood = (state) => ({ failed: "error", done: "good", stopped: "note", paused: "warning" })[state] ?? "note";

/** Seconds that a run took, in words. */
export function took(job) {
  const seconds = unix(job.ended) - unix(job.started);
  return Number.isFinite(seconds) ? duration(seconds) : "";
}

/** All jobs that are known, each once, as it was told last. */
export function everyJob({ jobs, older }) {
  return [...new Map([...older, ...jobs].map((job) => [job.id, job])).values()];
}

/**
 * Asks something of the server that answers with a job, and shows the job as answered before the next event tells the same.
 * Where an event with it came meanwhile, that one stays: it may be newer, and an unchanged job is not told twice.
 */
export async function askFor({ api, store }, path, body) {
  const before = store.told;
  const job = await api.post(path, body);
  const known = store.jobs.some((one) => one.id === job.id);
  if (job.id && !(known && store.told !== before)) store.jobs = [job, ...store.jobs.filter((one) => one.id !== job.id)];
  store.tell("jobs");
  return job;
}

export const jobPath = (job, what = "") => `jobs/${encodeURIComponent(job.id)}${what && `/${what}`}`;

/** Forgets a job that was removed on the server. */
export function forget(store, id) {
  store.forgotten += 1;
  store.jobs = store.jobs.filter((job) => job.id !== id);
  store.older = store.older.filter((job) => job.id !== id);
  store.tell("jobs");
}

/** The training run that is looked at: the one chosen, else the living one, else the newest. */
export function lookedAt(store) {
  const runs = everyJob(store).filter(
    (job) => job.kind === "train" && job.state !== "queued" && job.project === store.project?.name,
  );
  const chosen = runs.find((job) => job.id === recall("run"));
  return chosen ?? runs.find(isLive) ?? newestFirst(runs)[0] ?? null;
}

export function newestFirst(runs) {
  return [...runs].sort((one, other) => unix(other.created) - unix(one.created));
}

export function lookAt(store, id) {
  remember("run", id);
  store.tell("run");
}

/** Follows one run: calls `show(job, details, curve)` with what is known, asks the server only for what is new. */
export function followRun({ api, store }, show) {
  let followed = null;
  let details = null;
  let curve = emptyCurve();
  let detailsKey = "";
  let detailsTime = 0;
  let asking = false;
  let latest = null;

  return async (job) => {
    latest = job;
    if (job?.id !== followed) {
      followed = job?.id ?? null;
      details = null;
      curve = emptyCurve();
      detailsKey = "";
    }
    show(job, details, curve);
    if (!job || asking) return;
    asking = true;
    try {
      for (let one = null; latest && latest !== one; ) {
        one = latest; // what is told of it while this is asked may be its last word: it is looked at next
        await bring(one).catch((error) => store.connected && one.id === followed && store.say(error.message));
        if (one.id === followed) show(latest, details, curve);
      }
    } finally {
      asking = false;
    }
  };

  async function bring(job) {
    const key = [job.id, job.state, job.samples, job.epoch, job.message].join("|");
    const old = isLive(job) && Date.now() - detailsTime > DETAILS_EVERY;
    if (key !== detailsKey || old) {
      const told = await api.get(jobPath(job));
      if (job.id !== followed) return;
      details = told;
      detailsKey = key;
      detailsTime = Date.now();
    }
    const last = `${job.step}|${job.state}`; // the last validation follows the last step
    if (!job.step || curve.last === last) return;
    const before = curve;
    const more = await api.get(jobPath(job, "curve"), { since: before.total });
    if (before === curve) curve = { ...joined(before, more), last };
  }
}

const emptyCurve = () => ({ steps: [], loss: [], average: [], lr: {}, total: 0, last: null });

export function joined(curve, more) {
  const lr = { ...curve.lr };
  for (const [part, values] of Object.entries(more.lr ?? {})) lr[part] = [...(lr[part] ?? []), ...values];
  return {
    steps: [...curve.steps, ...more.steps],
    loss: [...curve.loss, ...more.loss],
    average: [...curve.average, ...(more.average ?? [])],
    validation: more.validation ?? null,
    lr,
    total: more.total,
  };
}
