// Chooses a file by its name among those that are known, or by its path.

import { h, show } from "./dom.js";
import { baseName } from "./format.js";
import { t } from "./i18n.js";

const OTHER = "other";

/**
 * `groups()`: [[label, [{name, path}]], …]; `get()`: the chosen path, "" for none; `set(path)`. The field for a path has the
 * id `fileId`.
 */
export function fileChoice({ id, fileId = `${id}-file`, groups, get, set, none = t("none"), describedBy = null }) {
  const select = h("select", { class: "lw-input", id, "aria-describedby": describedBy });
  const field = h("input", {
    type: "text",
    class: "lw-input lw-wide",
    id: fileId,
    autocomplete: "off",
    spellcheck: "false",
    placeholder: t("a file's whole path"),
    "aria-label": t("a file's whole path"),
    hidden: true,
  });
  let drawn = "";
  select.addEventListener("change", () => {
    show(field, select.value === OTHER);
    if (select.value === OTHER) field.focus();
    else set(select.value);
  });
  field.addEventListener("change", () => set(field.value.trim()));
  return {
    parts: [select, field],
    look() {
      const chosen = get();
      const known = groups().filter(([, files]) => files.length);
      const mark = JSON.stringify([known.map(([, files]) => files.map((one) => one.path)), chosen]);
      if (mark !== drawn) {
        drawn = mark;
        const unknown = chosen && !known.some(([, files]) => files.some((one) => one.path === chosen));
        const options = (files) => files.map((one) => h("option", { value: one.path, title: one.path }, one.name));
        select.replaceChildren(
          h("option", { value: "" }, none),
          ...(unknown ? [h("option", { value: chosen, title: chosen }, baseName(chosen))] : []),
          ...known.map(([label, files]) => h("optgroup", { label }, options(files))),
          h("option", { value: OTHER }, t("another file …")),
        );
        show(field, false);
      }
      if (field.hidden) select.value = chosen;
    },
  };
}

/** LoRAs as groups: those of the open project's runs, and those in webui's LoRA folder. */
export function loraGroups(loras) {
  return [
    [t("of this project"), loras.filter((one) => one.job)],
    [t("in the LoRA folder"), loras.filter((one) => !one.job)],
  ];
}
