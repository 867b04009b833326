// Tags that say the same: each merge with its pictures, to accept or to skip. What was skipped is not asked again.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, tell } from "./parts.js";
import { openViewer } from "./viewer.js";

const AT_FIRST = 40;
const THUMB = 96;

export function captionMerges(app, model, { applied, before }) {
  const { api } = app;
  const line = errorLine();
  const head = h("p", { class: "lw-dim" });
  const list = h("div", { class: "lw-merges", role: "list", "aria-label": t("Merges") });
  const more = h("button", { type: "button", class: "lw-link", hidden: true, on: { click: () => showMore() } });
  const last = h("p", { class: "lw-line lw-dim", hidden: true });
  let merges = [];
  let shown = AT_FIRST;
  let mark = "";
  let asked = 0;
  let accepting = false; // then the list stays as it is, but for what was accepted
  let loading = false;

  const state = () => `${model.folder}|${model.listing}|${model.revision}|${model.filter}`;
  const load = async (always = false) => {
    if (!model.folder || accepting || (state() === mark && !always)) return;
    mark = state();
    asked += 1;
    const own = asked;
    loading = true;
    setText(head, t("Looking for tags that say the same …"));
    show(all, false);
    try {
      const answer = await api.post("captions/merges", {
        folder: model.folder,
        ...(model.only || model.wrong ? {} : { filter: model.filter }),
      });
      if (own !== asked) return;
      loading = false;
      merges = answer.merges;
      tell(line, "");
      draw(answer);
    } catch (error) {
      if (own !== asked) return;
      loading = false;
      mark = "";
      setText(head, "");
      tell(line, error.message);
    }
  };
  const edit = (some) => ({
    do: "merge",
    merges: some.map(({ gone, kept, source }) => ({ gone: gone[0], kept, source })),
    protect: model.activation.tags,
  });
  const accept = async (some) => {
    const { folder } = model;
    accepting = true;
    asked += 1; // a list that was asked for before has them still
    try {
      await before();
      await api.post("captions/apply", { folder, ...model.target(false), edits: [edit(some)] });
      take(some);
      await applied();
      mark = state();
    } finally {
      accepting = false;
      if (loading || folder !== model.folder) load(true);
    }
  };
  const skip = async (one) => {
    const project = app.store.project?.name;
    await api.post("captions/reviewed", { kind: "merges", add: [one.key], project });
    take([one]);
    const back = button(
      t("ask again"),
      async () => {
        await api.post("captions/reviewed", { kind: "merges", remove: [one.key], project });
        show(last, false);
        await load(true);
      },
      { line, kind: "lw-link" },
    );
    last.replaceChildren(t("Skipped: {merge}.", { merge: words(one) }), " ", back);
    show(last, true);
  };
  /** Takes rows away; the next one gets the focus, so that one press follows the other. */
  const take = (some) => {
    const gone = new Set(some.map((one) => one.key));
    const rows = [...list.children];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    merges = merges.filter((one) => !gone.has(one.key));
    rows.forEach((row) => gone.has(row.dataset.key) && row.remove());
    fill();
    if (at >= 0) list.children[Math.min(at, list.children.length - 1)]?.querySelector("button.lw-accept")?.focus();
    headWords({ count: merges.length, skipped: 0 });
  };
  const all = button("", () => accept(merges.filter((one) => one.source === "implication")), {
    line,
    kind: "lw-small",
    id: "lw-merge-all",
  });

  const draw = (answer) => {
    list.replaceChildren();
    shown = AT_FIRST;
    fill();
    headWords(answer);
  };
  const headWords = ({ count: number, skipped }) => {
    const safe = merges.filter((one) => one.source === "implication").length;
    setText(
      head,
      number
        ? t("The most direct tag stays, what it says anyway goes.")
        : t("Nothing to merge: no tag says what another one says."),
    );
    if (skipped) head.append(` ${t("{count} skipped.", { count: count(skipped) })}`);
    setText(all, t("Accept all {count} that lose nothing", { count: count(safe) }));
    show(all, safe > 1);
  };
  const fill = () => {
    const there = new Set([...list.children].map((row) => row.dataset.key));
    for (const one of merges.slice(0, shown)) if (!there.has(one.key)) list.append(row(one));
    const left = merges.length - Math.min(shown, merges.length);
    setText(more, t("{count} more", { count: count(left) }));
    show(more, left > 0);
  };
  const showMore = () => {
    shown += AT_FIRST;
    fill();
  };
  const row = (one) => {
    const pictures = one.examples.slice(0, 5).map((name, at) => {
      const image = h("img", {
        src: address(name, THUMB),
        alt: name,
        loading: "lazy",
        decoding: "async",
        width: 44,
        height: 44,
      });
      return h(
        "button",
        { type: "button", class: "lw-merge-picture", title: name, on: { click: () => enlarge(one, at) } },
        image,
      );
    });
    const yes = button(t("Accept"), () => accept([one]), { line, kind: "lw-small lw-accept" });
    const no = button(t("Skip"), () => skip(one), { line, kind: "lw-small" });
    return h(
      "div",
      { class: "lw-merge", role: "listitem", "data-key": one.key },
      h("p", { class: "lw-merge-words" }, h("del", {}, one.gone.join(" + ")), " → ", h("strong", {}, one.kept)),
      h("p", { class: "lw-dim" }, numbers(one)),
      h(
        "div",
        { class: "lw-line" },
        h("div", { class: "lw-merge-pictures" }, pictures),
        h("span", { class: "lw-space" }),
        yes,
        no,
      ),
    );
  };
  const address = (name, size) => api.url("thumb", { folder: model.folder, name, size });
  const enlarge = (one, at) =>
    openViewer(app, {
      at,
      count: () => one.examples.length,
      picture: (index) => ({ src: address(one.examples[index], 1024), words: `${one.examples[index]} · ${words(one)}` }),
    });

  const element = h("div", { class: "lw-review" }, head, all, line, last, list, more);
  model.on("list", () => element.isConnected && !element.closest("[hidden]") && load());
  return { element, shown: () => load() };
}

const words = (one) => `${one.gone.join(" + ")} → ${one.kept}`;

function numbers(one) {
  const pictures = one.count === 1 ? t("in 1 picture") : t("in {count} pictures", { count: count(one.count) });
  if (one.source !== "suggestion") return pictures;
  const values = { share: Math.floor(100 * one.numbers.with_kept), tag: one.gone[0] };
  return `${pictures} · ${t("{share} % of {tag} come with it: look whether it still says something", values)}`;
}
