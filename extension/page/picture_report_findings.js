// The findings as a list of which one is chosen; under the chosen one its mend, and the button that does it where one can.

import { h, keyed, setAttribute, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, sign } from "./parts.js";
import { ALL } from "./picture_report_model.js";
import { isLive } from "./runs.js";

const PLAIN = ["animated", "colour-profile", "cmyk", "deep-colour", "private-data", "turned"];

// What nobody wants to train; of pictures of which better copies were written, the first ones.
const OUT = new Set([
  ...["unreadable", "tiny", "too-small", "blurred", "duplicate", "near-duplicate", "mirrored-duplicate"],
  ...["bars", "cmyk", "turned", "watermark", "text", "artifacts", "animated"],
]);

/** What a finding is called beside one picture. */
export function shortName(code) {
  const names = {
    unreadable: t("can't be read"),
    animated: t("animated"),
    tiny: t("too small to be trained"),
    "too-small": t("too small"),
    enlarged: t("enlarged a little"),
    blurred: t("blurred"),
    duplicate: t("there twice"),
    "near-duplicate": t("nearly the same"),
    "mirrored-duplicate": t("mirrored"),
    bars: t("bars"),
    watermark: t("watermark"),
    text: t("text"),
    "cut-head": t("cut head"),
    "face-at-border": t("face at the border"),
    "small-face": t("small face"),
    "several-faces": t("several faces"),
    "no-face": t("no face seen"),
    "several-people": t("several people"),
    artifacts: t("blur or compression"),
    "colour-profile": t("colour profile"),
    cmyk: t("printing colours"),
    "deep-colour": t("16 bits a colour"),
    transparent: t("transparent"),
    "private-data": t("private data"),
    turned: t("turned upright"),
  };
  return names[code] ?? code;
}

/** `ask(deed, target)` makes the job that writes copies; `setAside(names)` takes pictures out of the training. */
export function findingList(app, model, ask, setAside) {
  const line = errorLine();
  const list = h("div", { class: "lw-findings", role: "listbox", "aria-label": t("What was found") });
  const target = h("input", {
    type: "text",
    class: "lw-input",
    id: "lw-pictures-target",
    "aria-label": t("Folder in the dataset"),
    placeholder: t("beside the pictures"),
  });
  const actOf = (code) => {
    const make = (label, work) => button(label, work, { line, kind: "lw-small", id: `lw-mend-${code}` });
    if (code === "bars") return make(t("Write copies without bars"), () => ask("cut_bars", target.value.trim()));
    if (PLAIN.includes(code)) return make(t("Write plain copies of all that need it"), () => ask("plain", target.value.trim()));
    if (code === "small-face") return make(t("Write the faces as new pictures"), () => ask("faces", target.value.trim()));
    return code === "not-tagged" ? make(t("To Tag"), () => app.showTab("tag")) : null;
  };
  const filesOf = (code) => model.data.findings.find((one) => one.code === code).files.map((file) => file.name);
  const outLabel = (number) => (number === 1 ? t("Set it aside") : t("Set all {count} aside", { count: count(number) }));
  const row = (one) => {
    const words = h("span", { class: "lw-problem-words" });
    const props = { type: "button", class: "lw-found", role: "option", id: `lw-finding-${one.code}` };
    const choice = h(
      "button",
      { ...props, on: { click: () => model.choose(one.code) } },
      one.severity ? sign(one.severity) : "",
      words,
    );
    const fix = h("p", { class: "lw-dim" });
    const place = h("span", { class: "lw-finding-target" });
    const act = actOf(one.code);
    const out = OUT.has(one.code) && button("", () => setAside(filesOf(one.code)), { line, kind: "lw-small lw-aside" });
    const below = h(
      "div",
      { class: "lw-finding-below", hidden: true },
      fix,
      act && h("div", { class: "lw-line" }, place, act),
      out && h("div", { class: "lw-line" }, out),
    );
    const element = h("div", { class: "lw-finding-row" }, choice, below);
    Object.assign(element, {
      lwWords: words,
      lwChoice: choice,
      lwFix: fix,
      lwBelow: below,
      lwPlace: place,
      lwAct: act,
      lwOut: out,
    });
    return element;
  };
  const update = (element, one) => {
    const chosen = model.code === one.code;
    setText(element.lwWords, one.message);
    setText(element.lwFix, one.fix ?? "");
    setAttribute(element.lwChoice, "aria-selected", String(chosen));
    show(element.lwBelow, chosen && one.fix);
    if (element.lwOut) setText(element.lwOut, outLabel(one.files.length));
    if (!element.lwAct || one.code === "not-tagged") return;
    if (chosen) element.lwPlace.replaceChildren(target);
    const busy = model.jobs().some((job) => isLive(job) || job.state === "queued");
    disable(element.lwAct, busy ? t("It is at work, or waits for its turn.") : "");
  };
  const look = () => {
    const all = { code: ALL, message: t("All pictures"), severity: "" };
    keyed(list, model.data?.there ? [all, ...model.data.findings] : [], (one) => one.code, row, update);
  };
  model.on(look);
  app.store.on("jobs", look);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = [...list.querySelectorAll(".lw-found")];
    const at = rows.indexOf(document.activeElement);
    if (!step || at < 0) return;
    rows[at + step]?.focus();
    event.preventDefault();
  });
  return { element: h("div", {}, list, line) };
}
