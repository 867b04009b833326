// The first page of all: no project yet. A name and a folder of pictures, then the work begins.

import { baseSelect, onlyToys } from "./base_choice.js";
import { h, setText, show } from "./dom.js";
import { openFolderPicker } from "./folder_picker.js";
import { baseName, count } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, tell } from "./parts.js";
import { chooseFiles } from "./upload_files.js";

export function startView(app) {
  const { api, store } = app;
  const line = errorLine();
  let folder = "";
  let files = []; // of this device
  const name = h("input", { type: "text", class: "lw-input", id: "lw-first-project", placeholder: t("for instance: penny") });
  const chosen = h("span", { class: "lw-path" }, t("no folder chosen yet"));
  const pick = button(t("Choose the folder …"), async () => {
    folder = (await openFolderPicker(app, folder)) || folder;
    if (!folder) return;
    files = [];
    setText(chosen, folder);
    if (!name.value.trim()) name.value = baseName(folder);
  });
  const send = button(t("Upload from this device …"), async () => {
    const found = await chooseFiles();
    if (!found.length) return;
    [files, folder] = [found, ""];
    setText(chosen, files.length === 1 ? files[0].name : t("{count} files of this device", { count: count(files.length) }));
    if (!name.value.trim() && files.length === 1) name.value = files[0].name.replace(/\.[^.]*$/, "");
  });
  let chosenBase = null;
  const base = baseSelect(app, {
    id: "lw-first-base",
    get: () => chosenBase ?? onlyBase(store),
    set: (path) => {
      chosenBase = path;
      base.look();
    },
    tell: (sentence) => tell(line, sentence),
  });
  const make = button(
    t("Begin"),
    async () => {
      const called = name.value.trim() || baseName(folder);
      if (!called) throw new Error(t("First choose the folder with your pictures, or give the project a name."));
      const project = await api.post("projects", { name: called });
      const model = chosenBase ?? onlyBase(store);
      store.open(project);
      const changes = { ...(folder ? { dataset: folder } : {}) };
      if (!project.base_model && model) changes.base_model = model;
      if (Object.keys(changes).length) store.change(changes);
      app.upload(files);
      app.root.querySelector(".lw-tab[aria-selected=true]")?.focus();
    },
    { line, kind: "lw-primary" },
  );
  name.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && make.click());
  const open = async (one) => store.open(await api.post("projects/open", { name: one }));
  const older = h("div", { class: "lw-line" });
  const toys = h(
    "p",
    { class: "lw-dim" },
    t(
      "A LoRA is trained on a base model: a .safetensors or .ckpt file of 2 GB or more, such as those in a webui's models/Stable-diffusion. Of your own there is none here yet; the demo's knows little drawn creatures only, and is for trying this out.",
    ),
  );
  const there = h("p", { class: "lw-dim", id: "lw-models-there", hidden: true });
  const look = () => {
    base.look();
    show(toys, onlyToys(store));
    const { host, rights } = store.state;
    setText(
      there,
      t("Put it, or a link to it, into {folder} on the server; it is found when this page is looked at again.", {
        folder: `${host.data}/models`,
      }),
    );
    show(there, onlyToys(store) && host.name === "alone" && rights.restricted && host.data);
    const names = store.state.projects;
    older.replaceChildren(
      ...(names.length ? [h("span", {}, t("Or open:")), ...names.map((one) => button(one, () => open(one), { line }))] : []),
    );
  };
  store.on("state", look);
  look();
  const element = h(
    "section",
    { class: "lw-start" },
    h("h2", {}, t("Pictures in, a LoRA out")),
    h(
      "p",
      {},
      t(
        "A project keeps together one subject's pictures, settings and runs. Twenty to a hundred pictures in one folder are a good beginning.",
      ),
    ),
    h("div", { class: "lw-line" }, h("span", { class: "lw-label" }, t("Pictures")), pick, send, chosen),
    h("div", { class: "lw-line" }, h("label", { class: "lw-label", htmlFor: "lw-first-project" }, t("Name")), name),
    h("div", { class: "lw-line" }, h("label", { class: "lw-label", htmlFor: "lw-first-base" }, t("Base model")), base.element),
    toys,
    there,
    h("div", { class: "lw-line" }, make),
    line,
    older,
  );
  return { element };
}

/** The one base model that is there besides the demo's; "" where there are more, or none. */
function onlyBase(store) {
  const own = store.state.checkpoints.filter((one) => !one.demo);
  return own.length === 1 ? own[0].path : "";
}
