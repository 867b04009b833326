// What tools have written: each job's end, with its proof, newest first.

import { h, keyed, setText, show } from "./dom.js";
import { baseName, folderOf, moment } from "./format.js";
import { t } from "./i18n.js";
import { ask, button, errorLine, sign } from "./parts.js";
import { askFor, everyJob, forget, isLive, jobPath, mood, newestFirst, stateWords } from "./runs.js";
import { isTool } from "./tools_run.js";

const MOST = 30;

/** `lookInto(path)`: shows what is in a file. */
export function toolResults(app, lookInto) {
  const { api, store } = app;
  const line = errorLine();
  const list = h("div", { class: "lw-tools-results", role: "list", "aria-label": t("What tools have written") });
  const empty = h(
    "p",
    { class: "lw-empty" },
    t("What a tool has done stands here: how many modules matched, and how much the weights changed. Files that it reads stay as they are."),
  );
  const known = new Map(); // details by job, once it has ended
  const asked = new Set();

  const bring = async (job) => {
    if (asked.has(job.id)) return;
    asked.add(job.id);
    try {
      known.set(job.id, await api.get(jobPath(job)));
      look();
    } catch (error) {
      asked.delete(job.id);
      if (store.connected && everyJob(store).some((one) => one.id === job.id)) store.say(error.message);
    }
  };
  const make = (job) => {
    const question = h("div", { class: "lw-ask", hidden: true });
    const remove = async () => {
      const yes = await ask(question, t("Remove this from the list? The file that it wrote stays where it is."), t("Remove"));
      if (!yes) return;
      await api.post(jobPath(job, "remove"));
      forget(store, job.id);
    };
    const small = { line, kind: "lw-small" };
    const parts = {
      mark: h("span"),
      title: h("strong"),
      words: h("span", { class: "lw-dim" }),
      proof: h("ul", { class: "lw-tools-proof" }),
      notes: h("div"),
      place: h("p", { class: "lw-dim lw-path" }),
      inspect: button(t("Look into it"), () => lookInto(known.get(job.id)?.path), small),
      take: h("a", { class: "lw-link", download: "" }, t("Download")),
      again: button(t("Start again"), () => askFor(app, jobPath(job, "again")), small),
      log: h("a", { class: "lw-link", target: "_blank", rel: "noopener", href: api.url(jobPath(job, "log")) }, t("open the log")),
    };
    const { mark, title, words, proof, notes, place, inspect, take, again, log } = parts;
    const buttons = h("div", { class: "lw-line" }, inspect, take, again, button(t("Remove"), remove, small), log);
    const element = h(
      "div",
      { class: "lw-tools-result", role: "listitem" },
      h("div", { class: "lw-line" }, mark, title, words),
      proof,
      notes,
      place,
      buttons,
      question,
    );
    element.lwParts = parts;
    return element;
  };
  const update = (element, job) => {
    const { mark, title, words, proof, notes, place, inspect, take, again, log } = element.lwParts;
    const details = known.get(job.id);
    if (!details) bring(job);
    element.dataset.state = job.state;
    const shown = `${job.state}|${Boolean(details)}`;
    if (element.lwShown === shown) return;
    element.lwShown = shown;
    mark.replaceChildren(sign(mood(job.state)));
    setText(title, job.state === "done" ? baseName(details?.path ?? job.title) : job.title);
    const said = job.state === "done" ? "" : job.message;
    setText(words, [stateWords(job.state), moment(job.ended ?? job.created), said].filter(Boolean).join(" · "));
    proof.replaceChildren(...(details?.lines ?? []).map((one) => h("li", {}, one.trim())));
    const warnings = details?.warnings ?? [];
    notes.replaceChildren(...warnings.map((one) => h("p", { class: "lw-why" }, sign("note"), one)));
    setText(place, details?.path ? folderOf(details.path) : "");
    show(place, details?.path);
    show(inspect, details?.path && !details.options?.base); // a merged checkpoint is no LoRA
    show(take, details?.path);
    if (details?.path) take.href = api.url("download/lora", { path: details.path });
    show(again, job.state !== "done");
    show(log, job.state === "failed");
  };
  const look = () => {
    const jobs = newestFirst(everyJob(store).filter((one) => isTool(one) && !isLive(one) && one.state !== "queued"));
    keyed(list, jobs.slice(0, MOST), (one) => one.id, make, update);
    show(empty, !jobs.length);
  };
  store.on("jobs", look);
  look();
  return { element: h("div", { class: "lw-right" }, line, empty, list), look };
}
