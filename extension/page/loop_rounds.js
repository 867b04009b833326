// What was accepted in which round, and what the next training has.

import { h, keyed, setText, show } from "./dom.js";
import { baseName, count } from "./format.js";
import { t } from "./i18n.js";
import { openViewer } from "./viewer.js";

export function roundsView(app, model) {
  const { api } = app;
  const list = h("ol", { class: "lw-loop-rounds" });
  const title = h("h3", {}, t("Rounds"));
  const element = h("section", { class: "lw-loop-history" }, title, list);
  const byName = (name) => model.data.pictures.find((one) => one.name === name);
  const enlarge = (names, at) => {
    const pictures = names.map(byName);
    openViewer(app, {
      at,
      count: () => names.length,
      picture: (index) => {
        const one = pictures[index];
        return { src: api.url("test/loop/picture", { name: one.name, mark: one.mark }), words: one.caption || one.prompt };
      },
    });
  };
  const make = (one) => {
    const names = one.number ? one.accepted_names : one.names;
    const pictures = names.map((name, at) => {
      const source = api.url("test/loop/picture", { name, mark: byName(name)?.mark, size: 128 });
      const picture = h("img", { src: source, alt: name, loading: "lazy" });
      return h("button", { type: "button", class: "lw-loop-small", title: name, on: { click: () => enlarge(names, at) } }, picture);
    });
    return h("li", {}, h("p", {}, roundWords(one)), h("div", { class: "lw-loop-accepted" }, pictures));
  };
  const look = () => {
    show(element, model.data.there);
    if (!model.data.there) return keyed(list, [], (one) => JSON.stringify(one), make); // another project's may be called alike
    const start = model.data.pictures.filter((one) => one.kind !== "drawn").map((one) => one.name);
    const rows = [{ number: 0, names: start }, ...model.data.by_round];
    keyed(list, rows, (one) => JSON.stringify(one), make);
    setText(title, t("Rounds · the next training has {count} pictures", { count: count(model.data.next_pictures.length) }));
  };
  model.on(look);
  return { element };
}

function roundWords(one) {
  if (!one.number) return t("It began with");
  const lora = one.lora ? baseName(one.lora) : "";
  const parts = [
    t("Round {number}", { number: one.number }),
    t("trained on {count} pictures", { count: count(one.pictures) }),
    lora,
    t("{count} accepted", { count: count(one.accepted) }),
  ];
  return parts.filter(Boolean).join(" · ");
}
