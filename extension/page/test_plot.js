// The same grid for webui's own X/Y/Z plot, to copy.

import { copyFrom } from "./clipboard.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, errorLine } from "./parts.js";

export function plotPart(model) {
  const line = errorLine();
  const text = h("textarea", {
    class: "lw-input lw-export-text",
    id: "lw-test-plot",
    rows: 8,
    readOnly: true,
    spellcheck: "false",
  });
  text.setAttribute("aria-label", t("Values for webui's X/Y/Z plot"));
  const told = h("span", { class: "lw-told", role: "status" });
  const copy = button(t("Copy"), async () => setText(told, await copyFrom(text)), { line });
  const element = h(
    "details",
    { class: "lw-export", hidden: true },
    h("summary", {}, t("For webui's own X/Y/Z plot …")),
    text,
    h("div", { class: "lw-line" }, copy, told),
    line,
  );
  model.on("grid", () => {
    show(element, model.grid?.plot);
    text.value = model.grid?.plot ?? "";
    setText(told, "");
  });
  return { element };
}
