// Above the drawing: the preset, for which list of blocks, what X stands for; and the presets file, in which presets are kept.

import { blockValues, hasX } from "./blocks_model.js";
import { h, show } from "./dom.js";
import { t } from "./i18n.js";
import { ask, button, disable, errorLine, menu, sign } from "./parts.js";
import { numberField } from "./reg_fields.js";

export function presetBar({ store }, model) {
  const preset = h("select", { class: "lw-input", id: "lw-blocks-preset" });
  const list = h("select", { class: "lw-input", id: "lw-blocks-list" });
  preset.addEventListener("change", () => model.take(preset.value));
  list.addEventListener("change", () => model.setLength(Number(list.value)));
  const x = numberField("lw-blocks-x", "X =", {
    low: -100,
    high: 100,
    get: () => blockValues(store).x,
    set: (value) => model.change({ x: value }),
  });
  const keep = menu(t("Save, rename, delete"), (panel, close) => fillMenu(panel, close, store, model));
  keep.opener.id = "lw-blocks-keep";
  const lines = h("div", { class: "lw-blocks-lines", hidden: true });
  const element = h(
    "div",
    {},
    h(
      "div",
      { class: "lw-line lw-blocks-bar" },
      h("label", { htmlFor: "lw-blocks-preset" }, t("Preset")),
      preset,
      h("label", { htmlFor: "lw-blocks-list" }, t("for")),
      list,
      x.element,
      keep.element,
    ),
    x.wrong,
    lines,
  );
  let drawn = "";

  const look = () => {
    if (!model.info) return;
    const values = blockValues(store);
    const presets = model.presets();
    const mark = JSON.stringify([values.values.length, presets.map((one) => [one.name, one.own])]);
    if (mark !== drawn) {
      drawn = mark;
      const group = (label, own) => {
        const options = presets.filter((one) => one.own === own).map((one) => h("option", { value: one.name }, one.name));
        return options.length ? h("optgroup", { label }, options) : null;
      };
      const none = h("option", { value: "" }, t("numbers of your own"));
      const groups = [none, group(model.info.file_name, true), group(t("of this program"), false)];
      preset.replaceChildren(...groups.filter(Boolean));
      const words = (one) => t("{length} blocks: {title}", { length: one.length, title: one.title });
      list.replaceChildren(...model.info.lists.map((one) => h("option", { value: String(one.length) }, words(one))));
    }
    preset.value = presets.some((one) => one.name === values.preset) ? values.preset : "";
    list.value = String(values.values.length);
    x.put();
    x.element.classList.toggle("lw-blocks-idle", !hasX(values.values));
    drawLines(lines, model);
  };
  model.on("info", look);
  model.on("values", look);
  look();
  return { element };
}

/** What lora-block-weight passes over in the file, and lists of 25 that lack BASE. */
function drawLines(place, model) {
  const line = errorLine();
  const notices = model.info.lines.map((one) =>
    h("div", { class: "lw-problem" }, sign("warning"), h("span", { class: "lw-problem-words" }, one)),
  );
  const mends = model.info.without_base.map((name) =>
    button(t("Put BASE before {name}", { name }), () => model.keep({ do: "insert_base", name }), { line, kind: "lw-small" }),
  );
  const parts = [...notices, mends.length && !model.info.reason ? h("div", { class: "lw-line" }, mends) : null, line];
  const mark = JSON.stringify([model.info.lines, model.info.without_base, model.info.reason]);
  show(place, notices.length);
  if (place.dataset.mark === mark) return;
  place.dataset.mark = mark;
  place.replaceChildren(...parts.filter(Boolean));
}

function fillMenu(panel, close, store, model) {
  const { preset, values } = blockValues(store);
  const own = model.presets().find((one) => one.name === preset)?.own;
  const line = errorLine();
  const question = h("div", { class: "lw-ask", role: "group", hidden: true });
  const name = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-blocks-name",
    value: preset,
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": t("Name of the preset"),
  });
  const wanted = () => name.value.trim();
  const save = async () => {
    const there = model.info.presets.some((one) => one.name === wanted());
    const sure = t("{name} is there already. Replace its numbers?", { name: wanted() });
    if (there && !(await ask(question, sure, t("Replace")))) return;
    await model.keep({ do: "set", name: wanted(), values });
    model.change({ preset: wanted() });
    close();
  };
  const rename = async () => {
    await model.keep({ do: "rename", name: preset, to: wanted() });
    model.change({ preset: wanted() });
    close();
  };
  const remove = async () => {
    if (!(await ask(question, t("Delete the preset {name}?", { name: preset }), t("Delete")))) return;
    await model.keep({ do: "remove", name: preset });
    model.change({ preset: "" });
    close();
  };
  const buttons = [
    button(t("Save"), save, { line, kind: "lw-strong", id: "lw-blocks-save" }),
    own ? button(t("Rename {name}", { name: preset }), rename, { line, id: "lw-blocks-rename" }) : null,
    own ? button(t("Delete {name}", { name: preset }), remove, { line, kind: "lw-danger", id: "lw-blocks-delete" }) : null,
  ].filter(Boolean);
  name.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // else it would answer the question that may come
    buttons[0].click();
  });
  const why = errorLine();
  for (const one of buttons) disable(one, model.info.reason, why);
  panel.append(
    h("p", { class: "lw-panel-title" }, t("These numbers as a preset")),
    name,
    h("div", { class: "lw-line" }, buttons),
    question,
    line,
    why,
    h("p", { class: "lw-dim" }, whereWords(model.info)),
    model.info.file ? h("p", { class: "lw-path" }, model.info.file) : null,
  );
}

function whereWords({ shared }) {
  const own = t("Kept in the data folder, in the format of lora-block-weight; all other lines of the file stay as they are.");
  const theirs = t(
    "Kept in lora-block-weight's own file; all other lines stay as they are. The extension reads it at its start, or by its Reload Presets.",
  );
  return shared ? theirs : own;
}
