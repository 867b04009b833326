// What another tab sent here to be tried, so that it is seen although its fields stand further down.

import { h, setText, show } from "./dom.js";

/** `store.tried` is {project, words}; the topic "tried" tells of it. */
export function triedLine(store) {
  const line = h("p", { class: "lw-told", role: "status", id: "lw-test-tried", hidden: true });
  const look = () => {
    const words = store.tried?.project === store.project?.name ? store.tried?.words : "";
    setText(line, words);
    show(line, words);
  };
  for (const topic of ["tried", "opened"]) store.on(topic, look);
  look();
  return line;
}
