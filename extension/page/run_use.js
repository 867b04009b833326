// What to do with a finished LoRA: the words that call it in a prompt, where the file has to lie, and the tab that tests it.

import { copyFrom } from "./clipboard.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";
import { promptFor } from "./send.js";

export function runUse(app) {
  const { store } = app;
  const words = h("label", { htmlFor: "lw-use-prompt" });
  const prompt = h("input", { type: "text", class: "lw-input lw-wide", id: "lw-use-prompt", readOnly: true });
  const told = h("span", { class: "lw-dim", role: "status" });
  const copy = button(t("Copy"), async () => setText(told, await copyFrom(prompt)), { kind: "lw-small" });
  const test = button(t("Test it →"), () => app.showTab("test"), { kind: "lw-small lw-strong" });
  const element = h("div", { class: "lw-use", hidden: true }, words, h("div", { class: "lw-line" }, prompt, copy, test, told));
  return {
    element,
    look(job, details) {
      const finished = job.kind === "train" && job.state === "done" && job.lora;
      show(element, finished);
      if (!finished) return;
      const place = t("Put it into the folder models/Lora of your webui, then write this into the prompt:");
      setText(words, job.published ? t("Write this into the prompt:") : place);
      const call = promptFor({ ...details, ...job }, store.project).words;
      if (prompt.value === call) return;
      prompt.value = call;
      setText(told, "");
    },
  };
}
