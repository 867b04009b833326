// What can be asked of a run: save, sample, pause, stop, kill after a question; and of a finished one: resume, again, use it.

import { h, show } from "./dom.js";
import { t } from "./i18n.js";
import { ask, button, errorLine } from "./parts.js";
import { askFor, isLive, jobPath, lookAt } from "./runs.js";
import { sendToHost } from "./send.js";

export function runActions(app) {
  const { store } = app;
  const line = errorLine();
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const question = h("div", { class: "lw-ask", role: "group", hidden: true });
  let job = null;
  let details = null;
  const say = (sentence) => {
    told.textContent = sentence;
    show(told, sentence);
  };
  const act =
    (what, sentence = "") =>
    async () => {
      await askFor(app, jobPath(job, what));
      say(sentence);
    };
  const anew = (what) => async () => {
    await act(what)();
    lookAt(store, null); // the one that runs now
  };
  const kill = async () => {
    const yes = await ask(
      question,
      t("End it at once? What was learned since the last save is lost."),
      t("End it at once"),
      t("Let it go on"),
    );
    if (yes) await act("kill")();
  };
  const make = (label, work, kind = "") => button(label, work, { line, kind });
  const buttons = {
    save: make(t("Save now"), act("save", t("It saves after this step."))),
    sample: make(t("Sample now"), act("sample", t("It makes samples after this step."))),
    pause: make(t("Pause"), act("pause")),
    continue: make(t("Continue"), act("continue")),
    stop: make(t("Stop and save"), act("stop", t("It stops after this step and saves."))),
    kill: make(t("End at once …"), kill),
    resume: make(t("Resume"), anew("resume"), "lw-strong"),
    again: make(t("Start again"), anew("again")),
    send: make(t("Send to txt2img"), () => say(sendToHost({ ...details, ...job }, store.project)), "lw-strong"),
  };
  const element = h(
    "div",
    { class: "lw-actions" },
    h("div", { class: "lw-line" }, Object.values(buttons)),
    question,
    line,
    told,
  );

  return {
    element,
    look(given, more) {
      if (given.id !== job?.id || given.state !== job?.state) {
        say("");
        show(line, false);
        if (given.id !== job?.id || !isLive(given)) show(question, false);
      }
      [job, details] = [given, more];
      const { state } = job;
      const running = state === "running";
      const shown = {
        save: running,
        sample: running,
        pause: running,
        continue: state === "paused",
        stop: running || state === "paused",
        kill: isLive(job),
        resume: job.resumable && !isLive(job),
        again: !isLive(job),
        send: !isLive(job) && store.state.host.sends && loraOf(job),
      };
      for (const [name, one] of Object.entries(buttons)) show(one, shown[name]);
    },
  };
}

const loraOf = (job) => job.lora;
