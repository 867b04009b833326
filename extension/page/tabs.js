// The tabs in the order of the work. To add one, write its module and add a line here.

import { blocksTab } from "./blocks_tab.js";
import { captionsTab } from "./captions_tab.js";
import { picturesTab } from "./picture_report.js";
import { regTab } from "./reg_tab.js";
import { trainTab } from "./train_tab.js";
import { tagTab } from "./tag_tab.js";
import { testTab } from "./test_tab.js";
import { toolsTab } from "./tools_tab.js";

export const TABS = [picturesTab, tagTab, captionsTab, regTab, trainTab, blocksTab, testTab, toolsTab];

/** Where a new project begins: looking at the pictures first may be left out. */
export const FIRST = tagTab.id;

/** The next step after a tab, or null. */
export function tabAfter(id) {
  return TABS[TABS.findIndex((tab) => tab.id === id) + 1] ?? null;
}
