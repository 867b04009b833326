// What goes between this device and the server's disk: pictures and captions up, the dataset down.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { menu } from "./parts.js";
import { chooseFiles } from "./upload_files.js";

export function filesMenu(app) {
  const { api, store } = app;
  const fill = (panel, close) => {
    const send = (label, id, options) => {
      const click = () => {
        close();
        upload(app, options);
      };
      return h("button", { type: "button", class: "lw-button lw-item", id, on: { click } }, label);
    };
    const take = (label, more) => {
      const href = api.url("download/dataset", { folder: store.project.dataset, ...more });
      return h("a", { class: "lw-button lw-item", href, download: "", on: { click: () => close() } }, label);
    };
    panel.append(
      h("p", { class: "lw-panel-title" }, t("From this device into the dataset")),
      send(t("Upload pictures, captions or a zip …"), "lw-upload-files", {}),
      send(t("Upload a folder …"), "lw-upload-folder", { folder: true }),
      h("p", { class: "lw-dim" }, t("Or drop files anywhere on the page. Nothing in the dataset is overwritten.")),
    );
    if (!store.project.dataset) return;
    panel.append(
      h("p", { class: "lw-panel-title" }, t("From the dataset to this device")),
      take(t("Download pictures and captions (zip)"), {}),
      take(t("Download the captions alone (zip)"), { captions: 1 }),
    );
  };
  const title = t("Upload pictures from this device, or download the dataset");
  return menu(t("Files"), fill, { kind: "lw-files", title }).element;
}

/** Asks for files and sends them. */
export async function upload(app, options = {}) {
  await app.upload(await chooseFiles(options));
}
