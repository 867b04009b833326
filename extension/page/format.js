// Numbers, times and sizes as people read them.

import { locale, t } from "./i18n.js";

/** 1040 → "1,040". */
export function count(number) {
  return Math.round(number).toLocaleString(locale());
}

/** A number without an exponent: 1e-4 → "0.0001"; no separators, so that it can be typed back. */
export function plain(number) {
  if (!Number.isFinite(number)) return "";
  return number.toLocaleString("en-US", { maximumSignificantDigits: 15, useGrouping: false });
}

/** A measured number with a few digits: 0.094312 → "0.0943". */
export function rounded(number, digits = 3) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  return Number(number).toLocaleString("en-US", { maximumSignificantDigits: digits, useGrouping: false });
}

export function percent(part, whole) {
  return whole > 0 ? Math.floor((100 * part) / whole) : 0;
}

export function bytes(number) {
  if (number === null || number === undefined) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = number;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${rounded(size, size < 10 ? 2 : 3)} ${units[unit]}`;
}

/** Seconds as people say them: "45 s", "12 min", "1 h 5 min". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t("{seconds} s", { seconds: whole });
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return t("{minutes} min", { minutes });
  return t("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** Steps, or pictures, of a second; slow ones as seconds each. */
export function speed(perSecond) {
  if (!perSecond || !Number.isFinite(perSecond)) return "";
  return perSecond >= 1
    ? t("{number} it/s", { number: rounded(perSecond, 2) })
    : t("{number} s/it", { number: rounded(1 / perSecond, 2) });
}

/** Unix seconds of an ISO time or of Unix seconds; NaN where there is none. */
export function unix(time) {
  return typeof time === "string" ? Date.parse(time) / 1000 : Number(time ?? NaN);
}

/** A moment, from an ISO time or Unix seconds, short. */
export function moment(time) {
  if (!time) return "";
  const date = new Date(unix(time) * 1000);
  const sameDay = date.toDateString() === new Date().toDateString();
  const clock = { hour: "2-digit", minute: "2-digit" };
  return date.toLocaleString(locale(), sameDay ? clock : { month: "short", day: "numeric", ...clock });
}

/** The end of a path, which tells more than its beginning. */
export function shortPath(path, parts = 2) {
  const words = String(path ?? "")
    .split(/[\\/]+/)
    .filter(Boolean);
  return words.length > parts ? `…/${words.slice(-parts).join("/")}` : String(path ?? "");
}

/** The folder of a path. */
export function folderOf(path) {
  return String(path ?? "").replace(/[\\/][^\\/]*$/, "");
}

export function baseName(path) {
  return (
    String(path ?? "")
      .split(/[\\/]+/)
      .filter(Boolean)
      .pop() ?? ""
  );
}
