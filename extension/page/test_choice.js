// The chosen cell: what it says of the training, what the next run would have otherwise, and that run opened in Train.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { changeWords, openAsNextRun } from "./next_run.js";
import { ask, button, errorLine, sign, tell } from "./parts.js";
import { faultPart } from "./test_fault.js";
import { cellWords } from "./test_words.js";

const MOST_NAMED = 6;

export function choicePart(app, model) {
  const { api } = app;
  const line = errorLine();
  const question = h("div", { class: "lw-ask", role: "group", hidden: true });
  const name = h("strong", { id: "lw-test-chosen" });
  const head = h("p", { class: "lw-sum" }, t("chosen:"), " ", name);
  const verdict = h("ul", { class: "lw-test-verdict", role: "list" });
  const order = h("ol", { class: "lw-plain-list lw-test-order" });
  const overfit = h("details", {}, h("summary", {}, t("Where it overfits whatever the rate, look in this order")), order);
  const changes = h("p", { class: "lw-test-changes", id: "lw-test-changes" });
  const others = h("input", { type: "checkbox", id: "lw-test-delete" });
  const othersWords = h("label", { htmlFor: "lw-test-delete" });
  const othersLine = h("div", { class: "lw-radio", hidden: true }, others, othersWords);
  const fault = faultPart(app, model);
  let answer = null;
  let asked = 0;

  const open = async () => {
    const chosen = answer;
    const names = others.checked ? chosen.others : [];
    if (names.length && !(await ask(question, deleteWords(names), t("Delete them"), t("Keep them")))) return;
    if (names.length) await model.deleteOthers(chosen.run, chosen.cell, names);
    const from = t("From {cell} of {run}:", { cell: cellWords(chosen.cell), run: chosen.name });
    await openAsNextRun(app, chosen, `${from} ${changesWords(chosen).replace(/^→ /, "")}`);
  };
  const next = button(t("Open as next run"), open, { line, kind: "lw-strong", id: "lw-test-next" });
  const whose = button(t("Whose fault is it?"), () => fault.open(answer), { line, id: "lw-test-whose" });
  const deeds = h("div", {}, changes, othersLine, h("div", { class: "lw-line" }, next, whose), question);
  const body = h("div", { class: "lw-test-choice-body" }, h("div", {}, verdict, overfit), deeds);
  const element = h("section", { class: "lw-test-choice", hidden: true }, head, line, body, fault.element);

  const load = async () => {
    const cell = model.chosen;
    show(element, cell);
    tell(line, "");
    show(question, false);
    fault.close();
    asked += 1;
    if (!cell) return;
    const own = asked;
    const { run } = model.request();
    setText(name, cellWords(cell));
    show(body, answer?.cell === cell && answer.run === run);
    try {
      const told = await api.post("test/choose", { run, cell });
      if (own !== asked) return;
      answer = { ...told, run };
      draw();
    } catch (error) {
      if (own === asked) tell(line, error.message);
    }
  };
  const draw = () => {
    verdict.replaceChildren(...answer.verdict.map(verdictLine));
    order.replaceChildren(...answer.order.map((one) => h("li", {}, one)));
    show(overfit, answer.order.length);
    setText(changes, changesWords(answer));
    others.checked = false;
    const number = answer.others.length;
    setText(
      othersWords,
      number === 1 ? t("delete the other snapshot too") : t("delete the {count} other snapshots too", { count: count(number) }),
    );
    show(othersLine, number);
    show(body, true);
  };
  model.on("chosen", load);
  return { element };
}

function verdictLine({ text, mood }) {
  return h("li", { class: "lw-problem" }, sign(mood), h("span", { class: "lw-problem-words" }, text.replace(/^the /, "The ")));
}

function deleteWords(names) {
  const listed = names.slice(0, MOST_NAMED).join(", ") + (names.length > MOST_NAMED ? " …" : "");
  return t("Delete these files for good: {names}?", { names: listed });
}

/** "unet_lr 0.0001 → 0.00005 · max_train_epochs 20 → 8 · keep penny-000008". */
function changesWords({ changes, keep }) {
  const words = changes.map(changeWords);
  const kept = t("keep {name}", { name: keep });
  return ["→", [...(words.length ? words : [t("the settings stay as they are")]), kept].join(" · ")].join(" ");
}
