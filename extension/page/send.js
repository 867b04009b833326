// Puts a finished LoRA into the host's prompt. The host's page is looked at only when asked to.

import { baseName } from "./format.js";
import { t } from "./i18n.js";

/** What goes into the prompt: the activation tag and the LoRA, by webui's notation. */
export function promptFor(job, project) {
  const name = baseName(typeof job.lora === "string" ? job.lora : (job.lora?.name ?? "")).replace(
    /\.(safetensors|ckpt|pt)$/i,
    "",
  );
  const first = job.activation ?? project?.tag?.first ?? "";
  const activation = Array.isArray(first) ? first.join(", ") : String(first);
  return { name, words: [activation, `<lora:${name}:1>`].filter(Boolean).join(", ") };
}

/** Writes it into txt2img and goes there; returns what happened, in a sentence. */
export function sendToHost(job, project) {
  const { name, words } = promptFor(job, project);
  const page = typeof window.gradioApp === "function" ? window.gradioApp() : document;
  const prompt = page.querySelector("#txt2img_prompt textarea");
  if (!prompt) return t("The txt2img prompt was not found; write this there: {words}", { words });
  const there = prompt.value.trim();
  if (!there.includes(`<lora:${name}:`)) {
    prompt.value = there ? `${there.replace(/[\s,]+$/, "")}, ${words}` : words;
    prompt.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (typeof window.switch_to_txt2img === "function") window.switch_to_txt2img();
  return t("In the txt2img prompt now: {words}", { words });
}
