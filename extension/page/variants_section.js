// Variants: more pictures drawn over those that there are, or a painted part of one anew; looked through, and taken in by hand.

import { h, setAttribute, setText, show } from "./dom.js";
import { count } from "./format.js";
import { gallery } from "./gallery.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";
import { askFor } from "./runs.js";
import { makePart } from "./test_make.js";
import { variantsModel } from "./variants_model.js";
import { variantOptions } from "./variants_options.js";
import { originalPart } from "./variants_tools.js";
import { variantView } from "./variants_view.js";

export function buildVariants(app) {
  const { store } = app;
  const model = variantsModel(app);
  const options = variantOptions(model);
  const original = originalPart(app, model);
  const run = makePart(app, {
    kind: "variants",
    id: "lw-variants-draw",
    topics: ["state"],
    label: () => label(model),
    whyNot: () => whyNot(store, model, options),
    make: () => draw(app, model, original),
  });
  const shelf = picturePart(app, model);
  const view = variantView(app, model);
  const teach = h(
    "div",
    { class: "lw-teach", hidden: true },
    h("p", {}, t("Here more pictures are drawn over those that you have: the whole anew with another face or pose, or a painted part alone.")),
    button(t("Choose the folder …"), () => app.chooseDataset(), {}),
  );
  const left = h("div", { class: "lw-left" }, h("div", { class: "lw-scroll" }, shelf.element, options.element), run.element);
  const pair = h("div", { class: "lw-variants-pair" }, original.element, view.element);
  const right = h("div", { class: "lw-right lw-variants-right" }, teach, pair, view.strip);
  const element = h("section", { class: "lw-test-columns lw-variants" }, left, right);
  const look = () => {
    show(teach, !model.folder);
    show(pair, model.chosen.length);
    run.look();
  };
  model.on("choice", look);
  model.on("options", () => run.look());
  look();
  return { element, shown: () => model.enter(), left: () => model.leave() };
}

async function draw(app, model, original) {
  const { api, store } = app;
  const { folder, one, over, chosen, values } = model;
  const body = { kind: "variants", project: store.project.name, settings: store.runSettings() };
  const own = one ? (model.facts(one)?.prompt ?? "") : "";
  const written = model.prompt()?.trim() ?? "";
  let mask = "";
  if (model.masked) ({ mask } = await api.post("variants/mask", { folder, name: one, over: over ?? "", image: original.coded() }));
  const options = { ...values, pictures: chosen, over: over ?? "", mask, prompt: written === own ? "" : written };
  return askFor(app, "jobs", { ...body, options });
}

function label(model) {
  const number = model.values.count * model.chosen.length;
  if (model.masked) return number === 1 ? t("Draw the painted part anew") : t("Draw the painted part anew, {count} times", { count: count(number) });
  return number === 1 ? t("Draw 1 variant") : t("Draw {count} variants", { count: count(number) });
}

function whyNot(store, model, options) {
  if (!store.project?.dataset) return t("First choose the folder with your pictures, at the top.");
  if (!model.chosen.length) return t("First choose a picture.");
  if (!store.project.base_model) return t("First choose a base model, at the top.");
  if (options.wrong()) return t("First mend the field with the red line.");
  const [bare] = model.prompt()?.trim() ? [] : model.withoutCaption();
  return bare ? t("{name} has no caption to draw by: tag it first, or write a prompt.", { name: bare }) : "";
}

/** The dataset's pictures to choose from: one by a click, several with Ctrl, X or the switch. */
function picturePart(app, model) {
  let several = false;
  const listing = {
    get folder() {
      return model.folder;
    },
    get count() {
      return model.pictures.length;
    },
    at: (index) => model.pictures[index] ?? null,
    on: (listener) => ["pictures", "variants"].forEach((topic) => model.on(topic, listener)),
  };
  const nameAt = (index) => model.pictures[index]?.name;
  const shelf = gallery(app, listing, (picture) => picture && !model.chosen.includes(picture.name) && arrived(picture.name), {
    name: "variants",
    label: t("Pictures to draw variants of"),
    empty: t("No picture fits."),
    mark(picture) {
      const waiting = model.data.variants.filter((one) => one.source === picture.name && one.state === "waiting").length;
      return { text: waiting ? String(waiting) : "", title: waiting ? t("{count} variants wait for your decision", { count: waiting }) : "" };
    },
    isSelected: (index) => model.chosen.includes(nameAt(index)),
    clicked: (index, event) => {
      const toggles = several || event.ctrlKey || event.metaKey;
      if (toggles) model.toggle(nameAt(index));
      else model.choose([nameAt(index)]);
      return toggles;
    },
    key: (index, event) => {
      if (event.key !== "x") return false;
      model.toggle(nameAt(index));
      event.preventDefault();
      return true;
    },
  });
  // The list tells its place when it is filled, too; only a move by hand is a choice.
  const arrived = (name) => shelf.element.contains(document.activeElement) && !several && model.choose([name]);
  const search = h("input", {
    type: "search",
    class: "lw-input",
    id: "lw-variants-filter",
    placeholder: t("part of a name"),
    "aria-label": t("part of a name"),
    on: { input: () => model.filter(search.value) },
  });
  const more = h("button", { type: "button", class: "lw-button lw-small", id: "lw-variants-several" }, t("Choose several"));
  more.addEventListener("click", () => {
    several = !several;
    setAttribute(more, "aria-pressed", String(several));
  });
  const told = h("span", { class: "lw-dim" });
  model.on("choice", () => {
    shelf.draw();
    setText(told, model.chosen.length > 1 ? t("{count} chosen", { count: count(model.chosen.length) }) : "");
  });
  const head = h("div", { class: "lw-line lw-variants-head" }, search, more, told);
  return { element: h("div", { class: "lw-variants-shelf" }, head, shelf.element) };
}
