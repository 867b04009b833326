// What is always there: top bar, tabs, notices; and below them the tab that is open, or the set-up, or the first project.

import { h, setAttribute, setText, show } from "./dom.js";
import { openFolderPicker } from "./folder_picker.js";
import { t } from "./i18n.js";
import { recall, remember } from "./memory.js";
import { takeFinishedSets } from "./reg_use.js";
import { setupView } from "./setup_view.js";
import { startView } from "./start_view.js";
import { FIRST, TABS, tabAfter } from "./tabs.js";
import { topBar } from "./top_bar.js";
import { uploadPart } from "./upload.js";

export function buildFrame({ root, api, store }) {
  const app = { root, api, store };
  app.chooseDataset = () => chooseDataset(app);
  app.showTab = (id) => choose(id);
  app.showCaptions = (filter) => {
    remember("captions-filter", { [store.project?.dataset ?? ""]: filter });
    store.tell("captions-filter");
    choose("captions");
  };
  app.showPicture = ({ name, size }) => {
    store.picture = { dataset: store.project?.dataset, name, size };
    store.tell("picture");
    choose("pictures");
  };
  app.nextStep = (id) => nextStep(app, id);
  takeFinishedSets(app);
  const uploads = uploadPart(app);

  const strip = h("div", { class: "lw-tabs", role: "tablist", "aria-label": t("Steps of the work") });
  const body = h("main", { class: "lw-body" });
  const views = new Map([
    ["setup", lazy(body, store, () => setupView(app))],
    ["start", lazy(body, store, () => startView(app))],
  ]);
  const buttons = TABS.map((tab) => {
    views.set(
      tab.id,
      lazy(body, store, () => tab.build(app), tab.id),
    );
    const button = h("button", { type: "button", class: "lw-tab", role: "tab", id: `lw-tab-${tab.id}` }, tab.title());
    button.setAttribute("aria-controls", `lw-panel-${tab.id}`);
    button.addEventListener("click", () => choose(tab.id));
    return button;
  });
  strip.append(...buttons);
  strip.addEventListener("keydown", (event) => moveByArrows(event, buttons));

  const known = (id) => (TABS.some((one) => one.id === id) ? id : FIRST);
  let tab = known(recall("tab") ?? store.project?.page);
  let project = store.project?.name;
  let current = null;

  const choose = (id) => {
    tab = id;
    remember("tab", id);
    if (store.project && store.project.page !== id) store.change({ page: id });
    refresh();
  };
  const refresh = () => {
    const wanted = store.state.setup.ready ? (store.project ? tab : "start") : "setup";
    buttons.forEach((button, number) => {
      const chosen = TABS[number].id === tab;
      setAttribute(button, "aria-selected", String(chosen && wanted === tab));
      button.tabIndex = chosen ? 0 : -1;
    });
    show(strip, wanted === tab);
    if (wanted === current) return;
    views.get(current)?.leave();
    current = wanted;
    views.get(current).enter();
  };
  store.on("state", refresh);
  store.on("opened", () => {
    if (store.project && store.project.name !== project) {
      project = store.project.name;
      tab = known(store.project.page); // where it was left
      remember("tab", tab);
    }
    refresh();
  });

  const element = h("div", { class: "lw-page" }, topBar(app), strip, notices(store), uploads.element, body);
  uploads.watch(element);
  return { element, shown: refresh };
}

const TRY_AGAIN = 2000;

/** A view that is built when it is first shown, and then kept as it is. `build` gives it, or a promise of it. */
function lazy(body, store, build, id = null) {
  let view = null;
  let building = false;
  let wanted = false;
  const appear = () => {
    show(view.element, wanted);
    if (wanted) view.shown?.();
  };
  const put = (built) => {
    view = built;
    view.element.classList.add("lw-view");
    if (id) {
      view.element.id = `lw-panel-${id}`;
      view.element.setAttribute("role", "tabpanel");
      view.element.setAttribute("aria-labelledby", `lw-tab-${id}`);
    }
    body.append(view.element);
    appear();
  };
  const make = async () => {
    building = true;
    try {
      put(await build());
    } catch {
      store.say(t("This tab could not be loaded; it is tried again."));
      setTimeout(again, TRY_AGAIN);
    }
    building = false;
  };
  const again = async () => {
    if (view || building || !wanted) return; // shown again, it is tried again
    await make();
    if (view) store.say("");
  };
  return {
    enter() {
      wanted = true;
      if (view) appear();
      else if (!building) make();
    },
    leave() {
      wanted = false;
      if (!view) return;
      show(view.element, false);
      view.left?.();
    },
  };
}

function moveByArrows(event, buttons) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const at = buttons.indexOf(document.activeElement);
  const next = buttons[(at + step + buttons.length) % buttons.length];
  next.focus();
  next.click();
  event.preventDefault();
}

/** Lines under the top bar: a server that is gone, a restart that is due, something that could not be saved. */
function notices(store) {
  const gone = h("p", { class: "lw-notice lw-notice-bad", role: "status", hidden: true });
  const restart = h("p", { class: "lw-notice", role: "status", hidden: true });
  const said = h("p", { class: "lw-notice lw-notice-bad", role: "alert", hidden: true });
  const look = () => {
    setText(gone, t("The server does not answer; trying again. Runs that have begun go on without it."));
    show(gone, !store.connected);
    const alone = store.state.host.name === "alone";
    const inHost = t("LoRA Workbench was updated: restart webui to work with the new version.");
    setText(restart, alone ? t("LoRA Workbench was updated: end it and start it again to work with the new version.") : inHost);
    show(restart, store.state.restart_needed);
    setText(said, store.notice);
    show(said, store.notice);
  };
  for (const topic of ["connection", "state", "notice"]) store.on(topic, look);
  look();
  return h("div", { class: "lw-notices" }, gone, restart, said);
}

async function chooseDataset(app) {
  const { name, dataset } = app.store.project;
  const folder = await openFolderPicker(app, dataset);
  if (folder && name === app.store.project?.name) app.store.change({ dataset: folder });
}

/** The link at the end of a page: what comes next. */
function nextStep(app, id) {
  const next = tabAfter(id);
  const words = h("span");
  const link = next && h("button", { type: "button", class: "lw-link", on: { click: () => app.showTab(next.id) } });
  if (link) setText(link, t("next: {tab} →", { tab: next.title() }));
  return { element: h("p", { class: "lw-next" }, words, link), say: (sentence) => setText(words, sentence) };
}
