// What a training begins with: nothing, a LoRA that is trained further, or a saved state; and how many processes train.

import { h, setText, show } from "./dom.js";
import { fileChoice, loraGroups } from "./file_choice.js";
import { count, moment, rounded } from "./format.js";
import { t } from "./i18n.js";
import { sign } from "./parts.js";
import { row } from "./tag_options.js";
import { numberInput } from "./tools_fields.js";

const AUTO = "auto";
const MOST_PROCESSES = 16; // as the server has it
const WAYS = [
  ["anew", () => t("anew")],
  ["lora", () => t("a LoRA")],
  ["state", () => t("a saved state")],
];

export function fromPart(app) {
  const { api, store } = app;
  const setting = (name) => store.project?.settings?.[name] ?? null;
  const set = (values) => store.change({ settings: values });
  const heading = h("summary", {});
  let chosen = null; // a way that is chosen and has no value yet
  let known = { loras: [], states: [] };
  let about = null; // {path, found} of the LoRA
  let asked = 0;

  const wayNow = () => chosen ?? (setting("resume") ? "state" : setting("network_weights") ? "lora" : "anew");
  const buttons = WAYS.map(([way, words]) =>
    h("button", { type: "button", class: "lw-segment", id: `lw-from-${way}`, on: { click: () => choose(way) } }, words()),
  );
  const choose = (way) => {
    chosen = way;
    if (way !== "lora" && setting("network_weights")) set({ network_weights: null, dim_from_weights: null });
    if (way !== "state" && setting("resume")) set({ resume: null });
    look();
  };

  const lora = fileChoice({
    id: "lw-from-weights",
    none: t("choose …"),
    groups: () => loraGroups(known.loras),
    get: () => setting("network_weights") ?? "",
    set: (path) => set({ network_weights: path || null }),
    describedBy: "lw-from-weights-help",
  });
  const facts = h("p", { class: "lw-dim", role: "status", id: "lw-from-facts" });
  const wrong = h("p", { class: "lw-error", role: "alert", hidden: true });
  const adopt = h("input", { type: "checkbox", id: "lw-from-adopt" });
  adopt.addEventListener("change", () => set({ dim_from_weights: adopt.checked || null }));
  const differs = h("p", { class: "lw-why", id: "lw-from-differs", hidden: true });
  const loraPart = h(
    "div",
    {},
    row("lw-from-weights", t("LoRA"), t("A snapshot of this project, or any LoRA; it stays as it is."), lora.parts),
    facts,
    wrong,
    h("label", { class: "lw-line", htmlFor: "lw-from-adopt" }, adopt, t("Take rank and alpha from it"), " ", h("code", {}, "dim_from_weights")),
    differs,
  );

  const state = fileChoice({
    id: "lw-from-resume",
    none: t("choose …"),
    groups: () => [
      [t("by itself"), [{ path: AUTO, name: t("the newest of this output name (auto)") }]],
      [t("saved states"), known.states.map((one) => ({ path: one.path, name: stateName(one) }))],
    ],
    get: () => setting("resume") ?? "",
    set: (path) => set({ resume: path || null }),
    describedBy: "lw-from-resume-help",
  });
  const statePart = h(
    "div",
    {},
    row("lw-from-resume", t("State"), t("It goes on where that run was: step, schedule, samples, to the bit."), state.parts),
    h("p", { class: "lw-dim" }, t("Base, network, optimizer and seed must be as they were; length, name, saves and samples may change.")),
  );

  const number = numberInput({
    id: "lw-from-processes",
    label: t("Processes"),
    low: 1,
    high: MOST_PROCESSES,
    whole: true,
    empty: true,
    placeholder: "1",
    get: () => setting("num_processes"),
    set: (value) => set({ num_processes: value > 1 ? value : null }),
    tell: () => null,
  });
  const processes = h(
    "div",
    {},
    row("lw-from-processes", t("Processes"), t("One for each GPU; the batch size is that of each."), number.element[0]),
    number.element[1],
  );
  const strip = h("div", { class: "lw-segments", role: "group", "aria-label": t("Begin with") }, buttons);
  const element = h(
    "details",
    { class: "lw-export lw-from", id: "lw-from" },
    heading,
    h("div", { class: "lw-line" }, h("span", { class: "lw-dim" }, t("Begin with")), strip),
    loraPart,
    statePart,
    processes,
  );

  const bring = async () => {
    const own = (asked += 1);
    try {
      const found = await api.get("train/starts");
      if (own !== asked) return;
      known = found;
      look();
    } catch (error) {
      if (own === asked && store.connected) store.say(error.message);
    }
  };
  const lookInto = async (path) => {
    if (about?.path === path || !path || !element.open) return;
    const own = (about = { path, found: null, error: "" });
    try {
      own.found = await api.post("tools/inspect", { lora: path });
    } catch (error) {
      own.error = error.message;
    }
    if (about === own) look();
  };
  const look = () => {
    const way = wayNow();
    if (way !== "anew" && (setting("resume") || setting("network_weights"))) chosen = null;
    buttons.forEach((one, place) => one.setAttribute("aria-pressed", String(WAYS[place][0] === way)));
    setText(heading, headingOf(way, known, setting));
    show(loraPart, way === "lora");
    show(statePart, way === "state");
    lora.look();
    state.look();
    number.put();
    const path = setting("network_weights");
    if (way === "lora") lookInto(path);
    const own = path && about?.path === path ? about : null;
    setText(facts, !path ? "" : own?.found ? factWords(own.found) : own?.error ? "" : t("Looking into it …"));
    setText(wrong, own?.error ?? "");
    show(wrong, own?.error);
    adopt.checked = Boolean(setting("dim_from_weights"));
    const other = own?.found && !adopt.checked ? difference(own.found, setting) : "";
    differs.replaceChildren(...(other ? [sign("warning"), other] : []));
    show(differs, other);
  };
  element.addEventListener("toggle", () => element.open && bring().then(look));
  store.on("project", look);
  store.on("opened", () => {
    chosen = about = null;
    asked += 1;
    known = { loras: [], states: [] };
    look();
    if (element.open) bring();
  });
  look();
  element.open = wayNow() !== "anew";
  return { element };
}

