// Which base model suits the subject: asked by how it looks, those that are here to be taken, and what speaks against the chosen.

import { h, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, errorLine, sign, tell } from "./parts.js";

/** A question and a list below it; it is asked anew where look, base model, tagger or the known models have changed. */
export function basesPart(app) {
  const { api, store } = app;
  const line = errorLine();
  const select = h("select", { class: "lw-input", id: "lw-ask-looks", "aria-describedby": "lw-bases-chosen" });
  select.addEventListener("change", () => store.change({ advice: { looks: select.value } }));
  const chosen = h("ul", { class: "lw-bases-chosen", id: "lw-bases-chosen" });
  const list = h("ul", { class: "lw-bases-list", "aria-label": t("Base models that suit it") });
  const label = h("label", { htmlFor: "lw-ask-looks" }, t("How does it look? The base model goes by it"));
  const element = h("div", { class: "lw-bases", id: "lw-bases" }, h("div", { class: "lw-question-field" }, label, select), chosen, list, line);
  let last = "";
  let asked = 0;

  const draw = ({ looks, bases, chosen: own }) => {
    if (!select.options.length)
      select.replaceChildren(...[["", t("not said")], ...looks.map((one) => [one.code, lookWords(one)])].map(([value, words]) => h("option", { value }, words)));
    select.value = store.project?.advice?.looks ?? "";
    const facts = own && factsOf(own);
    chosen.replaceChildren(
      ...(facts ? [h("li", {}, sign(own.suits === false ? "warning" : own.suits ? "good" : "note"), h("span", {}, facts))] : []),
      ...(own?.notices ?? []).map((one) => h("li", {}, sign("warning"), h("span", {}, one))),
    );
    const near = bases.filter((one) => one.found.length || !one.newer);
    const others = bases.filter((one) => !near.includes(one)).map((one) => one.title);
    const rest = others.length ? [h("li", { class: "lw-dim" }, t("Newer than the guide, and none here: {titles}.", { titles: others.join(", ") }))] : [];
    list.replaceChildren(...near.map(row), ...rest);
    show(list, bases.length);
  };
  const row = ({ title, about, line: lines, newer, found }) => {
    const source = newer ? t("newer than the guide") : t("guide l. {lines}", { lines });
    const words = h("span", {}, h("strong", {}, title), ` ${about} (${source})`);
    const models = found.map((one) =>
      one.path === store.project?.base_model
        ? h("span", { class: "lw-dim" }, `✔ ${one.name}`)
        : button(t("Use {name}", { name: one.name }), () => store.change({ base_model: one.path }), { kind: "lw-small", title: one.path }),
    );
    const here = models.length ? models : [h("span", { class: "lw-dim" }, t("none here"))];
    return h("li", {}, words, h("span", { class: "lw-line" }, here));
  };
  const look = async () => {
    const { project, state } = store;
    const wanted = project ? JSON.stringify([project.name, project.advice?.looks, project.base_model, project.tag?.model, state.checkpoints]) : "";
    if (wanted === last) return;
    last = wanted;
    const own = (asked += 1);
    try {
      await store.flush(); // the server judges the base model that it knows
      const answer = await api.get("bases", { looks: project?.advice?.looks ?? "" });
      if (own !== asked) return;
      tell(line, "");
      draw(answer);
    } catch (error) {
      if (own === asked) tell(line, error.message);
    }
  };
  for (const topic of ["project", "opened", "state"]) store.on(topic, look);
  look();
  return { element };
}

function lookWords({ code, about }) {
  const words = { drawn: t("drawn"), real: t("real, as in photographs"), furry: t("furry or an animal") };
  return `${words[code] ?? code} · ${about}`;
}

/** "The chosen base: NovelAI's model · knows Danbooru's tags · clip skip 2"; "" where its name tells nothing. */
function factsOf({ title, tags, clip_skip: skip }) {
  if (!title) return "";
  const parts = [t("The chosen base: {title}", { title }), t("knows {tags}", { tags: tags.join(", ") })];
  return [...parts, skip && t("clip skip {number}", { number: skip })].filter(Boolean).join(" · ");
}
