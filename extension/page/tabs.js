// The tabs in the order of the work. To add one, write its module and add a line here. A tab's scripts are fetched when it is
// first shown, so that the page opens as quickly with many tabs as with one.

import { t } from "./i18n.js";

export const TABS = [
  { id: "pictures", title: () => t("Pictures"), build: async (app) => (await import("./pictures_tab.js")).buildPictures(app) },
  { id: "tag", title: () => t("Tag"), build: async (app) => (await import("./tag_tab.js")).buildTagTab(app) },
  { id: "captions", title: () => t("Captions"), build: async (app) => (await import("./captions_tab.js")).buildCaptionsTab(app) },
  { id: "reg", title: () => t("Reg images"), build: async (app) => (await import("./reg_tab.js")).buildRegTab(app) },
  { id: "train", title: () => t("Train"), build: async (app) => (await import("./train_tab.js")).buildTrainTab(app) },
  { id: "blocks", title: () => t("Block weights"), build: async (app) => (await import("./blocks_tab.js")).buildBlocksTab(app) },
  { id: "test", title: () => t("Test"), build: async (app) => (await import("./test_tab.js")).buildTestTab(app) },
  { id: "tools", title: () => t("Tools"), build: async (app) => (await import("./tools_tab.js")).buildToolsTab(app) },
];

/** Where a new project begins. */
export const FIRST = "pictures";

/** The next step after a tab, or null. */
export function tabAfter(id) {
  return TABS[TABS.findIndex((tab) => tab.id === id) + 1] ?? null;
}
