// The advised values: all of them as a list, and each beside its own setting in the form.

import { h, keyed, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { valueWords } from "./next_run.js";
import { button } from "./parts.js";

/** A row for each value: what stands there, what is advised, why, and a button that takes it alone. */
export function valuesList(advice) {
  const rows = h("div", { class: "lw-advice-values", role: "list", id: "lw-advice-values" });
  const element = h("details", { class: "lw-advice-all" }, h("summary", {}, t("Every value with its reason")), rows);
  const update = () => {
    const values = advice.values();
    keyed(rows, values, (one) => one.name, (one) => makeRow(advice, one.name), (node, one) => node.lwLook(one));
    show(element, values.length);
  };
  advice.on(update);
  update();
  return { element };
}

function makeRow(advice, name) {
  const words = h("span", { class: "lw-advice-value" });
  const reason = reasonLine(advice, name);
  const element = h("div", { class: "lw-advice-row", role: "listitem", "data-name": name }, words, reason.element);
  element.lwLook = (one) => {
    const from = one.standing === "same" ? "" : `${valueWords(one.now)} → `;
    setText(words, `${name} ${from}${valueWords(one.value)}`);
    reason.look(one);
  };
  return element;
}

/** For a setting's row in the form: the advised value's reason, where there is one. */
export function besideSetting(advice, name) {
  const reason = reasonLine(advice, name, true);
  const look = () => reason.look(advice.advises(name) ? advice.values().find((one) => one.name === name) : null);
  look();
  return { element: reason.element, look };
}

function reasonLine(advice, name, isBeside = false) {
  const words = h("span");
  const find = () => advice.values().find((one) => one.name === name);
  const take = button(t("Take"), () => advice.take([find()].filter(Boolean)), { kind: "lw-small lw-advice-take" });
  const element = h("p", { class: isBeside ? "lw-advised" : "lw-advice-reason" }, words, take);
  const look = (one) => {
    show(element, one);
    if (!one) return;
    element.dataset.standing = one.standing;
    setText(words, reasonWords(one, isBeside));
    show(take, one.standing !== "same");
    take.title = t("Set {name} to {value}", { name, value: valueWords(one.value) });
    take.setAttribute("aria-label", take.title);
  };
  return { element, look };
}

/** "✔ class B, 42 pictures (guide l. 276)"; "advice: 16 · …"; "yours stays; advice: 16 · …". */
export function reasonWords({ value, reason, source, standing }, isBeside) {
  const why = source ? `${reason} (${source})` : reason;
  if (standing === "same") return `✔ ${why}`;
  const said = isBeside ? `${t("advice: {value}", { value: valueWords(value) })} · ${why}` : why;
  return standing === "hand" ? `${t("changed by hand, so it stays")} · ${said}` : said;
}
