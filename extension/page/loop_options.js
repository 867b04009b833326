// What a loop is asked to be: rounds, candidates, who accepts. Remembered by the window; a loop that has begun keeps its own.

import { h, setText, show } from "./dom.js";
import { plain } from "./format.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { row } from "./tag_options.js";

const USUAL = {
  rounds: 5,
  epochs: 10,
  candidates: 12,
  prompts: "",
  accept_by: "person",
  wanted: "",
  wanted_above: 0.5,
  accept_most: 6,
  leave_out: "",
  strength: 1,
  steps: 20,
  cfg: 6,
};

/** `values()` are what is asked; `wrong()` says whether a field can't be taken as it is. */
export function loopOptions(changed) {
  let values = { ...USUAL, ...recall("loop-options", {}) };
  const bad = new Set();
  const set = (name, value) => {
    values = { ...values, [name]: value };
    remember("loop-options", values);
    look();
    changed();
  };
  const number = (name, { label, help, low, high, whole = true }) => {
    const id = `lw-loop-${name.replace("_", "-")}`;
    const props = { type: "text", class: "lw-input", id, inputmode: "decimal", autocomplete: "off" };
    const field = h("input", { ...props, value: plain(values[name]), "aria-describedby": `${id}-help` });
    const line = h("p", { class: "lw-field-error", role: "alert", hidden: true });
    field.addEventListener("input", () => {
      const value = Number(field.value.replace(",", "."));
      const good = field.value.trim() && value >= low && value <= high && (!whole || Number.isInteger(value));
      const limits = { low: plain(low), high: plain(high) };
      setText(line, good ? "" : t("A number from {low} to {high}.", limits));
      show(line, !good);
      if (good) bad.delete(name);
      else bad.add(name);
      if (good) set(name, value);
      else changed();
    });
    return h("div", {}, row(id, label, help, field), line);
  };
  const text = (name, { label, help, rows = 0, placeholder = "" }) => {
    const id = `lw-loop-${name.replace("_", "-")}`;
    const props = { class: "lw-input", id, spellcheck: "false", autocomplete: "off", placeholder, value: values[name] };
    const field = h(rows ? "textarea" : "input", { ...props, ...(rows ? { rows } : { type: "text" }) });
    field.addEventListener("input", () => set(name, field.value));
    return row(id, label, help, field);
  };
  const ways = [
    ["person", t("I do")],
    ["tagger", t("the tagger")],
  ].map(([name, words]) => {
    const choose = () => set("accept_by", name);
    const props = { type: "button", class: "lw-segment", id: `lw-loop-by-${name}`, on: { click: choose } };
    return [name, h("button", props, words)];
  });
  const by = h(
    "div",
    { class: "lw-test-ways" },
    h("span", { class: "lw-set-label" }, t("Who accepts")),
    h("div", { class: "lw-segments", role: "group", "aria-label": t("Who accepts") }, ways.map(([, one]) => one)),
  );
  const rule = h(
    "div",
    {},
    text("wanted", { label: t("Must show"), help: t("Tags that the tagger must see in a picture, with commas between them.") }),
    number("wanted_above", { label: t("Score above"), help: t("For each of these tags."), low: 0.001, high: 0.999, whole: false }),
    number("accept_most", { label: t("At most"), help: t("Pictures that a round may take in by itself."), low: 1, high: 200 }),
  );
  const element = h(
    "div",
    { class: "lw-test-options" },
    number("rounds", { label: t("Rounds"), help: t("Trainings in all; the last one draws no candidates."), low: 1, high: 100 }),
    number("epochs", { label: t("Epochs"), help: t("Of each training: quick ones, 10 are usual."), low: 1, high: 1000 }),
    number("candidates", { label: t("Candidates"), help: t("Pictures drawn in each round."), low: 1, high: 200 }),
    number("strength", { label: t("Strength"), help: t("Of the LoRA when it draws."), low: -5, high: 5, whole: false }),
    number("cfg", { label: "CFG", help: t("5 to 7 is usual; higher teaches glaring colours."), low: 1, high: 50, whole: false }),
    number("steps", { label: t("Sampling steps"), help: t("20 is usual."), low: 1, high: 500 }),
    text("prompts", {
      label: t("Prompts"),
      help: t("One a line; SUBJECT stands for the activation tag. Without any, the stored lists are taken."),
      rows: 3,
      placeholder: "SUBJECT, smile",
    }),
    text("leave_out", {
      label: t("Leave out"),
      help: t("Tags that captions don't name: the activation tag comes to stand for them."),
    }),
    by,
    rule,
  );
  const look = () => {
    for (const [name, one] of ways) one.setAttribute("aria-pressed", String(values.accept_by === name));
    show(rule, values.accept_by === "tagger");
  };
  look();
  return { element, values: () => values, wrong: () => bad.size > 0 };
}
