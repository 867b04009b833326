// Begins the page in #lw-root: fetches what is known, then builds the frame. Nothing is asked before this file is loaded.

import { apiBase, createApi } from "./api.js";
import { h } from "./dom.js";
import { buildFrame } from "./frame.js";
import { loadLanguage, locale, t } from "./i18n.js";
import { button, errorLine } from "./parts.js";
import { createStore } from "./store.js";
import { watchTheme } from "./theme.js";
import { fitHeight, watchVisible } from "./window.js";

/** Builds the page once per element; a reloaded host brings a new element. */
export async function mount(root) {
  if (root.dataset.lwMounted) return;
  root.dataset.lwMounted = "true";
  watchTheme(root);
  fitHeight(root);
  root.addEventListener("keydown", keepFromHost);
  await begin(root, createApi(apiBase(root)));
}

/** webui's page looks for its Generate, Skip and Interrupt at these keys, whatever tab is open, and errs where there are none. */
function keepFromHost(event) {
  const enter = event.key === "Enter" && (event.ctrlKey || event.metaKey || event.altKey);
  if (event.key === "Escape" || enter) event.stopPropagation();
}

async function begin(root, api) {
  let state;
  try {
    state = await api.get("state");
  } catch (error) {
    const line = errorLine();
    line.textContent = error.message;
    line.hidden = false;
    root.replaceChildren(
      h(
        "div",
        { class: "lw-page lw-alone-message" },
        line,
        button(t("Try again"), () => begin(root, api)),
      ),
    );
    return;
  }
  await loadLanguage(api, state.language);
  build(root, api, state);
}

/** Everything that is shown; called again where another language is chosen. */
function build(root, api, state) {
  const store = createStore(api, state);
  root.lang = locale();
  const frame = buildFrame({ root, api, store });
  root.replaceChildren(frame.element);
  frame.shown();

  let stop = null;
  const ending = new AbortController();
  let over = false;
  const listen = (visible) => {
    if (visible && !stop) stop = api.listen(store.takeEvents, connection(store));
    if (!visible && stop) {
      stop();
      stop = null;
    }
  };
  watchVisible(root, listen, ending.signal);
  window.addEventListener("focus", () => store.refresh().catch((error) => store.say(error.message)), { signal: ending.signal });
  window.addEventListener("pagehide", () => store.flush(), { signal: ending.signal });

  store.on("state", async () => {
    if (over || store.state.language === state.language) return;
    over = true;
    ending.abort();
    listen(false);
    await store.flush();
    await loadLanguage(api, store.state.language);
    build(root, api, store.state);
  });
}

function connection(store) {
  return (connected) => {
    if (store.connected === connected) return;
    store.connected = connected;
    store.tell("connection");
    if (!connected) store.refresh().catch((error) => error.status && store.say(error.message)); // a login that has ended says so
  };
}

const root = document.getElementById("lw-root");
if (root) mount(root);
