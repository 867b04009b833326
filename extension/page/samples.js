// The pictures that a run made, epoch by epoch; Space enlarges, arrows move.

import { h, keyed, show } from "./dom.js";
import { t } from "./i18n.js";
import { openViewer } from "./viewer.js";

export function sampleStrip(app) {
  const { api } = app;
  const strip = h("div", { class: "lw-samples", role: "list", "aria-label": t("Samples by epoch") });
  let items = [];
  let job = null;
  const address = (one) => api.url(`jobs/${encodeURIComponent(job.id)}/sample`, { name: one.name });
  const caption = (one) => [epochWords(one), promptWords(one)].filter(Boolean).join(" · ");
  const enlarge = (at) =>
    openViewer(app, {
      at,
      count: () => items.length,
      picture: (index) => ({ src: address(items[index]), words: caption(items[index]) }),
      moved: focusOn,
    });
  const focusOn = (at) => strip.querySelectorAll("button")[at]?.focus();

  strip.addEventListener("keydown", (event) => {
    const buttons = [...strip.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (at < 0 || !(step || event.key === " ")) return;
    if (step) buttons[at + step]?.focus();
    else enlarge(at);
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    element: strip,
    look(given, samples) {
      const atEnd = strip.scrollLeft + strip.clientWidth >= strip.scrollWidth - 20;
      const before = items.length;
      [job, items] = [given, samples];
      show(strip, items.length);
      keyed(
        strip,
        items,
        (one) => `${job.id}/${one.name}`,
        (one) => {
          const picture = h("img", {
            src: address(one),
            alt: caption(one),
            loading: "lazy",
            decoding: "async",
            width: 84,
            height: 84,
          });
          const place = items.indexOf(one);
          const open = h("button", { type: "button", class: "lw-sample-open", on: { click: () => enlarge(place) } }, picture);
          return h("div", { class: "lw-sample", role: "listitem" }, open, h("span", {}, epochWords(one)));
        },
      );
      if (atEnd && items.length > before) strip.scrollLeft = strip.scrollWidth; // the newest stays in sight for who looks at the newest
    },
  };
}

function promptWords({ prompt }) {
  return Number.isInteger(prompt) ? t("prompt {value}", { value: prompt + 1 }) : "";
}

function epochWords(one) {
  if (one.epoch !== null && one.epoch !== undefined) return t("epoch {epoch}", { epoch: one.epoch });
  return one.step !== null && one.step !== undefined ? t("step {step}", { step: one.step }) : "";
}
