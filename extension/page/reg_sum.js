// The set in numbers: needed, fresh, to be made, stale with reasons, extra. A number shows its pictures alone when it is pressed.

import { h, keyed, setAttribute, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { sign } from "./parts.js";
import { whyWords } from "./reg_pairs.js";
import { regValues } from "./reg_plan.js";

export function regSum(app, plan, chose) {
  const { store } = app;
  const chips = h("div", { class: "lw-line lw-reg-chips", role: "group", "aria-label": t("Which pictures are shown") });
  const busy = h("span", { class: "lw-dim", role: "status", hidden: true }, t("looking …"));
  const lines = h("div", { class: "lw-problems", role: "list" });
  const element = h("div", { class: "lw-reg-sum" }, h("div", { class: "lw-line" }, chips, busy), lines);
  let filter = recall("reg-filter", "all");

  const pressed = (name) => () => {
    filter = filter === name ? "all" : name;
    remember("reg-filter", filter);
    chose();
  };
  const make = (one) => {
    const chip = h("button", { type: "button", class: "lw-button lw-small lw-reg-chip", id: `lw-reg-chip-${one.name}` });
    chip.addEventListener("click", pressed(one.name));
    return chip;
  };
  const draw = (chip, one) => {
    setText(chip, one.words);
    setAttribute(chip, "aria-pressed", String(one.name === filter));
  };
  return {
    element,
    look() {
      const { data } = plan;
      show(element, regValues(store).way !== "folder" && (data || plan.busy));
      show(busy, plan.busy);
      const own = data ? chipsOf(data) : [];
      if (!own.some((one) => one.name === filter)) filter = "all";
      keyed(chips, own, (one) => one.name, make, draw);
      const told = data ? linesOf(data) : [];
      keyed(
        lines,
        told,
        (one) => one.words,
        (one) => lineOf(app, one),
      );
    },
    /** The pictures that the pressed number stands for. */
    chosen() {
      const all = everyPicture(plan.data);
      return filter === "all" ? all : all.filter((one) => groupOf(one) === filter);
    },
  };
}

/** Those of the set, and those that get none. */
function everyPicture(data) {
  const bare = { reg: "", there: false, caption: "", mark: "", seed: null, why: "", state: "without_caption" };
  return [...data.pictures, ...data.without_caption.map((train) => ({ ...bare, train }))];
}

/** A picture whose caption alone was edited is drawn again without a question, so it counts as to be made. */
function groupOf({ state, why }) {
  return state === "stale" && why === "caption" ? "changed" : state;
}

function chipsOf(data) {
  const all = everyPicture(data);
  const numbers = {};
  for (const one of all) numbers[groupOf(one)] = (numbers[groupOf(one)] ?? 0) + 1;
  const number = (name) => count(numbers[name] ?? 0);
  const given = [
    { name: "all", words: t("{count} needed", { count: count(data.pictures.length) }), always: true },
    { name: "fresh", words: t("{count} fresh", { count: number("fresh") }), always: true },
    { name: "missing", words: t("{count} to be made", { count: number("missing") }) },
    { name: "changed", words: t("{count} with a changed caption", { count: number("changed") }) },
    { name: "stale", words: t("{count} stale ({why})", { count: number("stale"), why: reasons(all) }) },
    { name: "yours", words: t("{count} your own", { count: number("yours") }) },
    { name: "without_caption", words: t("{count} without a caption", { count: number("without_caption") }) },
  ];
  return given.filter((one) => one.always || numbers[one.name]);
}

/** What has changed since stale pictures were drawn, the most frequent reasons first. */
function reasons(pictures) {
  const found = new Map();
  for (const one of pictures)
    if (groupOf(one) === "stale") for (const why of one.why.split(", ")) found.set(why, (found.get(why) ?? 0) + 1);
  const sorted = [...found].sort(([, one], [, other]) => other - one);
  return sorted.map(([why]) => whyWords(why)).join(", ");
}

function linesOf(data) {
  const found = [];
  if (data.without_caption.length)
    found.push({
      severity: "warning",
      words: t("Pictures without a caption get none, since captions are the prompts: {names}.", {
        names: someOf(data.without_caption),
      }),
      tab: "tag",
      mend: t("To Tag"),
    });
  if (data.not_trained?.length)
    found.push({
      severity: "note",
      words: t("Not trained, so they get none: {names}. The plan in Train says why.", { names: someOf(data.not_trained) }),
      tab: "train",
      mend: t("To Train"),
    });
  if (data.counts.extra)
    found.push({
      severity: "warning",
      words: t(
        "{count} in the folder belong to none of your pictures and are trained all the same; take them away by hand: {names}.",
        {
          count: count(data.counts.extra),
          names: someOf(data.extra, data.counts.extra),
        },
      ),
    });
  if (data.cfg_unusual) found.push({ severity: "warning", words: t("CFG outside 5 to 7 teaches glaring or dull colours.") });
  return found;
}

function someOf(names, all = names.length) {
  return names.slice(0, 6).join(", ") + (all > 6 ? " …" : "");
}

function lineOf(app, one) {
  const mend =
    one.tab &&
    h("button", { type: "button", class: "lw-button lw-small", on: { click: () => app.showTab(one.tab) } }, one.mend);
  return h(
    "div",
    { class: "lw-problem", role: "listitem" },
    sign(one.severity),
    h("span", { class: "lw-problem-words" }, one.words),
    mend,
  );
}
