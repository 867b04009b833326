// What the sizes cut off each picture: the part that is trained bright, the rest shaded, those that lose most first. A page of
// them is asked for when somebody opens it, and the next ones as they are wanted; a press leads to the picture in Pictures.

import { h, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, tell } from "./parts.js";

const PAGE = 60;
const THUMB = 192;

/** {element, open}: a part of the plan that stays closed until it is asked for. */
export function planCrops(app) {
  const { api, store } = app;
  const line = errorLine();
  const words = h("p", { class: "lw-dim", role: "status" });
  const list = h("div", { class: "lw-crops-list", role: "list", "aria-label": t("Crops, those that lose most first") });
  const more = button(t("Show more"), () => fetchPage(), { line, kind: "lw-small", id: "lw-crops-more" });
  const summary = h("summary", {}, t("What is cut off the pictures"));
  const element = h("details", { class: "lw-crops", id: "lw-plan-crops", hidden: true }, summary, words, line, list, more);
  let shown = 0;
  let mark = "";
  let asked = 0;

  const fetchPage = async () => {
    const own = (asked += 1);
    const told = await api.post("plan/crops", { settings: store.runSettings(), start: shown, count: PAGE });
    if (own !== asked) return;
    shown += told.crops.length;
    list.append(...told.crops.map((one) => figure(app, one)));
    setText(words, sentence(told));
    show(more, shown < told.total);
  };
  const begin = async (wanted) => {
    mark = wanted;
    shown = 0;
    list.replaceChildren();
    tell(line, "");
    setText(words, t("looking at the pictures …"));
    show(more, false);
    try {
      await fetchPage();
    } catch (error) {
      if (wanted !== mark) return;
      mark = "";
      setText(words, "");
      tell(line, error.message);
    }
  };
  /** Asked anew where the pictures or their sizes have changed since. */
  const look = () => {
    const data = store.plan?.data;
    show(element, data?.images);
    if (!data) {
      asked += 1; // pictures that are asked for may be another dataset's
      mark = "";
    }
    if (!data || store.plan.busy) return;
    const wanted = JSON.stringify([store.project?.name, store.project?.dataset, data.images, data.buckets, data.subsets]);
    if (!element.open || wanted === mark) return;
    begin(wanted);
  };
  element.addEventListener("toggle", look);
  store.on("plan", look);
  return {
    element,
    open() {
      element.open = true;
      look();
      element.scrollIntoView({ block: "start" });
      summary.focus();
    },
  };
}

function sentence({ total, losing, moving }) {
  const counts = { losing: count(losing), total: count(total) };
  const told = losing ? t("{losing} of {total} pictures lose something; what is shaded is not trained.", counts) : t("Nothing is cut off.");
  return moving ? `${told} ${t("Random and face crops cut out another part each time; the middle is shown.")}` : told;
}

/** A picture with its crop; a button where the picture lies in the project's folder. */
function figure(app, { name, title, size, trained, box, loss }) {
  const lost = t("{percent} % cut off", { percent: loss && loss < 0.01 ? "<1" : Math.round(100 * loss) });
  const sizes = `${size.join("×")} → ${trained.join("×")}`;
  const caption = h("span", { class: "lw-crops-words" }, h("span", { class: "lw-crops-name" }, title), h("span", {}, `${sizes} · `, h("b", {}, lost)));
  if (name === null) return h("div", { class: "lw-crops-one", role: "listitem" }, caption);
  const kept = h("span", { class: "lw-crops-kept", "aria-hidden": "true" });
  ["left", "top", "width", "height"].forEach((side, number) => (kept.style[side] = `${100 * box[number]}%`));
  const address = app.api.url("thumb", { folder: app.store.project.dataset, name, size: THUMB });
  const picture = h("img", { src: address, alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  const whole = h("span", { class: "lw-crops-whole" }, picture, kept);
  whole.style.aspectRatio = `${size[0]} / ${size[1]}`;
  whole.style.width = `${Math.min(100, (100 * size[0]) / size[1])}%`;
  const props = { type: "button", class: "lw-crops-open", title: t("Crop it by hand: to Pictures"), "aria-label": `${title}: ${lost}` };
  const press = { click: () => app.showPicture({ name, size }) };
  return h("div", { class: "lw-crops-one", role: "listitem" }, h("button", { ...props, on: press }, whole), caption);
}
