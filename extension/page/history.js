// The runs before: what they were, how they went, and what to do with them again.

import { h, keyed, setText, show } from "./dom.js";
import { count, moment, rounded } from "./format.js";
import { t } from "./i18n.js";
import { ask, button, errorLine, sign, tell } from "./parts.js";
import { askFor, everyJob, forget, isLive, jobPath, lookAt, lookedAt, mood, newestFirst, stateWords, took } from "./runs.js";

// What the server gives each run of its own.
const OF_THE_RUN = new Set(["output_dir", "sample_prompts", "resume"]);

export function historyView(app, form) {
  const { api, store } = app;
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const list = h("div", { class: "lw-history", role: "list", id: "lw-history" });
  const heading = h("summary", {});
  const element = h("details", { class: "lw-history-part" }, heading, line, told, list);
  const say = (sentence) => {
    setText(told, sentence);
    show(told, sentence);
  };

  const load = (job) => async () => {
    const project = store.project.name;
    const { settings } = await api.get(jobPath(job));
    if (project !== store.project?.name) return;
    const gone = Object.fromEntries(Object.keys(store.project.settings ?? {}).map((name) => [name, null]));
    const { pretrained_model_name_or_path: base, train_data_dir: dataset } = settings;
    const values = Object.fromEntries(Object.entries(settings).filter(([name]) => form.knows(name) && !OF_THE_RUN.has(name)));
    store.change({ settings: { ...gone, ...values }, ...(base ? { base_model: base } : {}), ...(dataset ? { dataset } : {}) });
    say(t("The settings of {title} are in the form now.", { title: job.title }));
  };
  const remove = (job, place) => async () => {
    if (!(await ask(place, t("Remove this run from the history? Its saved LoRAs stay where they are."), t("Remove")))) return;
    await api.post(jobPath(job, "remove"));
    forget(store, job.id);
  };
  const again = (job, what) => async () => {
    await askFor(app, jobPath(job, what));
    lookAt(store, null); // the one that runs now
  };

  const make = (job) => {
    const question = h("div", { class: "lw-ask", hidden: true });
    const row = h("div", { class: "lw-old-run", role: "listitem" });
    const small = { line, kind: "lw-small" };
    row.lwParts = {
      mark: h("span"),
      title: h(
        "button",
        { type: "button", class: "lw-link lw-run-title", on: { click: () => lookAt(store, job.id) } },
        job.title,
      ),
      words: h("span", { class: "lw-dim" }),
      resume: button(t("Resume"), again(job, "resume"), small),
    };
    const { mark, title, words, resume } = row.lwParts;
    row.append(
      h("div", { class: "lw-old-run-head" }, mark, title, words),
      h(
        "div",
        { class: "lw-line" },
        button(t("Load these settings"), load(job), small),
        button(t("Start again"), again(job, "again"), small),
        resume,
        button(t("Remove"), remove(job, question), small),
      ),
      question,
    );
    return row;
  };
  const update = (row, job) => {
    const { mark, words, resume } = row.lwParts;
    if (mark.lwState !== job.state) {
      mark.lwState = job.state;
      mark.replaceChildren(sign(mood(job.state)));
    }
    setText(words, summary(job));
    show(resume, job.resumable);
    row.classList.toggle("lw-current", lookedAt(store)?.id === job.id);
  };
  const look = () => {
    const own = everyJob(store).filter((job) => job.kind === "train" && job.project === store.project?.name);
    const runs = newestFirst(own.filter((job) => !isLive(job) && job.state !== "queued"));
    show(element, runs.length);
    setText(heading, t("Runs before · {count}", { count: runs.length }));
    keyed(list, runs, (job) => job.id, make, update);
  };
  element.addEventListener("toggle", async () => {
    if (!element.open) return;
    try {
      let forgotten;
      let jobs;
      do {
        ({ forgotten } = store);
        ({ jobs } = await api.get("jobs"));
      } while (forgotten !== store.forgotten); // a run was removed meanwhile, which this may still have
      store.older = jobs;
      store.tell("jobs");
    } catch (error) {
      tell(line, error.message);
    }
  });
  for (const topic of ["jobs", "opened", "run"]) store.on(topic, look);
  look();
  return { element };
}

function summary(job) {
  return [
    stateWords(job.state),
    moment(job.started ?? job.created),
    job.steps && t("{step} of {steps} steps", { step: count(job.step ?? 0), steps: count(job.steps) }),
    Number.isFinite(job.average ?? null) && t("loss {loss}", { loss: rounded(job.average) }),
    took(job),
  ]
    .filter(Boolean)
    .join(" · ");
}
