// Which prompts are drawn: stored lists to tick, each of which can be looked into and changed, and prompts of one's own.

import { h, keyed, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { ask, button, errorLine } from "./parts.js";
import { testValues } from "./test_values.js";

/** What a list is called, and what it asks. */
export function suiteWords(name) {
  const known = {
    first_look: [t("First look"), t("Is it there, close by, whole and from behind?")],
    other_clothes: [t("Other clothes"), t("What stays on in spite of other clothes is stuck in the UNet.")],
    other_background: [t("Other background"), t("Does a background come along everywhere?")],
    negatives: [t("Negatives"), t("Overfitting may show only under other negative prompts.")],
    without_subject: [t("Without the subject"), t("Does it leave other pictures as the base draws them?")],
  };
  return known[name] ?? [name.replaceAll("_", " "), t("A list of your own.")];
}

export function suitesPart(app, model) {
  const { store } = app;
  const list = h("div", { class: "lw-test-suites", role: "group", "aria-label": t("Lists of prompts") });
  const editor = suiteEditor(app, model);
  const legend = h("span", { class: "lw-set-label" }, t("Lists of prompts"));
  const make = h(
    "button",
    { type: "button", class: "lw-link", id: "lw-suite-new", on: { click: () => editor.open(null) } },
    t("new list …"),
  );
  const element = h(
    "div",
    { class: "lw-test-part" },
    h("div", { class: "lw-line" }, legend, h("span", { class: "lw-space" }), make),
    list,
    editor.element,
  );

  const toggle = (name, on) => {
    const names = testValues(store).suites.filter((one) => one !== name);
    store.change({ test: { suites: on ? [...names, name] : names } });
  };
  const build = (one) => {
    const [title, says] = suiteWords(one.name);
    const id = `lw-suite-${one.name.replaceAll(/[^\w-]/g, "-")}`;
    const box = h("input", { type: "checkbox", id, on: { change: () => toggle(one.name, box.checked) } });
    const number = h("span", { class: "lw-dim" });
    const label = h("label", { htmlFor: id, title: says }, title, " ", number);
    const look = h(
      "button",
      { type: "button", class: "lw-link", title: t("Look into it and change it"), on: { click: () => editor.open(one.name) } },
      t("edit"),
    );
    const line = h("div", { class: "lw-radio" }, box, label, h("span", { class: "lw-space" }), look);
    Object.assign(line, { lwBox: box, lwNumber: number });
    return line;
  };
  const look = () => {
    const { suites } = testValues(store);
    keyed(
      list,
      model.suites,
      (one) => one.name,
      build,
      (line, one) => {
        line.lwBox.checked = suites.includes(one.name);
        setText(line.lwNumber, `(${one.count})`);
      },
    );
  };
  for (const topic of ["suites", "runs"]) model.on(topic, look);
  look();
  return { element };
}

/** One list's prompts as text, below the lists. */
function suiteEditor({ api, store }, model) {
  const line = errorLine();
  const question = h("div", { class: "lw-ask", role: "group", hidden: true });
  const name = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-suite-name",
    placeholder: t("for instance: {example}", { example: "hats" }),
    autocomplete: "off",
  });
  const text = h("textarea", {
    class: "lw-input",
    id: "lw-suite-text",
    rows: 7,
    spellcheck: "false",
    "aria-label": t("Prompts, one a line"),
  });
  const help = t("One prompt a line. SUBJECT stands for the words of what was trained; --n begins a negative prompt.");
  let edited = null;
  const done = (project, answer) => {
    if (project !== store.project?.name) return;
    model.takeSuites(answer.suites);
    show(element, false);
  };
  const save = async () => done(store.project.name, await api.post("test/suites", { name: name.value.trim(), text: text.value }));
  const remove = async () => {
    const { name: project } = store.project;
    const back = edited.shipped;
    const sentence = back ? t("Take back what was changed in this list?") : t("Remove this list?");
    if (!(await ask(question, sentence, back ? t("Take back") : t("Remove")))) return;
    if (project === store.project?.name) done(project, await api.post("test/suites/remove", { name: edited.name }));
  };
  const saving = button(t("Save the list"), save, { line, kind: "lw-small lw-strong", id: "lw-suite-save" });
  const removing = button("", remove, { line, kind: "lw-small" });
  const close = button(t("Close"), () => show(element, false), { kind: "lw-small" });
  const element = h(
    "div",
    { class: "lw-test-editor", hidden: true },
    h("div", { class: "lw-line" }, h("label", { htmlFor: "lw-suite-name" }, t("Name")), name),
    text,
    h("p", { class: "lw-dim" }, help),
    h("div", { class: "lw-line" }, saving, removing, close),
    question,
    line,
  );
  store.on("opened", () => show(element, false)); // its list is another project's
  return {
    element,
    open(wanted) {
      edited = model.suites.find((one) => one.name === wanted) ?? null;
      name.value = edited?.name ?? "";
      name.readOnly = Boolean(edited);
      text.value = edited?.text ?? "SUBJECT\nSUBJECT, ";
      setText(removing, edited?.shipped ? t("Take back …") : t("Remove …"));
      show(removing, edited?.own);
      show(question, false);
      show(line, false);
      show(element, true);
      (edited ? text : name).focus();
    },
  };
}
