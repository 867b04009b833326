// From what one sees in a LoRA's pictures to the next run: choose what it looks like, see the values and why, take them.

import { h, setText, show } from "./dom.js";
import { download } from "./export.js";
import { moment } from "./format.js";
import { t } from "./i18n.js";
import { changeWords, openAsNextRun } from "./next_run.js";
import { button, errorLine, tell } from "./parts.js";

export const symptomsSection = { key: "symptoms", title: () => t("What went wrong?"), build: buildSymptoms };

function buildSymptoms(app) {
  const { api, store } = app;
  const known = { symptoms: [], runs: [] };
  const line = errorLine();
  const run = h("select", { class: "lw-input", id: "lw-symptom-run" });
  const list = h("div", { class: "lw-symptoms", role: "radiogroup", "aria-label": t("What do the pictures look like?") });
  const answerPart = nextPart(app, line);
  let chosen = null;
  let asked = 0;

  const ask = async () => {
    asked += 1;
    const own = asked;
    tell(line, "");
    if (!chosen) return answerPart.put(null, null);
    try {
      const from = run.value ? { run: run.value } : { settings: store.runSettings() };
      const answer = await api.post("symptoms/next", { code: chosen.code, ...from });
      if (own === asked) answerPart.put(chosen, answer);
    } catch (error) {
      if (own !== asked) return;
      answerPart.put(chosen, null);
      tell(line, error.message);
    }
  };
  const choose = (one) => {
    chosen = one;
    ask();
  };
  const load = async () => {
    const project = store.project?.name;
    tell(line, "");
    try {
      const [told, { runs }] = await Promise.all([
        known.symptoms.length ? { symptoms: known.symptoms } : api.get("symptoms"),
        api.get("test/runs"),
      ]);
      if (project !== store.project?.name) return;
      if (!known.symptoms.length) list.replaceChildren(...told.symptoms.map((one) => symptomCard(one, choose)));
      Object.assign(known, { symptoms: told.symptoms, runs });
      offerRuns(run, runs, t("the settings in Train"));
      ask();
    } catch (error) {
      if (project === store.project?.name) tell(line, error.message);
    }
  };
  run.addEventListener("change", ask);
  store.on("opened", () => {
    asked += 1; // an answer for the project before must not be taken
    answerPart.put(null, null);
    if (visible) load();
  });
  let visible = false;
  const left = h(
    "div",
    { class: "lw-left" },
    h(
      "div",
      { class: "lw-scroll lw-symptoms-left" },
      h("div", { class: "lw-question-field" }, h("label", { htmlFor: "lw-symptom-run" }, t("Which training?")), run),
      h("h3", {}, t("What do the pictures look like?")),
      list,
    ),
  );
  const element = h("div", { class: "lw-test-columns" }, left, h("div", { class: "lw-right" }, answerPart.element, line));
  return {
    element,
    shown() {
      visible = true;
      load();
    },
    left() {
      visible = false;
    },
  };
}

function symptomCard(one, choose) {
  const id = `lw-symptom-${one.code}`;
  const radio = h("input", { type: "radio", name: "lw-symptom", id, value: one.code });
  radio.addEventListener("change", () => choose(one));
  return h("label", { class: "lw-symptom", htmlFor: id }, radio, h("span", {}, one.sees));
}

function offerRuns(select, runs, otherwise) {
  const before = select.value;
  const options = runs.map((one) => h("option", { value: one.job }, `${one.name} · ${moment(one.ended ?? one.created)}`));
  select.replaceChildren(...options, h("option", { value: "" }, otherwise));
  if (runs.some((one) => one.job === before)) select.value = before;
}

/** Causes, the next run's values with their reasons, what else helps, and the two ways to take it. */
function nextPart(app, line) {
  const { api } = app;
  const teach = h("p", { class: "lw-empty" }, t("Choose on the left what you see: here stands why, and what the next run should have."));
  const name = h("h3", { id: "lw-symptom-name" });
  const causes = h("ul", { class: "lw-plain-list" });
  const rows = h("div", { class: "lw-advice-values", role: "list", id: "lw-symptom-values" });
  const none = h("p", { class: "lw-dim" }, t("No setting mends this; see below what does."));
  const others = h("ul", { class: "lw-plain-list", id: "lw-symptom-advice" });
  const othersPart = h("div", {}, h("h3", {}, t("Besides the settings")), others);
  const told = h("span", { class: "lw-told", role: "status" });
  let answer = null;
  const words = () => answer.changes.map(changeWords).join(" · ");
  const open = () => openAsNextRun(app, answer, t("From {run}, after “{sees}”:", { run: answer.name, sees: name.textContent }) + ` ${words()}`);
  const save = async () => {
    const { settings, base_model: base, dataset } = answer;
    const whole = {
      ...settings,
      ...(base ? { pretrained_model_name_or_path: base } : {}),
      ...(dataset ? { train_data_dir: dataset } : {}),
    };
    const file = await api.post("export", { settings: whole, as: "toml" });
    download(file);
    setText(told, t("{name} is saved.", { name: file.name }));
  };
  const deeds = h(
    "div",
    { class: "lw-line" },
    button(t("Open as next run"), open, { line, kind: "lw-primary", id: "lw-symptom-next" }),
    button(t("Save as a settings file"), save, { line, id: "lw-symptom-save" }),
    told,
  );
  const body = h(
    "div",
    { class: "lw-symptom-answer", hidden: true },
    name,
    h("h3", {}, t("Why")),
    causes,
    h("h3", {}, t("The next run")),
    rows,
    none,
    deeds,
    othersPart,
  );
  const put = (symptom, found) => {
    answer = found;
    show(teach, !symptom);
    show(body, symptom);
    if (!symptom) return;
    setText(name, symptom.sees);
    setText(told, "");
    causes.replaceChildren(...symptom.causes.map((one) => h("li", {}, one)));
    others.replaceChildren(...symptom.advice.map((one) => h("li", {}, one)));
    show(othersPart, symptom.advice.length);
    rows.replaceChildren(...(found?.changes ?? []).map(valueRow));
    show(none, found && !found.changes.length);
    show(deeds, found?.changes.length);
  };
  return { element: h("div", {}, teach, body), put };
}

function valueRow(one) {
  const why = one.source ? `${one.reason} (${one.source})` : one.reason;
  return h(
    "div",
    { class: "lw-advice-row", role: "listitem", "data-name": one.name },
    h("span", { class: "lw-advice-value" }, changeWords(one)),
    h("p", { class: "lw-advice-reason" }, why),
  );
}
