// How pictures are tagged: model, thresholds, what becomes of captions that are there, tags set first and left out.

import { h, setText, show } from "./dom.js";
import { plain } from "./format.js";
import { t } from "./i18n.js";
import { tagsOf } from "./tag_text.js";
import { isToFetch, isToy, tagValues } from "./tag_values.js";

export function tagOptions({ api, store }) {
  const change = (name, value) => store.change({ tag: { [name]: value } });
  const fields = [
    modelField(api, store, change),
    threshold(
      "general",
      t("General tags from"),
      t("Higher: fewer and surer tags. 0.35 is usual, 0.25 to 0.5 is reasonable."),
      change,
    ),
    threshold(
      "character",
      t("Characters from"),
      t("Names of known characters. 0.85 is usual; an unknown character is named by the first tag."),
      change,
    ),
    mcutField(change),
    modeField(change),
    tagsField(
      "first",
      t("First tag"),
      t("penny"),
      t("Set before all others in every caption: the word that will call your LoRA."),
      change,
      t(
        "Give your LoRA a word of its own here, such as a name: without one, no word of a prompt calls it. A style needs none.",
      ),
    ),
    tagsField("exclude", t("Leave out"), t("monochrome"), t("Tags that no caption gets."), change),
  ];
  const element = h(
    "div",
    { class: "lw-tag-options" },
    fields.map((one) => one.element),
  );
  const look = () => {
    const values = tagValues(store);
    fields.forEach((field) => field.put(values));
  };
  for (const topic of ["project", "state"]) store.on(topic, look);
  look();
  return { element };
}

/** A label, its fields and the help that is shown on hover and focus. */
export function row(id, label, help, ...fields) {
  const told = h("p", { class: "lw-help", role: "tooltip", id: `${id}-help` }, help);
  return h(
    "div",
    { class: "lw-set" },
    h("label", { class: "lw-set-label", htmlFor: id }, label),
    h("div", { class: "lw-set-field" }, fields),
    told,
  );
}

function modelField(api, store, change) {
  const select = h("select", { class: "lw-input", id: "lw-tagger", "aria-describedby": "lw-tagger-help" });
  select.addEventListener("change", () => change("model", select.value));
  const again = h(
    "button",
    {
      type: "button",
      class: "lw-button lw-small",
      title: t("Look for taggers again"),
      "aria-label": t("Look for taggers again"),
    },
    "⟳",
  );
  again.addEventListener("click", () => store.refresh().catch((error) => store.say(error.message)));
  const none = h(
    "p",
    { class: "lw-why", hidden: true },
    t(
      "No tagger is here yet. Put a WD tagger's folder (model.onnx and selected_tags.csv) into the models folder of webui or of LoRA Workbench.",
    ),
  );
  const fetched = h("p", { class: "lw-why", hidden: true }, t("It is fetched from the Hugging Face hub when tagging begins."));
  const toy = h(
    "p",
    { class: "lw-why", id: "lw-toy-tagger", hidden: true },
    t("This is the demo's tagger: it knows the demo's creatures and nothing else."),
  );
  const withheld = h("p", { class: "lw-why", id: "lw-no-fetching", hidden: true });
  const element = h(
    "div",
    {},
    row("lw-tagger", t("Tagger"), t("A WD14 tagger; newer ones know more tags."), select, again),
    none,
    fetched,
    toy,
    withheld,
  );
  let shown = "";
  return {
    element,
    put({ model }) {
      const { taggers, taggers_to_fetch: others = [] } = store.state;
      const wanted = JSON.stringify([taggers, others]);
      if (shown !== wanted) {
        shown = wanted;
        const here = taggers.map((one) => h("option", { value: one.path, title: one.path }, one.name));
        const names = others.map((name) => h("option", { value: name }, name));
        select.replaceChildren(...here, h("optgroup", { label: t("fetched when first used"), hidden: !names.length }, names));
      }
      show(none, !taggers.length && !others.length);
      show(fetched, isToFetch(store));
      show(toy, isToy(store, model));
      const why = store.state.withheld?.fetching;
      setText(withheld, why);
      show(withheld, why && !taggers.some((one) => !one.demo));
      select.value = model;
    },
  };
}

