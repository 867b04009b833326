// What a test varies, as the project keeps it, and fields for it: lists of numbers, single numbers, texts.

import { h, setAttribute, setText, show } from "./dom.js";
import { plain } from "./format.js";
import { t } from "./i18n.js";
import { row } from "./tag_options.js";

const USUAL = {
  run: "",
  snapshots: [],
  loras: [],
  parts: false,
  strength: [0.5, 0.8, 1, 1.2],
  te: [0.1, 0.25, 0.5, 1, 2],
  unet: [0.1, 0.25, 0.5, 1, 2],
  lbw: [],
  x: [],
  together: [],
  suites: ["first_look"],
  prompts: "",
  subject: "",
  negative: "",
  seeds: [1],
  cfg: [7],
  steps: 20,
  more_steps: [],
  sampler: "Euler a",
  more_samplers: [],
  clip_skip: [],
  schedule: "Automatic",
  width: 0,
  height: 0,
  checkpoints: [],
  rows: "",
  columns: "",
  base: true,
  tagger: "",
  prior_count: 8,
  prior_prompt: "",
};

/** The project's test options with what is usual where it has none. */
export function testValues(store) {
  return { ...USUAL, ...store.project?.test };
}

/** The tags that call the LoRA, as the captions have them first. */
export function activationOf(store) {
  const first = store.project?.tag?.first ?? [];
  return (Array.isArray(first) ? first : [first]).filter(Boolean).join(", ");
}

/**
 * A field for one number, or with `list` for several with spaces between them; `none`: what 0 is shown as. `place`: the section, where
 * two have a field of the same value.
 */
export function numberField(
  store,
  name,
  { label, help, low, high, whole = false, list = false, none = "", optional = false, presets = [], place = "test" },
) {
  const id = `lw-${place}-${name.replace("_", "-")}`;
  const field = h("input", {
    type: "text",
    class: "lw-input",
    id,
    inputmode: list ? "text" : "decimal",
    autocomplete: "off",
    placeholder: none,
    "aria-describedby": `${id}-help`,
  });
  const wrong = h("p", { class: "lw-field-error", role: "alert", hidden: true });
  const take = () => {
    const words = field.value
      .replaceAll(list ? /[,;]/g : ";", " ")
      .replaceAll(list ? /\s+(?=[([])/g : /$^/g, "") // "0.5-1 (+0.1)" is one word
      .split(/\s+/)
      .filter(Boolean);
    const values = words.flatMap((word) => (list && spread(word)) || Number(word.replace(",", ".")));
    const fits = (one) => Number.isFinite(one) && one >= low && one <= high && (!whole || Number.isInteger(one));
    const empty = !values.length && (none || optional);
    const good = empty || (values.length && values.every(fits) && (list || values.length === 1));
    const limits = { low: plain(low), high: plain(high) };
    const numbers = whole ? t("Whole numbers from {low} to {high}.", limits) : t("Numbers from {low} to {high}.", limits);
    const number = whole ? t("A whole number from {low} to {high}.", limits) : t("A number from {low} to {high}.", limits);
    setText(wrong, good ? "" : list ? numbers : number);
    show(wrong, !good);
    setAttribute(field, "aria-invalid", good ? null : "true");
    if (good) store.change({ test: { [name]: list ? [...new Set(values)] : (values[0] ?? 0) } });
  };
  field.addEventListener("input", (event) => event.isComposing || take());
  const quick = presets.map(([words, values, title]) => {
    const use = () => store.change({ test: { [name]: values } });
    return h("button", { type: "button", class: "lw-link", title, on: { click: use } }, words);
  });
  const put = () => {
    if (document.activeElement === field) return;
    const value = testValues(store)[name];
    if (!wrong.hidden) return;
    field.value = list ? value.map(plain).join("  ") : none && !value ? "" : plain(value);
  };
  const several = quick.length > 1 ? h("div", { class: "lw-line lw-test-quick" }, quick) : null;
  const element = h("div", {}, row(id, label, help, field, several ? null : quick), several, wrong);
  return { element, put };
}

const NUMBER = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)";
const RANGE = new RegExp(`^(${NUMBER})-(${NUMBER})(?:\\(([+-]?${NUMBER})\\)|\\[(\\d+)\\])?$`);
const MOST = 1000;

/** The numbers of a range as webui's X/Y/Z plot takes them: "0.5-1.5(+0.25)", "0-1[5]", "1-4"; null where it is none. */
export function spread(word) {
  const [, low, high, step, count] = RANGE.exec(word) ?? [];
  if (low === undefined) return null;
  const [first, last] = [Number(low), Number(high)];
  const by = count ? (count > 1 ? (last - first) / (count - 1) : 0) : step ? Number(step) : last < first ? -1 : 1;
  const number = count ? Number(count) : by ? Math.floor((last - first) / by + 1e-9) + 1 : 0;
  if (!(number >= 1 && number <= MOST)) return [Number.NaN];
  return Array.from({ length: number }, (_, place) => Number((first + place * by).toPrecision(10)));
}

/** A field for several words or lines: `mark` stands between them. */
export function listField(store, name, { label, help, placeholder, mark }) {
  const id = `lw-test-${name}`;
  const common = { class: "lw-input", id, placeholder, spellcheck: "false", "aria-describedby": `${id}-help` };
  const field = mark === "\n" ? h("textarea", { ...common, rows: 2 }) : h("input", { type: "text", ...common });
  const take = () => {
    const values = field.value.split(mark === "\n" ? "\n" : /\s+/).map((one) => one.trim());
    store.change({ test: { [name]: [...new Set(values.filter(Boolean))] } });
  };
  field.addEventListener("change", take);
  const put = () => {
    if (document.activeElement !== field) field.value = testValues(store)[name].join(mark);
  };
  return { element: row(id, label, help, field), put };
}

/** A field for text. */
export function textField(store, name, { label, help, placeholder = () => "", rows = 0 }) {
  const id = `lw-test-${name.replace("_", "-")}`;
  const common = { class: "lw-input", id, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-help` };
  const field = rows ? h("textarea", { ...common, rows }) : h("input", { type: "text", ...common });
  const take = () => store.change({ test: { [name]: field.value } });
  field.addEventListener("input", (event) => event.isComposing || take());
  field.addEventListener("compositionend", take);
  const put = () => {
    setAttribute(field, "placeholder", placeholder());
    if (document.activeElement !== field) field.value = testValues(store)[name];
  };
  return { element: row(id, label, help, field), put };
}

/** A field to choose from; `choices()` → [[value, words]]. */
export function choiceField(store, name, { label, help, choices, place = "test" }) {
  const id = `lw-${place}-${name}`;
  const select = h("select", { class: "lw-input", id, "aria-describedby": `${id}-help` });
  select.addEventListener("change", () => store.change({ test: { [name]: select.value } }));
  let shown = "";
  const put = () => {
    const known = choices();
    if (shown !== JSON.stringify(known)) {
      shown = JSON.stringify(known);
      select.replaceChildren(...known.map(([value, words]) => h("option", { value }, words)));
    }
    select.value = testValues(store)[name];
  };
  return { element: row(id, label, help, select), put };
}