const stateName = ({ name, step, epoch, saved }) =>
  [name, t("step {step}", { step: count(step) }), epoch ? t("epoch {epoch}", { epoch }) : "", moment(saved)].filter(Boolean).join(" · ");

function headingOf(way, known, setting) {
  const processes = setting("num_processes") > 1 ? t("{count} processes", { count: setting("num_processes") }) : "";
  const words = {
    anew: t("Begin with …"),
    lora: t("Begins with a LoRA"),
    state: setting("resume") === AUTO ? t("Goes on from the newest state, where there is one") : t("Goes on from a saved state"),
  };
  return [words[way], processes].filter(Boolean).join(" · ");
}

/** "LoRA · rank 16, alpha 8 · trained on animefull.safetensors". */
function factWords(found) {
  const rank = found.ranks[0];
  return [
    Object.keys(found.kinds).join(", "),
    rank && (rank.alpha === null ? t("rank {rank}", { rank: rank.rank }) : t("rank {rank}, alpha {alpha}", { rank: rank.rank, alpha: rounded(rank.alpha) })),
    found.ranks.length > 1 ? t("and other ranks") : "",
    found.base.name ? t("trained on {name}", { name: found.base.name }) : t("its base isn't told"),
    ...found.lines,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** What the file has otherwise than the settings, in a sentence with both values. */
function difference(found, setting) {
  const [file] = found.ranks;
  const dim = setting("network_dim");
  if (file && dim && dim !== file.rank) return t("Its rank is {rank}, yours {dim}: take its, or write the same.", { rank: file.rank, dim });
  const alpha = setting("network_alpha");
  if (file && alpha !== null && file.alpha !== null && Math.abs(alpha - file.alpha) > 1e-6)
    return t("Its alpha is {alpha}, yours {own}: take its, or write the same.", { alpha: rounded(file.alpha), own: rounded(alpha) });
  return "";
}
