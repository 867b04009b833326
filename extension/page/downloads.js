// Links by which a run's files come to this device: its LoRAs one by one, and all of it as a zip.

import { h, keyed, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { isLive } from "./runs.js";

export function runDownloads({ api }) {
  const newest = h("a", { class: "lw-button lw-small", id: "lw-download-lora", download: "" });
  const all = h("a", { class: "lw-button lw-small", id: "lw-download-run", download: "" }, t("Download all of the run (zip)"));
  const list = h("div", { class: "lw-line" });
  const older = h("details", {}, h("summary", {}, t("all files of the run")), list);
  const element = h("div", { class: "lw-line lw-downloads", hidden: true }, newest, all, older);
  const address = (job, name) => api.url(`download/run/${encodeURIComponent(job.id)}/file`, { name });
  return {
    element,
    look(job, details) {
      const names = [...new Set((details?.saved ?? []).map((one) => one.name).filter((name) => name.endsWith(".safetensors")))];
      show(element, names.length && job.kind === "train");
      if (!names.length) return;
      const last = names[names.length - 1];
      newest.href = address(job, last);
      setText(newest, t("Download {name}", { name: last }));
      all.href = api.url(`download/run/${encodeURIComponent(job.id)}`);
      show(all, !isLive(job));
      show(older, names.length > 1);
      keyed(
        list,
        names.map((name) => ({ name, key: `${job.id}/${name}` })),
        (one) => one.key,
        (one) => h("a", { class: "lw-link", href: address(job, one.name), download: "" }, one.name),
      );
    },
  };
}
