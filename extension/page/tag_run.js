// The button that tags, its question before it overwrites, and the progress of the tagging.

import { h, setText, show } from "./dom.js";
import { follow, howFar } from "./follow.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { ask, button, disable, errorLine, progressBar, sign } from "./parts.js";
import { askFor, isLive, jobPath, mood } from "./runs.js";
import { isToFetch, tagValues } from "./tag_values.js";

export function tagRun(app, pictures, finished) {
  const { store } = app;
  const line = errorLine();
  const why = h("p", { class: "lw-why", id: "lw-tag-why", hidden: true });
  const question = h("div", { class: "lw-ask", role: "group", hidden: true });
  const captions = h("span", { class: "lw-dim", id: "lw-captioned" });
  const begin = async () => {
    const { mode, ...others } = tagValues(store);
    const { folder } = pictures;
    if (mode === "overwrite" && pictures.captioned) {
      const sentence = t("Overwrite {count} captions, those written by hand too? Undo can bring them back.", {
        count: count(pictures.captioned),
      });
      if (!(await ask(question, sentence, t("Overwrite"), t("Keep them"))) || folder !== pictures.folder) return;
    }
    await store.flush();
    const asked = { kind: "tag", project: store.project.name, folder, options: { ...others, mode } };
    progress.expect(await askFor(app, "jobs", asked));
  };
  const primary = button("", begin, { line, kind: "lw-primary", id: "lw-tag", "aria-describedby": "lw-tag-why" });
  const progress = tagProgress(app, line, finished);

  const look = () => {
    const number = toTag(pictures, tagValues(store).mode);
    setText(primary, number === 1 ? t("Tag 1 picture") : t("Tag {count} pictures", { count: count(number) }));
    setText(
      captions,
      pictures.captioned === 1 ? t("1 has a caption") : t("{count} have captions", { count: count(pictures.captioned) }),
    );
    show(captions, pictures.count);
    const reason = whyNot(store, pictures, number);
    disable(primary, reason, why);
    progress.look();
  };
  for (const topic of ["project", "state", "jobs", "opened"]) store.on(topic, look);
  pictures.on(look);
  look();
  const element = h(
    "div",
    { class: "lw-foot" },
    progress.element,
    h("div", { class: "lw-line" }, primary, captions),
    question,
    why,
    line,
  );
  return { element };
}

/** How many pictures the mode leaves to tag. */
export function toTag(pictures, mode) {
  return ["if-empty", "skip"].includes(mode) ? pictures.count - pictures.captioned : pictures.count;
}

function whyNot(store, pictures, number) {
  if (!store.project?.dataset) return t("First choose the folder with your pictures, at the top.");
  if (pictures.error) return t("The folder can't be read; see there.");
  if (!tagValues(store).model) return t("There is no tagger yet; see above.");
  if (!pictures.count) return t("There are no pictures in the folder.");
  if (tagJobs(store).some((job) => isLive(job) || job.state === "queued")) return t("It is tagging, or waits for its turn.");
  return number ? "" : t("All have captions: choose above what becomes of them, or go on.");
}

const tagJobs = (store) => store.jobs.filter((job) => job.kind === "tag" && job.project === store.project?.name);

function tagProgress(app, line, finished) {
  const { store } = app;
  const bar = progressBar();
  const words = h("span", { class: "lw-figures" });
  const act = (what) => () => askFor(app, jobPath(job, what));
  const stop = button(t("Stop"), act("stop"), { line, kind: "lw-small" });
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const live = h("div", { class: "lw-tag-live", hidden: true }, bar.element, h("div", { class: "lw-line" }, words, stop));
  const followed = follow(() => tagJobs(store));
  let job = null;
  return {
    element: h("div", {}, live, told),
    expect({ id }) {
      followed.expect(id);
      this.look();
    },
    look() {
      const { job: current, ended } = followed.look();
      job = current;
      for (const one of ended) {
        told.replaceChildren(sign(mood(one.state)), one.message || t("Tagging ended."));
        show(told, true);
        if (isToFetch(store)) store.refresh().catch((error) => store.say(error.message)); // it is there now
        finished();
      }
      show(live, job);
      if (!job) return;
      show(told, false);
      bar.set(job.step ?? 0, job.steps ?? 0);
      setText(
        words,
        job.state === "queued"
          ? t("waits for its turn")
          : job.steps
            ? howFar(job)
            : job.message || t("The tagger is being read …"),
      );
    },
  };
}
