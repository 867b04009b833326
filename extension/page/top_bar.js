// The bar that never goes away: project, dataset, base model and what the machine does.

import { baseSelect } from "./base_choice.js";
import { folderIcon, h, setText, show } from "./dom.js";
import { filesMenu } from "./files_menu.js";
import { shortPath } from "./format.js";
import { t } from "./i18n.js";
import { machinePill } from "./machine_pill.js";
import { button, disable, errorLine, menu } from "./parts.js";

export function topBar(app) {
  const parts = [datasetButton(app), baseMenu(app)];
  const chosen = h("div", { class: "lw-top-chosen" }, ...parts.map((part) => part.element));
  const look = () => {
    show(chosen, app.store.project);
    if (app.store.project) parts.forEach((part) => part.look());
  };
  for (const topic of ["project", "state", "opened"]) app.store.on(topic, look);
  look();
  return h(
    "header",
    { class: "lw-top" },
    h("span", { class: "lw-brand" }, "LoRA Workbench"),
    projectMenu(app),
    chosen,
    h("span", { class: "lw-space" }),
    machinePill(app),
  );
}

function projectMenu({ api, store }) {
  const own = menu("", fill, { kind: "lw-project", title: t("Projects: open another one, or begin a new one") });
  const look = () => own.setLabel(store.project?.name ?? t("no project"));
  for (const topic of ["project", "opened", "state"]) store.on(topic, look);
  look();
  return own.element;

  function fill(panel, close) {
    const line = errorLine();
    const open = async (path, name) => {
      await store.flush();
      store.open(await api.post(path, { name }));
      close();
      own.opener.focus();
    };
    const names = store.state.projects.map((name) => {
      const one = button(name, () => open("projects/open", name), { line, kind: "lw-item" });
      if (name === store.project?.name) one.setAttribute("aria-current", "true");
      return one;
    });
    const name = h("input", { type: "text", class: "lw-input", id: "lw-new-project", placeholder: t("new name") });
    const make = button(t("New project"), () => open("projects", name.value.trim()), { line });
    name.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && make.click());
    panel.append(
      h("p", { class: "lw-panel-title" }, names.length ? t("Open a project") : t("No project yet")),
      h("div", { class: "lw-items" }, names),
      h("label", { class: "lw-panel-title", htmlFor: "lw-new-project" }, t("Begin a new one")),
      h("div", { class: "lw-line" }, name, make),
      line,
    );
  }
}

function datasetButton(app) {
  const { store } = app;
  const text = h("span", { class: "lw-menu-label" });
  const choose = h("button", { type: "button", class: "lw-button lw-dataset", id: "lw-dataset" }, text, folderIcon());
  choose.addEventListener("click", () => choose.getAttribute("aria-disabled") || app.chooseDataset());
  const element = h(
    "div",
    { class: "lw-top-part" },
    h("span", { class: "lw-top-label" }, t("dataset")),
    choose,
    filesMenu(app),
  );
  return {
    element,
    look() {
      const { dataset } = store.project;
      setText(text, dataset ? shortPath(dataset) : t("choose a folder"));
      const fixed =
        store.state.rights.hide_folders && t("Folders can't be chosen here: webui was started with --hide-ui-dir-config.");
      disable(choose, fixed);
      choose.title = fixed || dataset || t("The folder with your pictures");
    },
  };
}

function baseMenu(app) {
  const { store } = app;
  const base = baseSelect(app, {
    id: "lw-base",
    get: () => store.project.base_model,
    set: (path) => store.change({ base_model: path }),
    tell: (sentence) => store.say(sentence),
  });
  return {
    element: h(
      "div",
      { class: "lw-top-part" },
      h("label", { class: "lw-top-label", htmlFor: "lw-base" }, t("base")),
      base.element,
    ),
    look: base.look,
  };
}
