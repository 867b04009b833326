// What webui's own script offers to those of extensions.

function gradioApp() {
  const app = document.getElementsByTagName("gradio-app")[0] ?? document;
  return app.shadowRoot ?? app;
}

const hostCallbacks = { loaded: [], updated: [], afterUpdate: [], tabChange: [] };
const onUiLoaded = (callback) => hostCallbacks.loaded.push(callback);
const onUiUpdate = (callback) => hostCallbacks.updated.push(callback);
const onAfterUiUpdate = (callback) => hostCallbacks.afterUpdate.push(callback);
const onUiTabChange = (callback) => hostCallbacks.tabChange.push(callback);
const opts = {};

const get_uiCurrentTab = () => gradioApp().querySelector("#tabs > .tab-nav > button.selected");
const get_uiCurrentTabContent = () => gradioApp().querySelector('#tabs > .tabitem[id^=tab_]:not([style*="display: none"])');

function switch_to_txt2img() {
  gradioApp().querySelector("#tabs > .tab-nav > button").click();
}

function switch_to_img2img_tab(number) {
  gradioApp().querySelectorAll("#tabs > .tab-nav > button")[1].click();
  gradioApp().querySelector("#mode_img2img").querySelectorAll("button")[number].click();
}

function switch_to_img2img() {
  switch_to_img2img_tab(0);
}

function switch_to_inpaint() {
  switch_to_img2img_tab(2);
}

document.addEventListener("DOMContentLoaded", () => {
  let isLoaded = false;
  let tab = null;
  let timer = 0;
  const call = (name, word) => hostCallbacks[name].forEach((callback) => callback(word));
  new MutationObserver((changes) => {
    if (!isLoaded && gradioApp().querySelector("#txt2img_prompt")) {
      isLoaded = true;
      call("loaded");
    }
    call("updated", changes);
    clearTimeout(timer);
    timer = setTimeout(() => call("afterUpdate"), 200);
    const now = get_uiCurrentTab();
    if (now && now !== tab) {
      tab = now;
      call("tabChange");
    }
  }).observe(gradioApp(), { childList: true, subtree: true });
});
