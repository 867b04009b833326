// What the check found, a line each: a sentence, Look for its pictures, Mend where one press mends it.

import { h, setText, show } from "./dom.js";
import { tokenLimit } from "./captions_editor.js";
import { finding } from "./captions_words.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, sign, tell } from "./parts.js";
import { tagsOf } from "./tag_text.js";

const MOST = 30;

export function captionCheck(app, model, { applied, before }) {
  const { api, store } = app;
  const line = errorLine();
  const done = h("p", { class: "lw-told", role: "status", hidden: true });
  const head = h("p", { class: "lw-dim", role: "status" });
  const list = h("div", { class: "lw-problems", role: "list", "aria-label": t("Findings") });
  const first = h("input", { type: "text", class: "lw-input", id: "lw-activation", autocomplete: "off", spellcheck: "false" });
  const help = t("The word that will call your LoRA: the first tag of every caption.");
  const activation = h(
    "div",
    { class: "lw-edit-row", title: help },
    h("label", { htmlFor: "lw-activation", class: "lw-edit-label" }, t("activation tag")),
    first,
  );
  let mark = "";
  let asked = 0;

  first.addEventListener("change", async () => {
    store.change({
      tag: {
        first: tagsOf(first.value),
      },
    });
    await store.flush();
    await model.refresh();
    load(true);
  });
  const load = async (always = false) => {
    const wanted = `${model.folder}|${model.listing}|${model.revision}`;
    if (!model.folder || (wanted === mark && !always)) return;
    mark = wanted;
    asked += 1;
    const own = asked;
    if (!list.children.length) setText(head, t("Looking at the captions …"));
    const body = { folder: model.folder, tokens: tokenLimit(store) };
    try {
      const answer = await api.post("captions/check", body);
      if (own !== asked) return;
      tell(line, "");
      draw(answer);
    } catch (error) {
      if (own !== asked) return;
      mark = "";
      setText(head, "");
      tell(line, error.message);
    }
  };
  const draw = ({ findings, activation: known, listing }) => {
    if (document.activeElement !== first) first.value = known.given ? known.tags.join(", ") : "";
    const guess = known.tags.length && !known.given;
    first.placeholder = guess
      ? t("{tag}, as in most captions", { tag: known.tags.join(", ") })
      : t("for instance: {example}", { example: "penny" });
    const faults = findings.filter((one) => one.severity !== "note").length;
    setText(head, faults ? "" : t("Nothing is wrong with the captions."));
    show(head, !faults);
    const open = new Set([...list.querySelectorAll("details[open]")].map((one) => one.dataset.code));
    list.replaceChildren(...findings.map((one) => row({ ...one, listing }, known, open.has(one.code))));
  };
  const row = (one, known, open) => {
    const sentence = finding(one, { first: known.tags.join(", "), limit: tokenLimit(store) });
    const actions = [];
    if (one.numbers.length)
      actions.push(
        h(
          "button",
          { type: "button", class: "lw-button lw-small", on: { click: () => model.look(sentence, one.numbers, one.listing) } },
          t("Look"),
        ),
      );
    if (one.mend) actions.push(button(t("Mend"), () => mend(one, known), { line, kind: "lw-small lw-strong" }));
    const kind = one.severity === "error" ? "error" : one.severity === "warning" ? "warning" : "note";
    const details = one.details.length || one.names.length ? detailList(one, open) : null;
    return h(
      "div",
      { class: "lw-finding", role: "listitem" },
      h("div", { class: "lw-problem" }, sign(kind), h("span", { class: "lw-problem-words" }, sentence), ...actions),
      details,
    );
  };
  const detailList = (one, open) => {
    const items = one.details.slice(0, MOST).map(({ what, numbers, tag }) => {
      const look = () => model.look(what, numbers, one.listing);
      const label = numbers.length > 1 ? `${what} (${count(numbers.length)})` : what;
      const out = tag && button(t("Take out"), () => takeOut(tag, numbers, one.listing), { line, kind: "lw-small" });
      return h(
        "li",
        { class: "lw-line" },
        numbers.length ? h("button", { type: "button", class: "lw-link", on: { click: look } }, label) : label,
        out,
      );
    });
    const names = one.names.slice(0, MOST).map((name) => h("li", {}, name));
    const left = one.details.length + one.names.length - items.length - names.length;
    const more = left > 0 ? h("li", { class: "lw-dim" }, t("{count} more", { count: count(left) })) : null;
    return h(
      "details",
      { "data-code": one.code, open: open || one.code.endsWith("everywhere") },
      h("summary", {}, t("which")),
      h("ul", { class: "lw-plain-list" }, items, names, more),
    );
  };
  /** Takes a tag out of the captions of these pictures. */
  const takeOut = async (tag, numbers, listing) => {
    await before();
    const edits = [{ do: "remove", tags: [tag] }];
    const answer = await api.post("captions/apply", { folder: model.folder, numbers, listing, edits });
    say(answer);
    await applied();
  };
  const mend = async (one, known) => {
    await before();
    say(await api.post("captions/mend", { folder: model.folder, code: one.code, first: known.tags }));
    await applied();
  };
  const say = (answer) => {
    setText(
      done,
      answer.written === 1
        ? t("Done: {what} in 1 file.", { what: answer.what })
        : t("Done: {what} in {count} files.", { what: answer.what, count: count(answer.written) }),
    );
    show(done, true);
  };

  model.on("list", () => element.isConnected && !element.closest("[hidden]") && load());
  const element = h("div", { class: "lw-review" }, activation, line, done, head, list);
  return { element, shown: () => load() };
}
