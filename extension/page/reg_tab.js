// Reg images: on the left how pictures of the class are made, on the right which are there, beside the training's own.

import { h, setText, show } from "./dom.js";
import { beginSettings } from "./form.js";
import { count } from "./format.js";
import { gallery } from "./gallery.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";
import { createPictures } from "./pictures.js";
import { regOptions } from "./reg_options.js";
import { regPairs } from "./reg_pairs.js";
import { createRegPlan, missingFor, regValues } from "./reg_plan.js";
import { regRun } from "./reg_run.js";
import { regSum } from "./reg_sum.js";
import { regUse } from "./reg_use.js";

const LOOK_EVERY = 8000; // while pictures come; the last look is at once
const MOST_LIVE = 300; // pictures whose state is looked at meanwhile: each look reads all their files

export function buildRegTab(app) {
  const { api, store } = app;
  let visible = false;
  let looked = 0;
  const isOwn = () => regValues(store).way === "folder";
  const plan = createRegPlan(app, () => visible && !isOwn() && !missingFor(store));
  const pictures = createPictures(app);
  const options = regOptions(app, plan);
  const use = regUse(app, () => (isOwn() ? pictures.count && pictures.folder : usable(plan.data)) || "");
  const run = regRun(app, plan, (ended) => {
    const often = (plan.data?.pictures.length ?? 0) <= MOST_LIVE && Date.now() - looked > LOOK_EVERY;
    if (!ended && !often) return;
    looked = Date.now();
    plan.ask();
  });
  const address = (one, which, size) => {
    if (which === "train") return one.train ? api.url("thumb", { folder: store.project.dataset, name: one.train, size }) : "";
    return one.there && plan.data ? api.url("thumb", { folder: plan.data.folder, name: one.reg, size, mark: one.mark }) : "";
  };
  const pairs = regPairs(app, address);
  const sum = regSum(app, plan, () => look());
  const shelf = gallery(app, pictures, () => {}, {
    name: "reg",
    label: t("Your regularization pictures"),
    empty: t("No pictures in this folder or the folders in it."),
  });
  const next = app.nextStep("reg");
  const teach = teachView(app);
  const failed = h("p", { class: "lw-error", role: "alert", hidden: true });
  const foot = h("div", { class: "lw-foot" }, run.element, use.element);
  const left = h("div", { class: "lw-left" }, h("div", { class: "lw-scroll" }, options.element), foot);
  const bottom = h("div", { class: "lw-reg-bottom" }, seedNote(), next.element);
  const right = h("div", { class: "lw-right lw-reg-right" }, teach, failed, sum.element, pairs.element, shelf.element, bottom);
  const element = h("section", { class: "lw-reg" }, left, right);

  const look = () => {
    const mine = isOwn();
    const { data, error } = plan;
    const told = mine ? pictures.error : error;
    setText(failed, told);
    show(failed, told);
    show(teach, !mine && !data && !error && !plan.busy);
    teach.look();
    show(shelf.element, mine && pictures.folder && !pictures.error);
    show(pairs.element, !mine && data);
    sum.look();
    if (data) pairs.look(sum.chosen(), data.kind === "matched");
    use.look();
    const used = store.project?.settings?.reg_data_dir;
    const words = mine && pictures.count ? t("{count} pictures in your folder", { count: count(pictures.count) }) : "";
    const parts = [words, used && t("the training uses regularization pictures")].filter(Boolean);
    next.say(parts.map((one) => `${one} · `).join(""));
    show(next.element, used || data || mine);
  };
  const openFolder = async () => {
    const folder = () => (isOwn() ? regValues(store).folder : "");
    if (folder() === pictures.folder) return;
    await store.flush(); // the server shows pictures of folders that it knows, so it must know first
    pictures.open(folder());
  };
  const changed = () => {
    openFolder();
    plan.look();
    look();
    run.look();
  };
  pictures.on(look);
  plan.on(look);
  store.on("jobs", use.look);
  store.on("project", changed);
  store.on("opened", () => {
    begin(app);
    changed();
  });
  begin(app);
  return {
    element,
    shown() {
      visible = true;
      changed();
      plan.ask();
      if (pictures.folder) pictures.reload();
    },
    left: () => (visible = false),
  };
}

/** The set's root where it holds anything, to train with. */
function usable(data) {
  return data && data.pictures.some((one) => one.there) ? data.root : "";
}

/** A project without settings begins with its preset's, as in the Train tab: seed and resolution are among them. */
async function begin({ api, store }) {
  if (!store.project || Object.keys(store.project.settings ?? {}).length) return;
  try {
    beginSettings(store, (await api.get("form")).presets);
  } catch (error) {
    store.say(error.message);
  }
}

function teachView(app) {
  const { store } = app;
  const words = h("p", {});
  const choose = button(t("Choose the folder …"), () => app.chooseDataset(), { kind: "lw-primary" });
  const element = h(
    "div",
    { class: "lw-teach", hidden: true },
    h(
      "p",
      {},
      t(
        "Regularization pictures show what the base model draws without your subject. Trained beside yours, they keep the class as it was.",
      ),
    ),
    words,
    choose,
    h("p", { class: "lw-dim" }, t("For instance 1girl for a girl called penny. This step can be left out.")),
  );
  element.look = () => {
    setText(words, missingFor(store));
    show(choose, !store.project?.dataset);
  };
  return element;
}

/** What people expect of a matched seed, and what of that is so. */
function seedNote() {
  return h(
    "details",
    { class: "lw-reg-note" },
    h("summary", {}, "ⓘ ", t("What a matched seed does, and what it doesn't")),
    h(
      "p",
      {},
      t(
        "With the same base model, prompt and size, the training's seed draws the same picture again: a set can be made again anywhere.",
      ),
    ),
    h(
      "p",
      {},
      t(
        "It does not line up noise with the training, which draws new noise and new timesteps at every step, for these pictures as for yours.",
      ),
    ),
    h(
      "p",
      {},
      t("All pictures of one seed begin with the same noise and may resemble each other: counting on by picture avoids that."),
    ),
  );
}
