// What waits, in its order, and what happens when all of it is done.

import { h, keyed, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, tell } from "./parts.js";
import { askFor, forget, jobPath } from "./runs.js";

export function queueView(app) {
  const { api, store } = app;
  const line = errorLine();
  const list = h("ol", { class: "lw-queue", id: "lw-queue" });
  const waitingPart = h("div", {}, h("h3", {}, t("Queue")), list);
  const after = whenDone(api, store);
  const element = h("section", { class: "lw-queue-part" }, waitingPart, after.element, line);
  const act = (job, what) => () => askFor(app, jobPath(job, what));
  const remove = (job) => async () => {
    await api.post(jobPath(job, "remove"));
    forget(store, job.id);
  };
  const make = (job) =>
    h(
      "li",
      { "data-id": job.id },
      h("span", { class: "lw-queue-title" }, job.title),
      h("span", { class: "lw-dim" }, job.project),
      h("span", { class: "lw-why lw-queue-words" }),
      button(t("First"), act(job, "first"), { line, kind: "lw-small" }),
      button(t("Take out"), remove(job), { line, kind: "lw-small" }),
    );
  const look = () => {
    const waiting = inOrder(store);
    show(waitingPart, waiting.length);
    keyed(
      list,
      waiting,
      (job) => job.id,
      make,
      (node, job) => {
        setText(node.querySelector(".lw-queue-words"), job.message);
        show(node.querySelector("button"), job.id !== waiting[0].id);
      },
    );
    after.look(waiting.length > 0 || store.jobs.some((job) => ["running", "starting", "paused"].includes(job.state)));
  };
  store.on("jobs", look);
  store.on("state", look);
  look();
  return { element };
}

/** Queued jobs as they will start. */
export function inOrder({ jobs }) {
  return jobs.filter((job) => job.state === "queued").sort((one, other) => (one.place ?? Infinity) - (other.place ?? Infinity));
}

function whenDone(api, store) {
  const line = errorLine();
  const choices = { nothing: t("nothing"), command: t("run a command"), shutdown: t("shut down the machine") };
  const select = h(
    "select",
    { class: "lw-input", id: "lw-when-done" },
    Object.entries(choices).map(([value, words]) => h("option", { value }, words)),
  );
  const command = h("input", {
    type: "text",
    class: "lw-input lw-wide",
    id: "lw-command",
    spellcheck: "false",
    placeholder: t("a program and its words"),
  });
  command.setAttribute("aria-label", t("The command"));
  const why = h("p", { class: "lw-why", hidden: true });
  const save = async () => {
    tell(line, "");
    try {
      store.state.options = {
        ...store.state.options,
        ...(await api.post("options", { when_done: select.value, command: command.value })),
      };
    } catch (error) {
      tell(line, error.message);
    }
    show(command, select.value === "command");
  };
  select.addEventListener("change", () => {
    show(command, select.value === "command");
    if (select.value !== "command" || command.value.trim()) save();
    else command.focus();
  });
  command.addEventListener("change", save);
  const element = h(
    "div",
    {},
    h("div", { class: "lw-line" }, h("label", { htmlFor: "lw-when-done" }, t("When all is done:")), select, command),
    why,
    line,
  );
  return {
    element,
    look(busy) {
      const { options, rights } = store.state;
      show(element, busy || options.when_done !== "nothing");
      if (![select, command].includes(document.activeElement)) {
        select.value = options.when_done ?? "nothing";
        command.value = options.command ?? "";
        show(command, select.value === "command");
      }
      const reason = rights.restricted
        ? t(
            "From another machine nothing but our own jobs may be started; webui decides that by --enable-insecure-extension-access, the page alone by --trust-network.",
          )
        : "";
      disable(select, reason);
      disable(command, reason);
      setText(why, reason);
      show(why, reason);
    },
  };
}
