// Whose fault is what a cell shows: the training pictures most like it, and tags that come without being asked for.

import { hasTag } from "./captions_filter.js";
import { h, setText, show } from "./dom.js";
import { percent, rounded } from "./format.js";
import { t } from "./i18n.js";
import { errorLine, tell } from "./parts.js";
import { showVariants } from "./variants_show.js";
import { openViewer } from "./viewer.js";

export function faultPart(app, model) {
  const { api, store } = app;
  const line = errorLine();
  const busy = h("p", { class: "lw-dim", role: "status", hidden: true }, t("Comparing with the training pictures …"));
  const pictures = h("div", { class: "lw-test-likes", role: "list", "aria-label": t("Training pictures most like it") });
  const tags = h("ul", { class: "lw-test-stuck" });
  const like = h("span", { class: "lw-dim" });
  const likeTitle = h("h3", {}, t("Training pictures most like it"), " ", like);
  const tagTitle = h("h3", {}, t("Comes without being asked for"));
  const none = h("p", { class: "lw-dim", hidden: true }, t("The tagger sees nothing in it that the prompt doesn't ask for."));
  const help = h(
    "p",
    { class: "lw-dim" },
    t("Look at these pictures and their captions: what a caption doesn't name is learnt by the activation tag."),
  );
  const body = h("div", { hidden: true }, likeTitle, pictures, tagTitle, tags, none, help);
  const element = h("section", { class: "lw-test-fault", id: "lw-test-fault", hidden: true }, busy, line, body);
  let asked = 0;

  const draw = ({ pictures: found, likeness_among: among, tags: stuck }) => {
    setText(like, among ? t("({among} is how like training pictures are to each other)", { among: rounded(among, 2) }) : "");
    const views = found.map((one, at) => likeness(one, () => enlarge(found, at)));
    pictures.replaceChildren(...views);
    tags.replaceChildren(...stuck.map(stuckTag));
    show(tagTitle, stuck.length);
    show(tags, stuck.length);
    show(none, !stuck.length);
    show(body, true);
    element.scrollIntoView({ block: "nearest" });
  };
  const thumb = (one, size) => api.url("thumb", { folder: one.folder, name: one.name, size });
  const enlarge = (found, at) =>
    openViewer(app, {
      at,
      count: () => found.length,
      picture: (index) => ({
        src: thumb(found[index], 1024),
        words: [found[index].name, found[index].caption].filter(Boolean).join(" · "),
      }),
      moved: (index) => pictures.querySelectorAll("button")[index]?.focus(),
    });
  const likeness = (one, look) => {
    const picture = h("img", {
      src: thumb(one, 192),
      alt: one.name,
      loading: "lazy",
      decoding: "async",
      width: 96,
      height: 96,
    });
    // Another picture without what sticks helps against it: drawn over this one with that part painted.
    const title = t("Draws more pictures over this one, or a painted part of it anew.");
    const go = () => showVariants(app, one.name);
    const own = one.folder === store.project?.dataset;
    return h(
      "div",
      { class: "lw-sample", role: "listitem" },
      h("button", { type: "button", class: "lw-sample-open", title: one.name, on: { click: look } }, picture),
      h("span", {}, rounded(one.likeness, 2)),
      own && h("button", { type: "button", class: "lw-link", title, on: { click: go } }, t("Variants …")),
    );
  };
  const stuckTag = (one) => {
    const { tag, captions, of, seen, names } = one;
    const link = (words, filter) =>
      h("button", { type: "button", class: "lw-link", on: { click: () => app.showCaptions(filter) } }, words);
    const named = names.map((name) => `name:"${name.replaceAll('"', "?")}"`).join(" or ");
    const unnamed = `not ${hasTag(tag)} (${named})`;
    const inCaptions = t("{tag}: in {captions} of {of} captions", { tag, captions, of });
    const told = [
      t("the tagger is {percent} % sure", { percent: percent(one.score, 1) }),
      one.in_base && t("the base draws it too"),
    ].filter(Boolean);
    return h(
      "li",
      {},
      captions ? link(inCaptions, hasTag(tag)) : inCaptions,
      " · ",
      seen > captions && names.length
        ? link(t("seen in {seen} pictures", { seen }), unnamed)
        : t("seen in {seen} pictures", { seen }),
      h("span", { class: "lw-dim" }, ` · ${told.join(" · ")}`),
    );
  };
  return {
    element,
    close() {
      asked += 1;
      show(element, false);
    },
    async open({ run, cell }) {
      asked += 1;
      const own = asked;
      show(element, true);
      show(body, false);
      show(busy, true);
      tell(line, "");
      try {
        await store.flush();
        const answer = await api.post("test/fault", { run, cell });
        if (own === asked) draw(answer);
      } catch (error) {
        if (own === asked) tell(line, error.message);
      } finally {
        if (own === asked) show(busy, false);
      }
    },
  };
}
