// One picture's caption: its tags as chips, a field that adds, and how many tokens it takes. What is changed is saved a moment
// later, as one change that can be undone.

import { LINE, chipList } from "./captions_chips.js";
import { tagField } from "./captions_suggest.js";
import { debounced, h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { errorLine, tell } from "./parts.js";
import { tagsOf } from "./tag_text.js";
import { showVariants } from "./variants_show.js";
import { openViewer } from "./viewer.js";

const SAVE_AFTER = 600;
const COUNT_AFTER = 350;
const LIMITS = [75, 150, 225];

/** `changed()` is called when something was saved. */
export function captionEditor(app, model, changed) {
  const { api, store } = app;
  const line = errorLine();
  const image = h("img", { class: "lw-edit-picture", alt: "", decoding: "async" });
  const enlarge = h("button", { type: "button", class: "lw-edit-open", title: t("enlarge") }, image);
  const name = h("strong", { class: "lw-picture-name" });
  const tokens = h("span", { class: "lw-tokens", role: "status" });
  const state = h("span", { class: "lw-dim", role: "status" });
  const help = t("← → choose, Alt ← → move, Alt Home puts first, Delete takes out, F2 renames");
  const told = h("p", { class: "lw-dim lw-chips-help", id: "lw-chips-help" }, help);
  const chips = chipList({
    isFirst: (tag) => model.activation.tags.some((one) => plain(one) === plain(tag)),
    changed: (list) => set(list),
    locked: () => locked,
  });
  const words = t("add tags …");
  const add = tagField({
    known: () => model.known(),
    done: (text) => addTags(text),
    id: "lw-add-tag",
    placeholder: words,
    "aria-label": words,
  });
  const place = h("div", { class: "lw-chips-place" }, chips.element);
  const more = h("button", { type: "button", class: "lw-link", id: "lw-edit-variants" }, t("Variants …"));
  more.title = t("Draws more pictures over this one, or a painted part of it anew.");
  more.addEventListener("click", () => showVariants(app, name.textContent));
  const head = h("div", { class: "lw-edit-head" }, name, more, tokens, state, h("span", { class: "lw-space" }), add.element);
  const right = h("div", { class: "lw-edit-words" }, head, place, line, told);
  const element = h("section", { class: "lw-edit", id: "lw-edit", hidden: true }, enlarge, right);
  let number = null;
  let folder = ""; // that it is of
  let before = null; // as the server has it; null: not known yet
  let failed = false; // what is shown is not what the server has
  let tags = [];
  let locked = false;
  let saving = Promise.resolve();
  let underway = 0;
  let counted = 0;

  /** Saves what was changed, one save after the other; resolves when all are done. */
  const saveNow = () => {
    save.cancel();
    if (number === null || before === null || same(before, tags) || !tags.some(isTag)) return saving;
    const one = { folder, number, called: name.textContent, old: before, now: tags };
    before = tags;
    underway += 1;
    saving = saving.then(() => saveOne(one));
    return saving;
  };
  const saveOne = async (one) => {
    setText(state, t("saving …"));
    try {
      const waiting = () =>
        tell(line, t("The server does not answer; {name} is saved as soon as it does.", { name: one.called }));
      await model.edit(one.folder, one.number, one.called, one.old, one.now, waiting);
      sayWhetherEmptied();
      changed();
    } catch (error) {
      tell(line, `${one.called}: ${error.message}`);
      failed = one.number === number && one.folder === folder; // the next look shows what the server has
    } finally {
      underway -= 1;
      setText(state, "");
      look();
    }
  };
  const save = debounced(SAVE_AFTER, saveNow);
  const countSoon = debounced(COUNT_AFTER, async () => {
    const own = (counted += 1);
    try {
      const { counts } = await api.post("captions/tokens", { texts: [tags.filter(isTag).join(", ")] });
      if (own === counted) putTokens(tokens, counts[0], tokenLimit(store));
    } catch (error) {
      if (own !== counted) return;
      setText(tokens, "");
      tokens.title = error.message;
    }
  });
  const set = (list) => {
    tags = list;
    model.show(number, tags);
    chips.draw(tags);
    countSoon();
    sayWhetherEmptied();
    if (tags.some(isTag)) save();
    else save.cancel();
  };
  const sayWhetherEmptied = () => {
    const emptied = before?.some(isTag) && !tags.some(isTag);
    tell(line, emptied ? t("A caption is never emptied: leave one tag, or put another in.") : "");
  };
  const addTags = (text) => {
    const known = new Set(tags.map(plain));
    const added = tagsOf(text);
    add.field.value = "";
    const fresh = added.filter((tag) => !known.has(plain(tag)));
    if (fresh.length && !locked) set([...tags, ...fresh]);
  };
  enlarge.addEventListener("click", () => {
    const source = api.url("thumb", { folder: model.folder, name: name.textContent, size: 1024 });
    const picture = () => ({ src: source, words: `${name.textContent} · ${tags.join(", ")}` });
    openViewer(app, { at: 0, count: () => 1, picture, moved: () => enlarge.focus() });
  });

  const look = () => {
    const one = model.current === null ? null : model.of(model.current);
    if (model.current !== number) {
      saveNow();
      [number, folder, before, failed] = [model.current, model.folder, null, false];
      counted += 1;
    }
    show(element, one);
    const other = before === null;
    if (!one || (!other && (one.stale || save.waiting() || underway))) return;
    if (!other && !failed && same(one.tags, tags)) return;
    [before, tags, locked, failed] = [one.tags, one.tags, Boolean(one.locked), false];
    if (other) {
      setText(name, one.name);
      image.src = api.url("thumb", { folder: model.folder, name: one.name, size: 256 });
      image.alt = one.name;
      setText(tokens, "");
      chips.begin();
    }
    add.field.disabled = locked;
    if (locked) tell(line, t("This caption can't be read here, so it is left alone."));
    chips.draw(tags);
    countSoon();
  };
  for (const topic of ["current", "captions"]) model.on(topic, look);
  return { element, flush: saveNow, focus: () => add.field.focus() };
}

/** "64 of 75 tokens", against what the training reads. */
function putTokens(place, tokens, limit) {
  const over = tokens - limit;
  const fits = LIMITS.find((one) => tokens <= one);
  const rest = fits
    ? t("the last {over} are not read; {fits} would do", { over, fits })
    : t("the last {over} are not read", { over });
  const words = t("{tokens} of {limit} tokens", { tokens, limit });
  setText(place, over > 0 ? `${words} · ${rest}` : words);
  place.title = t("The training reads {limit} tokens of a caption (max_token_length).", { limit });
  place.className = `lw-tokens ${over > 0 ? "lw-warning" : "lw-dim"}`;
}

/** How many tokens of a caption the project's training reads. */
export function tokenLimit(store) {
  const given = Number(store.project?.settings?.max_token_length ?? 75);
  return LIMITS.includes(given) ? given : 75;
}

const isTag = (tag) => tag !== LINE;

const plain = (tag) => tag.toLowerCase().replaceAll("_", " ").replaceAll("\\", "").trim();

function same(first, second) {
  return first === second || (first?.length === second?.length && first.every((tag, at) => tag === second[at]));
}
