// The settings as a file to take away: kohya's TOML, a script for bash or PowerShell, or a notebook for a rented machine.

import { copyFrom } from "./clipboard.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, errorLine } from "./parts.js";

const KINDS = [
  ["toml", "TOML"],
  ["bash", "bash"],
  ["powershell", "PowerShell"],
];

export function exportView({ api, store }) {
  const line = errorLine();
  const text = h("textarea", { class: "lw-input lw-export-text", rows: 10, readOnly: true, spellcheck: "false" });
  text.setAttribute("aria-label", t("The settings as a file"));
  const name = h("span", { class: "lw-dim" });
  const told = h("span", { class: "lw-told", role: "status" });
  let file = { name: "", text: "" };
  let asked = 0;
  const make = (as) => async () => {
    const own = (asked += 1);
    const made = await api.post("export", { settings: store.runSettings(), as });
    if (own !== asked) return;
    file = made;
    text.value = file.text;
    setText(name, file.name);
    setText(told, "");
    show(result, true);
  };
  const copy = async () => setText(told, await copyFrom(text));
  const result = h(
    "div",
    { hidden: true },
    text,
    h(
      "div",
      { class: "lw-line" },
      button(t("Copy"), copy, { line }),
      button(t("Save as a file"), () => download(file), { line }),
      name,
      told,
    ),
  );
  const kinds = [...KINDS, ["notebook", t("Notebook")]];
  const buttons = kinds.map(([as, words]) => button(words, make(as), { line, kind: "lw-small" }));
  return {
    element: h(
      "details",
      { class: "lw-export" },
      h("summary", {}, t("Export …")),
      h("div", { class: "lw-line" }, buttons),
      line,
      result,
    ),
  };
}

export function download({ name, text }) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
