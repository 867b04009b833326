// Which base model a LoRA is trained on: the known ones to choose from and, without webui, a folder that more of them lie in.

import { h } from "./dom.js";
import { openFolderPicker } from "./folder_picker.js";
import { baseName } from "./format.js";
import { t } from "./i18n.js";

const OTHER = "other-folder";

/**
 * A select of the base models. `get()`: the chosen path, "" for none; `set(path)`; `tell(sentence)` says what went wrong, and
 * takes it back with "".
 */
export function baseSelect(app, { id, get, set, tell }) {
  const { store } = app;
  const select = h("select", { class: "lw-input lw-base", id });
  let shown = "";
  const look = () => {
    const chosen = get();
    const models = [...store.state.checkpoints];
    if (chosen && !models.some((one) => one.path === chosen)) models.push({ name: baseName(chosen), path: chosen });
    const wanted = JSON.stringify(models);
    if (wanted !== shown) {
      shown = wanted;
      const none = models.length ? t("choose a base model") : t("no checkpoint found");
      select.replaceChildren(
        h("option", { value: "" }, none),
        ...models.map((one) => h("option", { value: one.path, title: one.path }, one.name)),
        ...(mayAdd(store) ? [h("option", { value: OTHER }, t("models in another folder …"))] : []),
      );
    }
    if (document.activeElement !== select || select.value !== chosen) select.value = chosen ?? "";
    select.title = chosen || t("The model that the LoRA is trained on");
  };
  select.addEventListener("change", async () => {
    if (select.value !== OTHER) return set(select.value);
    select.value = get() ?? "";
    tell("");
    try {
      const found = await addFolder(app);
      if (found?.length === 1) set(found[0].path);
    } catch (error) {
      tell(error.message);
    }
  });
  return { element: select, look };
}

/** In webui its own folder is where base models are; alone somebody has to say it. */
const mayAdd = (store) => store.state.host.name === "alone" && !store.state.rights.restricted;

/** Asks for a folder and looks there from now on; resolves to the models in it, or null. An error where it has none. */
async function addFolder(app) {
  const { api, store } = app;
  const folder = await openFolderPicker(app, store.state.options.models_folder ?? "", { models: true });
  if (!folder) return null;
  await api.post("options", { models_folder: folder });
  await store.refresh();
  const found = store.state.checkpoints.filter((one) => one.path.startsWith(folder));
  if (!found.length) throw new Error(t("There is no base model in {folder}: no .safetensors or .ckpt file.", { folder }));
  return found;
}

/** Whether nothing but the demo's toy model is there. */
export const onlyToys = (store) => store.state.checkpoints.every((one) => one.demo);
