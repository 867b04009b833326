// What the machine does, in a few words; under it the check of the installation and the page's language.

import { doctorParts } from "./doctor.js";
import { folderIcon, h } from "./dom.js";
import { doneOf, samplesWords } from "./follow.js";
import { openFolderPicker } from "./folder_picker.js";
import { duration, percent } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, menu, tell } from "./parts.js";

export function machinePill(app) {
  const { store } = app;
  const own = menu("", (panel, close) => fill(app, panel, close), { kind: "lw-pill", title: t("What the machine does") });
  own.panel.classList.add("lw-panel-right");
  const look = () => {
    const { words, mood } = machine(store);
    own.setLabel(words);
    own.opener.dataset.mood = mood;
  };
  for (const topic of ["jobs", "state", "connection"]) store.on(topic, look);
  look();
  return own.element;
}

/** What to say of the machine, and in which colour. */
export function machine(store) {
  if (!store.connected) return { words: t("no answer from the server"), mood: "bad" };
  if (store.state.setup.running) return { words: t("setting up …"), mood: "busy" };
  if (!store.state.setup.ready) return { words: t("set-up needed"), mood: "bad" };
  const waiting = store.jobs.filter((job) => job.state === "queued").length;
  const queued = waiting ? ` · ${t("{count} queued", { count: waiting })}` : "";
  const job = store.jobs.find((one) => ["running", "paused", "starting"].includes(one.state));
  if (!job) return { words: t("idle") + queued, mood: waiting ? "busy" : "idle" };
  return { words: doing(job) + queued, mood: job.state === "paused" ? "paused" : "busy" };
}

function doing(job) {
  const done = percent(doneOf(job), job.steps);
  const deeds = {
    tag: [t("tagging begins"), t("tagging {percent} %", { percent: done })],
    pictures: [t("pictures are looked at"), t("looking at pictures {percent} %", { percent: done })],
    tool: [t("a tool begins"), t("a tool works {percent} %", { percent: done })],
    train: [t("training begins"), t("training {percent} %", { percent: done })],
  };
  const [begins, goes] = deeds[job.what === "training" ? "train" : job.kind] ?? [t("drawing begins"), t("drawing {percent} %", { percent: done })];
  if (job.state === "starting" || !job.steps) return begins;
  if (job.state === "paused") return t("paused at {percent} %", { percent: done });
  if (Number.isFinite(job.samples_share)) return `${goes} · ${samplesWords(job)}`;
  const left = Number.isFinite(job.seconds_left) ? ` · ${t("{time} left", { time: duration(job.seconds_left) })}` : "";
  return goes + left;
}

/** Without webui nobody else says where base models are. */
function modelsFolder(app, line) {
  const { api, store } = app;
  const field = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-models",
    spellcheck: "false",
    value: store.state.options.models_folder ?? "",
  });
  const save = async () => {
    await api.post("options", { models_folder: field.value.trim() });
    await store.refresh();
  };
  const choose = async () => {
    field.value = (await openFolderPicker(app, field.value)) ?? field.value;
    await save();
  };
  field.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && take.click());
  const take = button(t("Use"), save, { line, kind: "lw-small" });
  const pick = button(folderIcon(), choose, { line, kind: "lw-small", "aria-label": t("Choose a folder") });
  return h(
    "div",
    {},
    h("label", { class: "lw-panel-title", htmlFor: "lw-models" }, t("Folder with base models")),
    h("div", { class: "lw-line" }, field, pick, take),
  );
}

function fill(app, panel, close) {
  const { api, store } = app;
  const line = errorLine();
  const { buttons, found } = doctorParts(api, line, store.state.setup.ready);
  const running = store.jobs.filter((job) => ["running", "paused", "starting", "queued"].includes(job.state));
  const titles = running.map((job) => h("li", {}, job.title));
  const alone = store.state.host.name === "alone";
  const languages = {
    auto: alone ? t("as the browser") : t("as webui"),
    en: "English",
    zh_CN: "简体中文",
    zh_TW: "繁體中文",
    ja: "日本語",
  };
  const choose = h(
    "select",
    { class: "lw-input", id: "lw-language" },
    Object.entries(languages).map(([value, name]) => h("option", { value }, name)),
  );
  choose.value = store.state.options.language ?? "auto";
  choose.addEventListener("change", async () => {
    try {
      await api.post("options", { language: choose.value });
      close();
      await store.refresh();
    } catch (error) {
      tell(line, error.message);
    }
  });
  const models = alone ? modelsFolder(app, line) : null;
  panel.append(
    titles.length ? h("ul", { class: "lw-plain-list" }, titles) : h("p", {}, t("Nothing is running.")),
    h("div", { class: "lw-line" }, buttons),
    found,
    h("div", { class: "lw-line" }, h("label", { htmlFor: "lw-language" }, t("Language")), choose),
    models ?? "",
    line,
  );
}
