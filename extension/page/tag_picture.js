// One picture beside its caption and what the tagger sees in it: confidences as bars, those that are kept marked.

import { debounced, h, keyed, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { errorLine, tell } from "./parts.js";
import { isToFetch, tagValues } from "./tag_values.js";

const LOOK_AFTER = 350;
const NEAR = 0.05;
const MOST_BELOW = 12;

export function tagPicture(app, pictures) {
  const { api, store } = app;
  const line = errorLine();
  const image = h("img", { class: "lw-big", alt: "", decoding: "async" });
  const name = h("strong", { class: "lw-picture-name" });
  const caption = h("p", { class: "lw-caption" });
  const busy = h("span", { class: "lw-dim", role: "status", hidden: true }, t("the tagger looks …"));
  const absent = h("p", { class: "lw-why", hidden: true }, t("The tagger has to be fetched first: tag pictures with it once."));
  const tags = h("div", { class: "lw-tags", role: "list", "aria-label": t("What the tagger sees") });
  const element = h(
    "section",
    { class: "lw-detail", id: "lw-detail", hidden: true },
    h("div", { class: "lw-big-place" }, image),
    h("div", { class: "lw-detail-words" }, h("p", {}, name, " ", busy), caption, absent, line, tags),
  );
  let picture = null;
  let folder = ""; // that it is of
  let asked = 0;
  let before = "";

  const wanted = () => {
    const { model, general, character, mcut } = tagValues(store);
    return { folder: pictures.folder, name: picture?.name, model, general, character, mcut };
  };
  const ask = debounced(LOOK_AFTER, async () => {
    if (!picture || !tagValues(store).model || !element.isConnected) return;
    show(absent, isToFetch(store));
    if (isToFetch(store)) {
      asked += 1; // an answer of the tagger before is no longer wanted
      before = "";
      show(busy, false);
      tell(line, "");
      tags.replaceChildren();
      tags.lwNodes?.clear();
      return;
    }
    const words = wanted();
    before = JSON.stringify(words);
    const own = (asked += 1);
    show(busy, true);
    try {
      const answer = await api.post("tags/preview", words);
      if (own !== asked) return;
      tell(line, "");
      draw(answer.tags, words);
    } catch (error) {
      if (own === asked) tell(line, error.message);
    } finally {
      if (own === asked) show(busy, false);
    }
  });
  const draw = (all, { general, character }) => {
    const best = (some) => [...some].sort((one, other) => other.score - one.score);
    const rating = best(all.filter((one) => one.kind === "rating")).slice(0, 1);
    const tagged = best(all.filter((one) => one.kind !== "rating"));
    const below = tagged.filter((one) => !one.kept).slice(0, MOST_BELOW);
    keyed(
      tags,
      [...tagged.filter((one) => one.kept), ...below, ...rating],
      (one) => `${one.kind}|${one.tag}`,
      makeTag,
      (node, one) => {
        const threshold = one.kind === "character" ? character : general;
        node.classList.toggle("lw-kept", one.kept);
        node.lwFill.style.width = `${Math.round(100 * one.score)}%`;
        setText(node.lwScore, one.score.toFixed(one.score > 0.995 ? 3 : 2));
        setText(node.lwNote, note(one, threshold));
      },
    );
  };
  const again = () => {
    if (picture && JSON.stringify(wanted()) !== before) ask();
  };
  store.on("project", again);
  store.on("state", again);

  return {
    element,
    choose(chosen) {
      const other = chosen?.name !== picture?.name || pictures.folder !== folder;
      picture = chosen;
      folder = pictures.folder;
      show(element, picture);
      if (!picture) return;
      setText(name, picture.name);
      setText(caption, picture.caption?.trim() ? t("caption: {caption}", { caption: picture.caption }) : t("no caption yet"));
      if (!other && image.src) return;
      image.src = api.url("thumb", { folder: pictures.folder, name: picture.name, size: 512 });
      image.alt = picture.name;
      tags.replaceChildren();
      tags.lwNodes?.clear();
      before = "";
      ask();
    },
  };
}

function makeTag(one) {
  const fill = h("span", { class: "lw-tag-fill" });
  const score = h("span", { class: "lw-tag-score" });
  const note = h("span", { class: "lw-dim lw-tag-note" });
  const node = h(
    "div",
    { class: "lw-tag-row", role: "listitem" },
    h("span", { class: "lw-tag-name", title: one.tag }, one.tag),
    score,
    h("span", { class: "lw-tag-track" }, fill),
    note,
  );
  Object.assign(node, { lwFill: fill, lwScore: score, lwNote: note });
  return node;
}

function note(one, threshold) {
  if (one.kind === "rating") return t("rating");
  if (one.kept && one.score - threshold < NEAR && one.score >= threshold) return t("just over the threshold");
  if (!one.kept && threshold - one.score < NEAR && one.score < threshold) return t("just under it");
  if (one.kept) return one.kind === "character" ? t("character") : "";
  return t("left out");
}
