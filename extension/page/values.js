// Settings as text and back, by kind. `read` gives the value as JSON, null for nothing, or throws a sentence.

import { plain } from "./format.js";
import { t } from "./i18n.js";

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** The value as it stands in its field: numbers without exponents. */
export function shown(setting, value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map((one) => shown(setting, one)).join(setting.kind === "strings" ? "\n" : ", ");
  return typeof value === "number" ? plain(value) : String(value);
}

export function read(setting, text) {
  const words = text.trim();
  if (words === "") return null;
  const chosen = (setting.choices ?? []).find((one) => String(one) === words);
  if (chosen !== undefined) return chosen;
  const reader = READERS[setting.kind];
  return reader ? reader(words, setting) : words;
}

const READERS = {
  int: (words, setting) => inRange(whole(words), setting),
  float: (words, setting) => inRange(number(words), setting),
  int_or_float: (words, setting) => {
    const value = inRange(number(words), setting);
    if (value >= 1 && !Number.isInteger(value)) throw new Error(t("A whole number of steps, or a share below 1."));
    return value;
  },
  floats: (words, setting) => {
    const values = words
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((one) => inRange(number(one), setting));
    return values.length === 1 ? values[0] : values;
  },
  strings: (words) =>
    words
      .split("\n")
      .map((one) => one.trim())
      .filter(Boolean),
  size: (words) => {
    const match = /^(\d+)(?:\s*[,x×]\s*(\d+))?$/i.exec(words);
    if (!match) throw new Error(t("Write 512, or width and height as 512,768."));
    return match[2] ? `${match[1]},${match[2]}` : match[1];
  },
  range: (words) => {
    const match = /^([\d.]+)\s*[,–]\s*([\d.]+)$/.exec(words);
    if (!match) throw new Error(t("Write the lowest and the highest as 1.0,2.0."));
    return `${match[1]},${match[2]}`;
  },
};

function number(words) {
  const text = words.replace("−", "-");
  if (!NUMBER.test(text)) throw new Error(t("{words} is not a number; write for instance 0.0001 or 1e-4.", { words }));
  return Number(text);
}

function whole(words) {
  const value = number(words);
  if (!Number.isSafeInteger(value)) throw new Error(t("{words} is not a whole number.", { words }));
  return value;
}

function inRange(value, setting) {
  const { minimum: low, maximum: high } = setting;
  if ((low ?? null) !== null && value < low) throw new Error(t("At least {low}.", { low: plain(low) }));
  if ((high ?? null) !== null && value > high) throw new Error(t("At most {high}.", { high: plain(high) }));
  return value;
}

/** The range in words, or "". */
export function rangeWords({ minimum: low, maximum: high }) {
  const has = (one) => one !== null && one !== undefined;
  if (has(low) && has(high)) return t("{low} to {high}", { low: plain(low), high: plain(high) });
  if (has(low)) return t("{low} or more", { low: plain(low) });
  return has(high) ? t("{high} or less", { high: plain(high) }) : "";
}

/** Whether a value says something: what is empty or off conflicts with nothing. */
export function isGiven(value) {
  return value !== null && value !== undefined && value !== false && value !== "" && !(Array.isArray(value) && !value.length);
}

export function same(first, second) {
  return JSON.stringify(first ?? null) === JSON.stringify(second ?? null);
}
