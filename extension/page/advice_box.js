// The beginning of the Train tab: three questions, some more for who wants, and what is advised for the answers.

import { basesPart } from "./advice_bases.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { valuesList } from "./advice_values.js";
import { button } from "./parts.js";
import { questionFields } from "./advice_questions.js";

export function adviceBox(app, advice) {
  const { store } = app;
  const questions = questionFields(app, advice);
  const sum = h("span", { class: "lw-advice-sum", id: "lw-advice-sum", role: "status" });
  const failed = h("p", { class: "lw-error", role: "alert", hidden: true });
  const told = h("p", { class: "lw-told", role: "status", hidden: true });
  const all = button("", () => takeAll(), { kind: "lw-small lw-strong", id: "lw-advice-all" });
  const undo = button(t("Undo"), () => takeBack(), { kind: "lw-small", id: "lw-advice-undo" });
  const list = valuesList(advice);
  const reg = h(
    "p",
    { class: "lw-line", hidden: true },
    t("Regularization pictures are advised, and the length counts with them."),
    " ",
    button(t("To Reg images"), () => app.showTab("reg"), { kind: "lw-small" }),
  );
  const notices = h("ul", { class: "lw-plain-list lw-advice-notices" });
  const body = h("div", { class: "lw-advice-body" }, h("div", { class: "lw-line" }, sum, all, undo), told, list.element, notices, reg);
  const element = h("section", { class: "lw-advice", id: "lw-advice" }, questions.element, basesPart(app).element, failed, body);

  const say = (sentence) => {
    setText(told, sentence);
    show(told, sentence);
  };
  const takeAll = () => {
    advice.take(advice.open());
    say("");
  };
  const takeBack = () => {
    const kept = advice.takeBack();
    say(kept.length ? t("Changed by hand since and left as they are: {names}.", { names: kept.join(", ") }) : "");
  };
  const look = () => {
    const has = Boolean(advice.data);
    setText(failed, advice.error);
    show(failed, advice.error);
    show(body, has || advice.busy || advice.undo);
    body.classList.toggle("lw-stale", advice.busy && has);
    const open = advice.open().length;
    setText(sum, has ? sumWords(advice.values().length, open, advice.hand().length) : t("The pictures are being looked at …"));
    setText(all, open === 1 ? t("Take 1 value") : t("Take {count} values", { count: open }));
    show(all, open);
    show(undo, advice.undo);
    undo.title = advice.undo ? Object.keys(advice.undo.set).join(", ") : "";
    const sentences = advice.data?.notices ?? [];
    if (notices.lwShown !== sentences.join("\n")) {
      notices.lwShown = sentences.join("\n");
      notices.replaceChildren(...sentences.map((one) => h("li", {}, one)));
    }
    show(notices, sentences.length);
    show(reg, advice.data?.wants_reg);
  };
  store.on("advice", look);
  store.on("opened", () => say(""));
  look();
  return { element };
}

/** "Advice: 11 values · 6 as advised · 3 to take · 2 changed by hand, which stay". */
export function sumWords(number, open, hand) {
  const rest = number - open - hand;
  return [
    number === 1 ? t("Advice: 1 value") : t("Advice: {count} values", { count: number }),
    rest && t("{count} as advised", { count: rest }),
    open && t("{count} to take", { count: open }),
    hand && t("{count} changed by hand, which stay", { count: hand }),
  ]
    .filter(Boolean)
    .join(" · ");
}
