// One setting of the form: plain label, kohya's name in grey, its field, help on hover and focus, and what is wrong with it.

import { folderIcon, h, setAttribute, setText, show } from "./dom.js";
import { openFolderPicker } from "./folder_picker.js";
import { settingLabel } from "./glossary.js";
import { t } from "./i18n.js";
import { disable } from "./parts.js";
import { isGiven, rangeWords, read, same, shown } from "./values.js";

/**
 * `form` has value(name), preset(name), blocked(setting) → sentence or "", and set(name, value).
 * The control reads from it at `refresh` and never changes a field that someone writes in.
 */
export function makeControl(setting, form, app) {
  const id = setting.id ?? `lw-set-${setting.name}`;
  const field = fieldFor(setting, id);
  const wrong = h("p", { class: "lw-field-error", role: "alert", hidden: true });
  const why = h("p", { class: "lw-why", id: `${id}-why`, hidden: true });
  const back = h("button", { type: "button", class: "lw-back", hidden: true }, "↺");
  const help = h("div", { class: "lw-help", role: "tooltip", id: `${id}-help` }, ...helpLines(setting));
  field.setAttribute("aria-describedby", `${id}-help ${id}-why`);

  const take = () => {
    try {
      const value = setting.kind === "flag" ? field.checked || null : read(setting, field.value);
      show(wrong, false);
      setAttribute(field, "aria-invalid", null);
      if (!same(value, form.value(setting.name))) form.set(setting.name, value);
    } catch (error) {
      setText(wrong, error.message);
      show(wrong, true);
      setAttribute(field, "aria-invalid", "true");
    }
  };
  const put = () => {
    const value = form.value(setting.name);
    if (setting.kind === "flag") field.checked = Boolean(value);
    else field.value = shown(setting, value);
    if (field.tagName === "TEXTAREA") field.rows = Math.max(1, Math.min(8, field.value.split("\n").length));
  };
  field.addEventListener(field.matches("select, [type=checkbox]") ? "change" : "input", (event) => event.isComposing || take());
  field.addEventListener("compositionend", take);
  field.addEventListener("blur", () => wrong.hidden && put());
  back.addEventListener("click", () => {
    form.set(setting.name, form.preset(setting.name) ?? null);
    show(wrong, false);
    put();
    field.focus();
  });

  const refresh = () => {
    if (document.activeElement !== field && wrong.hidden) put();
    const reason = form.blocked(setting);
    disable(field, reason);
    setText(why, reason);
    show(why, reason);
    const changed = !same(form.value(setting.name), form.preset(setting.name));
    row.classList.toggle("lw-changed", changed);
    const before = form.preset(setting.name);
    back.title = isGiven(before) ? t("Back to the preset's {value}", { value: shown(setting, before) }) : t("Back to nothing");
    setAttribute(back, "aria-label", back.title);
    show(back, changed && !reason);
  };

  const label = h("label", { class: "lw-set-label", htmlFor: id }, settingLabel(setting));
  const holder = h("div", { class: "lw-set-field" }, field, folderButton(setting, field, app), unit(setting), back);
  const row = h("div", { class: `lw-set lw-kind-${setting.kind}`, "data-name": setting.name }, label, holder, wrong, why, help);
  return { row, refresh, words: `${setting.label} ${setting.name} ${setting.help}`.toLowerCase(), field };
}

function fieldFor(setting, id) {
  const empty = isGiven(setting.default) ? shown(setting, setting.default) : "";
  if (setting.kind === "flag") return h("input", { type: "checkbox", id });
  if (setting.choices?.length) {
    const none = empty ? t("as usual: {value}", { value: empty }) : "–";
    const options = [["", none], ...setting.choices.map((one) => [String(one), String(one)])];
    return h(
      "select",
      { class: "lw-input", id },
      options.map(([value, words]) => h("option", { value }, words)),
    );
  }
  const common = { class: "lw-input", id, spellcheck: "false", autocomplete: "off", placeholder: empty };
  return setting.kind === "strings" ? h("textarea", { ...common, rows: 1 }) : h("input", { type: "text", ...common });
}

function unit(setting) {
  return setting.unit ? h("span", { class: "lw-unit" }, setting.unit) : null;
}

function folderButton(setting, field, app) {
  if (setting.kind !== "path" || !/(_dir|folder)$/.test(setting.name)) return null;
  const choose = async () => {
    if (field.disabled || app.store.state.rights.hide_folders) return;
    const folder = await openFolderPicker(app, field.value);
    if (!folder) return;
    field.value = folder;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  return h(
    "button",
    { type: "button", class: "lw-button lw-small", "aria-label": t("Choose a folder"), on: { click: choose } },
    folderIcon(),
  );
}

function helpLines(setting) {
  const range = rangeWords(setting);
  const usual = isGiven(setting.default) ? t("without it: {value}", { value: shown(setting, setting.default) }) : "";
  const more = [range, usual].filter(Boolean).join(" · ");
  return [h("p", {}, setting.help), more ? h("p", { class: "lw-dim" }, more) : null];
}