function threshold(name, label, help, change) {
  const id = `lw-${name}`;
  const field = h("input", {
    type: "text",
    inputmode: "decimal",
    class: "lw-input lw-number",
    id,
    "aria-describedby": `${id}-help`,
  });
  const slider = h("input", {
    type: "range",
    min: "0.05",
    max: "1",
    step: "0.01",
    class: "lw-slider",
    tabindex: "-1",
    "aria-hidden": "true",
  });
  const wrong = h("p", { class: "lw-field-error", role: "alert", hidden: true });
  const take = () => {
    const value = Number(field.value.trim().replace(",", "."));
    const good = field.value.trim() !== "" && value > 0 && value <= 1;
    setText(wrong, good ? "" : t("A number above 0, up to 1."));
    show(wrong, !good);
    if (!good) return;
    slider.value = String(value);
    change(name, value);
  };
  field.addEventListener("input", (event) => event.isComposing || take());
  slider.addEventListener("input", () => {
    field.value = plain(Number(slider.value));
    take();
  });
  const element = h("div", {}, row(id, label, help, field, slider), wrong);
  return {
    element,
    put(values) {
      if (document.activeElement === field) return;
      if (wrong.hidden) field.value = plain(Number(values[name]));
      slider.value = String(values[name]);
    },
  };
}

function mcutField(change) {
  const box = h("input", { type: "checkbox", id: "lw-mcut", "aria-describedby": "lw-mcut-help" });
  box.addEventListener("change", () => change("mcut", box.checked));
  const help = t("MCut finds the threshold for each picture: at the largest gap between scores.");
  return { element: row("lw-mcut", t("MCut"), help, box), put: ({ mcut }) => (box.checked = Boolean(mcut)) };
}

function modeField(change) {
  const modes = {
    "if-empty": [t("only empty ones"), t("writes where no caption is, or an empty one")],
    skip: [t("only new ones"), t("writes only where no caption file is")],
    append: [t("append"), t("adds what is new after the tags that are there")],
    prepend: [t("prepend"), t("adds what is new before them")],
    overwrite: [t("overwrite"), t("replaces them; it asks first, and Undo brings them back")],
  };
  const radios = Object.entries(modes).map(([mode, [label, words]]) => {
    const radio = h("input", { type: "radio", name: "lw-mode", value: mode, id: `lw-mode-${mode}` });
    radio.addEventListener("change", () => change("mode", mode));
    const told = h("label", { htmlFor: radio.id }, label, h("span", { class: "lw-dim" }, ` ${words}`));
    return { radio, element: h("div", { class: "lw-radio" }, radio, told) };
  });
  const element = h(
    "fieldset",
    { class: "lw-modes" },
    h("legend", {}, t("Captions that are there")),
    radios.map((one) => one.element),
  );
  return { element, put: ({ mode }) => radios.forEach((one) => (one.radio.checked = one.radio.value === mode)) };
}

/** `lacking`: what is said while the field is empty. */
function tagsField(name, label, example, help, change, lacking = "") {
  const id = `lw-${name}`;
  const field = h("input", {
    type: "text",
    class: "lw-input",
    id,
    placeholder: t("for instance: {example}", { example }),
    autocomplete: "off",
    "aria-describedby": `${id}-help`,
  });
  const take = () => change(name, tagsOf(field.value));
  field.addEventListener("input", (event) => event.isComposing || take());
  field.addEventListener("compositionend", take);
  const told = h("p", { class: "lw-why", id: `${id}-lacking`, hidden: true }, lacking);
  return {
    element: h("div", {}, row(id, label, help, field), told),
    put(values) {
      const tags = values[name];
      show(told, lacking && !tags.length);
      if (document.activeElement === field) return;
      field.value = Array.isArray(tags) ? tags.join(", ") : tags;
    },
  };
}
