// What is installed and what is wrong; and, where someone asks for it, whether twenty steps compute what they should.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { button, sign } from "./parts.js";

/** Buttons and what they found. `line`: where errors go; `trains`: whether twenty steps can be trained here. */
export function doctorParts(api, line, trains) {
  const found = h("div", { class: "lw-doctor", role: "status" });
  const ask = async (body) => found.replaceChildren(lines(await api.post("doctor", body)));
  const check = button(t("Check the installation"), () => ask({}), { line });
  const train = button(t("Train twenty steps as a trial"), () => {
    found.replaceChildren(h("p", { class: "lw-dim" }, t("Training on the toy world, and comparing with what is known: half a minute, longer on a busy processor.")));
    return ask({ train: true }).catch((error) => {
      found.replaceChildren();
      throw error;
    });
  }, { line });
  return { buttons: trains ? [check, train] : [check], found };
}

function lines({ lines: all, well }) {
  return h(
    "div",
    {},
    h("p", {}, sign(well ? "good" : "warning"), well ? t("Everything that training needs is there.") : t("Something is missing:")),
    h(
      "ul",
      { class: "lw-plain-list" },
      (all ?? []).map((one) => h("li", {}, typeof one === "string" ? one : JSON.stringify(one))),
    ),
  );
}
