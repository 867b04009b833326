// The bar that never goes away: project, dataset, base model and what the machine does.

import { folderIcon, h, setText, show } from "./dom.js";
import { baseName, shortPath } from "./format.js";
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
  const element = h("div", { class: "lw-top-part" }, h("span", { class: "lw-top-label" }, t("dataset")), choose);
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

function baseMenu({ store }) {
  const select = h("select", { class: "lw-input lw-base", id: "lw-base" });
  select.addEventListener("change", () => store.change({ base_model: select.value }));
  let shown = "";
  return {
    element: h("div", { class: "lw-top-part" }, h("label", { class: "lw-top-label", htmlFor: "lw-base" }, t("base")), select),
    look() {
      const { base_model: chosen } = store.project;
      const models = [...store.state.checkpoints];
      if (chosen && !models.some((one) => one.path === chosen)) models.push({ name: baseName(chosen), path: chosen });
      const wanted = JSON.stringify(models);
      if (wanted !== shown) {
        shown = wanted;
        const none = models.length ? t("choose a base model") : t("no checkpoint found");
        select.replaceChildren(
          h("option", { value: "" }, none),
          ...models.map((one) => h("option", { value: one.path, title: one.path }, one.name)),
        );
      }
      if (document.activeElement !== select || select.value !== chosen) select.value = chosen ?? "";
      select.title = chosen || t("The model that the LoRA is trained on");
    },
  };
}
