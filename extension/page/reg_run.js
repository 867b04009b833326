// The button that draws what is missing, the one that draws stale pictures anew, and the progress with the newest picture.

import { h, setText, show } from "./dom.js";
import { doneOf, drawnWords, follow } from "./follow.js";
import { baseName, count, folderOf } from "./format.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, progressBar, sign } from "./parts.js";
import { drawnOptions, isDrawing, missingFor, regJobs, regValues } from "./reg_plan.js";
import { askFor, jobPath, mood, newestFirst } from "./runs.js";

/** `changed()` is called while pictures come, and when the last has come. */
export function regRun(app, plan, changed) {
  const { store } = app;
  const line = errorLine();
  const why = h("p", { class: "lw-why", id: "lw-reg-why", hidden: true });
  const progress = regProgress(app, line, changed);
  const begin = (redo) => async () => {
    await store.flush();
    const options = { ...drawnOptions(store), ...(redo ? { redo } : {}) };
    const asked = { kind: "reg", project: store.project.name, settings: store.runSettings(), options };
    progress.expect(await askFor(app, "jobs", asked));
  };
  const words = { line, "aria-describedby": "lw-reg-why" };
  const make = button("", begin(false), { ...words, kind: "lw-primary", id: "lw-reg-make" });
  const renew = button("", begin(true), { ...words, id: "lw-reg-renew" });
  const look = () => {
    const mine = regValues(store).way === "folder";
    show(make, !mine);
    if (mine) show(why, false);
    const { to_draw: missing = 0, counts = {} } = plan.data ?? {};
    const stale = staleOf(plan.data);
    setText(
      make,
      missing === 1
        ? t("Make 1 picture")
        : missing
          ? t("Make {count} pictures", { count: count(missing) })
          : t("Make pictures"),
    );
    setText(renew, stale === 1 ? t("Draw 1 stale one anew") : t("Draw {count} stale ones anew", { count: count(stale) }));
    renew.classList.toggle("lw-strong", stale > 0 && !missing);
    show(renew, !mine && stale);
    progress.look();
    if (mine) return;
    const reason = whyNot(store, plan);
    disable(renew, reason);
    disable(make, reason || (missing ? "" : nothingToDo(counts, stale)), why);
  };
  for (const topic of ["project", "state", "jobs", "opened"]) store.on(topic, look);
  plan.on(look);
  const foot = h("div", { class: "lw-line" }, make, renew);
  return { element: h("div", { class: "lw-reg-run" }, progress.element, foot, why, line), look };
}

/** How many pictures are stale and not drawn unasked: a changed caption alone is. */
export function staleOf(data) {
  return (data?.pictures ?? []).filter((one) => one.state === "stale" && one.why !== "caption").length;
}

function whyNot(store, plan) {
  const missing = missingFor(store);
  if (missing) return missing;
  if (isDrawing(store)) return t("It is drawing, or waits for its turn.");
  if (plan.error) return t("It can't be said what to make; see there.");
  return plan.data ? "" : t("Looking what is there …");
}

function nothingToDo({ yours = 0 }, stale) {
  if (stale) return t("None is missing, but some are stale.");
  return yours ? t("All are there, some of them your own.") : t("All are there, as they should be.");
}

function regProgress(app, line, changed) {
  const { api, store } = app;
  const bar = progressBar();
  const words = h("span", { class: "lw-figures" });
  const newest = h("img", { class: "lw-reg-newest", alt: "", width: 128, height: 128, hidden: true });
  const act = (what) => () => askFor(app, jobPath(job, what));
  const stop = button(t("Stop"), act("stop"), { line, kind: "lw-small", id: "lw-reg-stop" });
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const beside = h("div", { class: "lw-reg-beside" }, bar.element, h("div", { class: "lw-line" }, words, stop));
  const live = h("div", { class: "lw-reg-live", hidden: true }, newest, beside);
  const followed = follow(() => regJobs(store));
  let job = null;
  let step = 0;

  const showNewest = () => {
    show(newest, job.picture);
    if (!job.picture) return;
    const address = api.url("thumb", { folder: folderOf(job.picture), name: baseName(job.picture), size: 256, mark: job.step });
    if (newest.getAttribute("src") !== address) newest.src = address;
    newest.alt = t("the newest picture: {name}", { name: baseName(job.picture) });
  };
  const tellEnd = (ended) => {
    const address = api.url(jobPath(ended, "log"));
    const log = h("a", { class: "lw-link", target: "_blank", rel: "noopener", href: address }, t("open the log"));
    const failed = ended.state === "failed";
    told.replaceChildren(sign(mood(ended.state)), ended.message || t("Drawing ended."), ...(failed ? [" ", log] : []));
    show(told, true);
  };
  return {
    element: h("div", {}, live, told),
    expect({ id }) {
      followed.expect(id);
      this.look();
    },
    look() {
      const { jobs, job: current, ended } = followed.look();
      job = current;
      for (const one of ended) {
        tellEnd(one);
        changed(true);
      }
      const newest = newestFirst(jobs)[0];
      if (!job && newest?.state === "failed" && told.hidden) tellEnd(newest); // also after a reload
      show(live, job);
      if (!job) return;
      show(told, false);
      bar.set(doneOf(job), job.steps ?? 0);
      setText(words, drawnWords(job, t("The model is being read …"), true));
      showNewest();
      if (job.step !== step) changed(false);
      step = job.step;
    },
  };
}
