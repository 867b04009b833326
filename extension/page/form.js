// The settings: presets as cards, then basic, advanced or all of them by group, with a search through all.

import { h, setText, show } from "./dom.js";
import { makeControl } from "./control.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { isGiven, same } from "./values.js";

const LEVELS = ["basic", "advanced", "all"];
const CHOSEN_ABOVE = ["pretrained_model_name_or_path", "train_data_dir"];

/** `beside(name)` gives {element, look} for what stands under a setting's field. */
export function settingsForm(app, description, beside) {
  const { store } = app;
  const all = description.groups.flatMap((group) => group.settings);
  const enemies = mutual(all);
  const labels = new Map(all.map((setting) => [setting.name, setting.label]));
  const controls = new Map();
  const presets = presetCards(app, description.presets);
  const form = {
    value: (name) => (CHOSEN_ABOVE.includes(name) ? store.runSettings()[name] : store.project?.settings?.[name]),
    preset: (name) => (CHOSEN_ABOVE.includes(name) ? form.value(name) : presets.chosen()?.settings?.[name]),
    set: (name, value) => store.change({ settings: { [name]: value } }),
    blocked(setting) {
      if (CHOSEN_ABOVE.includes(setting.name)) return t("Chosen in the bar at the top.");
      if (setting.reason) return setting.reason;
      const idle = store.plan?.data?.idle?.[setting.name];
      if (idle) return idle;
      const other = isGiven(form.value(setting.name))
        ? null
        : enemies.get(setting.name)?.find((one) => isGiven(form.value(one)));
      if (!other) return "";
      if (!labels.has(other)) return t("Not together with {name}.", { name: other });
      return t("Not together with {label} ({name}); take that out first.", { label: labels.get(other), name: other });
    },
  };

  const list = h("div", { class: "lw-settings" });
  const nothing = h("p", { class: "lw-empty", hidden: true }, t("No setting has these words."));
  const level = { chosen: recall("level", "basic") };
  const search = h("input", {
    type: "search",
    class: "lw-input lw-search",
    id: "lw-search",
    placeholder: t("search all settings …"),
  });
  search.setAttribute("aria-label", t("Search all settings"));
  search.value = recall("search", "");
  const control = (setting) => {
    if (!controls.has(setting.name)) {
      const made = makeControl(setting, form, app);
      const under = beside(setting.name);
      made.row.append(under.element);
      controls.set(setting.name, { ...made, look: under.look });
    }
    return controls.get(setting.name);
  };

  const arrange = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const highest = LEVELS.indexOf(level.chosen);
    const fits = (setting) => {
      if (!words.length) return LEVELS.indexOf(setting.level) <= highest;
      const text = `${setting.label} ${setting.name} ${setting.help}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const groups = description.groups
      .map((group) => [group, group.settings.filter(fits)])
      .filter(([, settings]) => settings.length)
      .map(([group, settings]) =>
        h(
          "section",
          { class: "lw-group" },
          h("h3", {}, group.label ?? group.name),
          settings.map((one) => control(one).row),
        ),
      );
    list.replaceChildren(...groups);
    show(nothing, !groups.length);
    refresh();
  };
  const refresh = () => {
    for (const one of controls.values()) {
      if (!list.contains(one.row)) continue;
      one.refresh();
      one.look();
    }
    presets.look();
  };

  const switcher = levelSwitch(level, () => {
    remember("level", level.chosen);
    search.value = "";
    remember("search", "");
    arrange();
  });
  search.addEventListener("input", (event) => {
    if (event.isComposing) return;
    remember("search", search.value);
    arrange();
  });
  search.addEventListener("compositionend", () => search.dispatchEvent(new Event("input")));
  search.addEventListener("keydown", (event) => event.key === "Escape" && event.stopPropagation());
  store.on("project", refresh);
  store.on("plan", refresh);
  store.on("advice", refresh);
  store.on("opened", () => presets.begin());

  const element = h(
    "div",
    { class: "lw-form" },
    presets.element,
    h("div", { class: "lw-line lw-levels" }, switcher, search),
    list,
    nothing,
  );
  presets.begin();
  arrange();
  return {
    element,
    /** Brings a setting into sight and into the hand, at whatever level it is. */
    reveal(name) {
      const setting = all.find((one) => one.name === name);
      if (!setting) return;
      search.value = LEVELS.indexOf(setting.level) <= LEVELS.indexOf(level.chosen) ? "" : name;
      arrange();
      control(setting).row.scrollIntoView({ block: "center" });
      control(setting).field.focus();
    },
    knows: (name) => labels.has(name) && !CHOSEN_ABOVE.includes(name),
    label: (name) => labels.get(name) ?? name,
  };
}

function levelSwitch(level, changed) {
  const names = { basic: t("Basic"), advanced: t("Advanced"), all: t("All settings") };
  const buttons = LEVELS.map((name) => {
    const button = h(
      "button",
      { type: "button", class: "lw-segment", "aria-pressed": String(name === level.chosen) },
      names[name],
    );
    button.addEventListener("click", () => {
      level.chosen = name;
      buttons.forEach((one, index) => one.setAttribute("aria-pressed", String(LEVELS[index] === name)));
      changed();
    });
    return button;
  });
  const label = t("How many settings are shown");
  return h("div", { class: "lw-segments", id: "lw-levels", role: "group", "aria-label": label }, buttons);
}

/** Presets as cards to choose from by one click. */
function presetCards({ store }, presets) {
  const chosen = () => presets.find((one) => one.name === store.project?.preset) ?? null;
  const cards = presets.map((preset) => {
    const mark = h("span", { class: "lw-card-mark" });
    const card = h(
      "button",
      { type: "button", class: "lw-card", role: "radio" },
      h("strong", {}, preset.title),
      mark,
      h("span", {}, preset.description),
    );
    card.addEventListener("click", () => store.change(changesFor(store.project, chosen(), preset)));
    return { preset, card, mark };
  });
  const group = h(
    "div",
    { class: "lw-cards", role: "radiogroup", "aria-label": t("Preset") },
    cards.map((one) => one.card),
  );
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = cards.findIndex((one) => one.card === document.activeElement);
    if (!step || at < 0) return;
    cards[(at + step + cards.length) % cards.length].card.focus();
    event.preventDefault();
  });
  const look = () => {
    for (const { preset, card, mark } of cards) {
      const own = preset.name === store.project?.preset;
      card.setAttribute("aria-checked", String(own));
      const differing = own
        ? Object.keys(preset.settings).filter((name) => !same(store.project.settings?.[name], preset.settings[name]))
        : [];
      setText(mark, differing.length ? t("{count} changed", { count: differing.length }) : "");
    }
  };
  return {
    element: group,
    chosen,
    look,
    begin: () => beginSettings(store, presets),
  };
}

/** A project without any values yet starts with its preset's, and its LoRA is called as the project is. */
export function beginSettings(store, presets) {
  const { project } = store;
  if (!project || Object.keys(project.settings ?? {}).length || !presets.length) return;
  const named = (name) => presets.find((one) => one.name === name);
  const changes = changesFor(project, null, named(project.preset) ?? named("new_project") ?? presets[0]);
  store.change({ ...changes, settings: { ...changes.settings, output_name: project.name } });
}

/** What choosing a preset changes: its own values, and away with the old one's that nobody touched. */
export function changesFor(project, before, preset) {
  const settings = {};
  for (const [name, value] of Object.entries(before?.settings ?? {})) {
    if (!(name in preset.settings) && same(project.settings?.[name], value)) settings[name] = null;
  }
  return { preset: preset.name, settings: { ...settings, ...preset.settings } };
}

/** Conflicts are declared on one side; both sides have to know. */
export function mutual(settings) {
  const pairs = new Map();
  const add = (one, other) => pairs.set(one, [...(pairs.get(one) ?? []), other]);
  for (const setting of settings) {
    for (const other of setting.conflicts ?? []) {
      add(setting.name, other);
      add(other, setting.name);
    }
  }
  return pairs;
}
