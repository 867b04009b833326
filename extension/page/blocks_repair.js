// Old and wrong `<lora:…>` words: pasted, mended, with what was wrong.

import { copyFrom } from "./clipboard.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, errorLine, sign } from "./parts.js";

export function repairPart({ api }) {
  const line = errorLine();
  const given = h("textarea", {
    class: "lw-input",
    id: "lw-blocks-given",
    rows: 2,
    spellcheck: "false",
    "aria-label": t("A prompt as you found it"),
    placeholder: "<lora:penny:1:1:lwb=OUTX:x=0.5>   <lora:penny:1:OUTX:0.5>",
  });
  const mended = h("textarea", { class: "lw-input", id: "lw-blocks-mended", rows: 2, readOnly: true, "aria-label": t("Mended") });
  const told = h("span", { class: "lw-dim", role: "status" });
  const lines = h("div", { id: "lw-blocks-mended-lines" });
  const copy = button(t("Copy"), async () => setText(told, await copyFrom(mended)), { line, kind: "lw-small" });
  const result = h("div", { class: "lw-blocks-result", hidden: true }, mended, h("div", { class: "lw-line" }, copy, told), lines);
  const mend = async () => {
    const answer = await api.post("blocks/repair", { prompt: given.value });
    mended.value = answer.prompt;
    setText(told, "");
    const good = h("span", { class: "lw-problem-words" }, t("Nothing is wrong with it."));
    const found = answer.lines.map((one) =>
      h("div", { class: "lw-problem" }, sign("warning"), h("span", { class: "lw-problem-words" }, one)),
    );
    lines.replaceChildren(...(found.length ? found : [h("div", { class: "lw-problem" }, sign("good"), good)]));
    show(result, true);
  };
  const element = h(
    "details",
    { class: "lw-blocks-repair" },
    h("summary", {}, t("Mend a prompt with old or wrong block weights")),
    given,
    h("div", { class: "lw-line" }, button(t("Mend"), mend, { line, id: "lw-blocks-mend" })),
    line,
    result,
  );
  return { element };
}
