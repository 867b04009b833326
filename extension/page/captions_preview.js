// What an edit would change and has changed, in words: captions before and after, counts of tags.

import { h } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

/** A caption before and after, what differs marked. */
export function sampleRow(one) {
  const gone = new Set(one.before.filter((tag) => !one.after.includes(tag)));
  const fresh = new Set(one.after.filter((tag) => !one.before.includes(tag)));
  const words = (tags, marked, kind) => tags.flatMap((tag, at) => [at ? ", " : "", marked.has(tag) ? h(kind, {}, tag) : tag]);
  const moved = !gone.size && !fresh.size;
  return h(
    "div",
    { class: "lw-sample-row", role: "listitem" },
    h("span", { class: "lw-sample-name" }, one.name),
    h("p", { class: "lw-sample-before" }, words(one.before, gone, "del")),
    h(
      "p",
      { class: "lw-sample-after" },
      "→ ",
      words(one.after, fresh, "ins"),
      moved ? h("span", { class: "lw-dim" }, ` (${t("another order")})`) : null,
    ),
  );
}

export function countWords({ added, removed }) {
  const list = (pairs) =>
    pairs
      .slice(0, 6)
      .map(([tag, number]) => `${tag} (${count(number)})`)
      .join(", ") + (pairs.length > 6 ? " …" : "");
  return [removed.length && t("out: {tags}", { tags: list(removed) }), added.length && t("in: {tags}", { tags: list(added) })]
    .filter(Boolean)
    .join(" · ");
}

export function appliedWords({ what, written, failed, failed_count: wrong }) {
  const done = { what, count: count(written) };
  const words = written === 1 ? t("Done: {what} in 1 file.", done) : t("Done: {what} in {count} files.", done);
  if (!wrong) return words;
  const [{ name, reason }] = failed;
  return `${words} ${t("{count} could not be written; {name}: {reason}", { count: count(wrong), name, reason })}`;
}
