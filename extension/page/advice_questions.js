// What is it, how hard is it, which GPU; and, for who wants, what it is for, how good the pictures are, what the base knows.

import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";

/** The fields; the first two are settings of the run, the others are kept with the project. */
export function questionFields({ store }, advice) {
  const answer = (name, value) => store.change({ advice: { [name]: value } });
  const set = (name, value) => store.change({ settings: { [name]: value || null } });
  const kind = select("kind", (value) => set("subject_kind", value));
  const hard = select("difficulty", (value) => set("subject_difficulty", value));
  const card = select("vram", (value) => answer("vram", Number(value)));
  const use = select("use", (value) => answer("use", value));
  const quality = select("quality", (value) => answer("quality", value));
  const known = select("known", (value) => answer("known", value));
  const male = h("input", { type: "checkbox", id: "lw-ask-male" });
  male.addEventListener("change", () => answer("male", male.checked));
  const about = h("p", { class: "lw-dim", id: "lw-ask-difficulty-about", hidden: true });
  const aboutUse = h("p", { class: "lw-dim", id: "lw-ask-use-about", hidden: true });
  hard.setAttribute("aria-describedby", about.id);
  use.setAttribute("aria-describedby", aboutUse.id);
  const hardField = field(t("How hard is it?"), hard);
  const maleField = h("label", { class: "lw-radio", htmlFor: "lw-ask-male" }, male, t("a man, or male"));
  const hint = h("p", { class: "lw-dim", hidden: true }, t("Say what it is, and settings for it are proposed, each with its reason."));
  const more = h(
    "details",
    { class: "lw-advice-more" },
    h("summary", {}, t("More about it")),
    h(
      "div",
      { class: "lw-questions" },
      field(t("What is the LoRA for?"), use),
      field(t("How good are the pictures?"), quality),
      field(t("Does the base model draw it already?"), known),
      maleField,
    ),
    aboutUse,
  );
  const element = h(
    "div",
    { class: "lw-advice-questions" },
    h("div", { class: "lw-questions" }, field(t("What is it?"), kind), hardField, field(t("Which GPU?"), card)),
    about,
    hint,
    more,
  );

  const offer = () => {
    const { questions } = advice;
    if (!questions) return;
    const unsaid = ["", t("not said")];
    fill(kind, [["", t("choose …")], ...questions.kinds.map((one) => [one, kindWords(one)])]);
    fill(hard, [unsaid, ...questions.classes.map((one) => [one.code, `${one.code} · ${one.about}`])]);
    fill(card, cardChoices(questions, store.project?.advice?.vram));
    fill(use, [unsaid, ...questions.uses.map((one) => [one.code, useWords(one.code)])]);
    fill(quality, [unsaid, ...questions.qualities.map((one) => [one, qualityWords(one)])]);
    fill(known, [unsaid, ["yes", t("yes")], ["no", t("no")]]);
  };
  const look = () => {
    offer();
    const { settings = {}, advice: said = {} } = store.project ?? {};
    put(kind, settings.subject_kind);
    put(hard, settings.subject_difficulty);
    put(card, said.vram ? String(said.vram) : "0");
    put(use, said.use);
    put(quality, said.quality);
    put(known, said.known);
    male.checked = Boolean(said.male);
    const asked = ["character", "vehicle", ""].includes(settings.subject_kind ?? "");
    show(hardField, asked);
    show(maleField, (settings.subject_kind ?? "character") === "character");
    const chosen = advice.questions?.classes.find((one) => one.code === settings.subject_difficulty);
    setText(about, chosen ? `${chosen.code}: ${chosen.about}` : "");
    show(about, chosen && asked);
    const wanted = advice.questions?.uses.find((one) => one.code === said.use);
    setText(aboutUse, wanted?.about);
    show(aboutUse, wanted);
    show(hint, !settings.subject_kind);
  };
  for (const topic of ["advice", "opened"]) store.on(topic, look);
  look();
  return { element };
}

function select(name, take) {
  const element = h("select", { class: "lw-input", id: `lw-ask-${name}` });
  element.addEventListener("change", () => take(element.value));
  return element;
}

function field(words, control) {
  return h("div", { class: "lw-question-field" }, h("label", { htmlFor: control.id }, words), control);
}

/** New options only where they differ: an open list must not be changed under someone's hand. */
function fill(element, choices) {
  const mark = JSON.stringify(choices);
  if (element.lwChoices === mark) return;
  element.lwChoices = mark;
  element.replaceChildren(...choices.map(([value, words]) => h("option", { value }, words)));
}

function put(element, value) {
  if (element.value !== (value ?? "")) element.value = value ?? "";
}

/** The GPU that was found, then the usual sizes, and one that was said otherwise. */
export function cardChoices({ cards, found }, said) {
  const own = found.map((one) => [String(one.gb), t("{name} · {size} GB", { name: one.name, size: one.gb })]);
  const known = new Set(own.map(([value]) => value));
  const sizes = [...new Set([...cards, ...(said ? [said] : [])])].sort((one, other) => one - other);
  const others = sizes.filter((one) => !known.has(String(one))).map((one) => [String(one), t("{size} GB", { size: one })]);
  return [["0", t("not said")], ...own, ...others];
}

function kindWords(kind) {
  const words = { character: t("a character or person"), style: t("a style"), concept: t("a concept, pose or clothes"), vehicle: t("a vehicle") };
  return words[kind] ?? kind;
}

function useWords(use) {
  const words = { usual: t("the usual"), accurate: t("accuracy"), face: t("the face alone"), humanize: t("a human form of it") };
  return words[use] ?? use;
}

function qualityWords(quality) {
  return { good: t("good: sharp, varied"), poor: t("poor: few or blurred") }[quality] ?? quality;
}
