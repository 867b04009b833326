// The prompts of the sample pictures, one a line, with an example for who has none.

import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";

const EVERY = ["sample_every_n_epochs", "sample_every_n_steps"];

function headingOf(number) {
  if (!number) return t("Sample pictures: no prompts yet");
  return number === 1 ? t("Sample pictures · 1 prompt") : t("Sample pictures · {count} prompts", { count: number });
}

/** The project's own words at the size that is trained. */
function exampleOf({ tag, reg, settings }) {
  const first = tag?.first ?? [];
  const tags = [...(Array.isArray(first) ? first : [first]), reg?.class_word || "1girl", "smile"];
  const [width, height = width] = String(settings?.resolution ?? 512)
    .split(/[,x]/)
    .map((side) => 64 * Math.max(1, Math.round(Number(side) / 64)) || 512);
  return `${tags.filter(Boolean).join(", ")} --w ${width} --h ${height} --s 20 --l 7 --d 420`;
}

export function promptsPart({ store }, form) {
  const field = h("textarea", { class: "lw-input", id: "lw-prompts", rows: 3, spellcheck: "false" });
  field.placeholder = t("for instance: {example}", { example: "penny, smile --w 512 --h 512 --s 20 --d 420" });
  const heading = h("summary", {});
  const never = h("span", {}, t("No samples are made until it is told how often."));
  const mend = h("button", {
    type: "button",
    class: "lw-button lw-small",
    on: { click: () => store.change({ settings: { sample_every_n_epochs: 1 } }) },
  });
  const warning = h("div", { class: "lw-line lw-why" }, never, mend);
  const example = button(
    t("Use an example"),
    () => {
      field.value = exampleOf(store.project);
      store.change({
        prompts: field.value,
        settings: { sample_every_n_epochs: store.project.settings?.sample_every_n_epochs ?? 1 },
      });
    },
    { kind: "lw-small" },
  );
  const element = h("details", { class: "lw-export" }, heading, field, h("div", { class: "lw-line" }, example), warning);
  const save = () => store.change({ prompts: field.value }); // at once: another project may be opened in a moment
  field.addEventListener("input", (event) => event.isComposing || save());
  field.addEventListener("compositionend", save);

  const look = () => {
    const { prompts = "", settings = {} } = store.project ?? {};
    if (document.activeElement !== field) field.value = prompts;
    const number = prompts.split("\n").filter((line) => line.trim() && !line.startsWith("#")).length;
    setText(heading, headingOf(number));
    setText(mend, t("After every epoch"));
    show(example, !number);
    show(warning, number && form.knows(EVERY[0]) && !EVERY.some((name) => settings[name]));
  };
  for (const topic of ["project", "opened"]) store.on(topic, look);
  look();
  return { element };
}
