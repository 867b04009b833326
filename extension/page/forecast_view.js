// What a run will need: memory by part against the cards that people have, time, and disk.

import { h, keyed, setText, show } from "./dom.js";
import { forecastScale, sizedFor, verdict } from "./forecast_model.js";
import { bytes, duration } from "./format.js";
import { t } from "./i18n.js";

const SHADES = 6;

export function forecastView({ store }) {
  const sum = h("p", { class: "lw-facts", id: "lw-forecast-sum" });
  const parts = h("div", { class: "lw-forecast-parts" });
  const marks = h("div", { class: "lw-forecast-marks", "aria-hidden": "true" });
  const bar = h("div", { class: "lw-forecast-bar", role: "img", id: "lw-forecast-bar" }, parts, marks);
  const legend = h("ul", { class: "lw-forecast-legend", "aria-label": t("Memory by part") });
  const element = h("div", { class: "lw-forecast", id: "lw-forecast", hidden: true }, sum, bar, legend);

  const look = () => {
    const forecast = store.plan?.data?.forecast;
    show(element, forecast);
    if (!forecast) return;
    const memory = forecast.memory;
    setText(sum, sumWords(forecast));
    show(bar, memory);
    show(legend, memory);
    if (!memory) return;
    const sized = sizedFor(memory);
    const scale = forecastScale(sized);
    bar.setAttribute("aria-label", sum.textContent);
    bar.dataset.mood = verdict(sized).mood;
    keyed(
      parts,
      sized.parts,
      (one) => one.name,
      (one) => h("span", { class: "lw-forecast-part", "data-shade": sized.parts.indexOf(one) % SHADES }),
      (node, one) => {
        node.style.width = `${(100 * one.bytes) / scale}%`;
        node.title = `${memoryPart(one.name)} ${bytes(one.bytes)}`;
      },
    );
    keyed(
      marks,
      sized.cards,
      (one) => `${one.gb}${one.found ? "!" : ""}`,
      (one) => h("span", { class: `lw-forecast-mark${one.found ? " lw-forecast-found" : ""}` }, t("{size} GB", { size: one.gb })),
      (node, one) => {
        node.style.insetInlineStart = `${(100 * one.bytes) / scale}%`;
        node.classList.toggle("lw-too-small", !one.fits);
      },
    );
    keyed(
      legend,
      sized.parts,
      (one) => one.name,
      (one) => h("li", {}, h("span", { class: "lw-forecast-part", "data-shade": sized.parts.indexOf(one) % SHADES }), h("span")),
      (node, one) => setText(node.lastElementChild, `${memoryPart(one.name)} ${bytes(one.bytes)}`),
    );
  };
  for (const topic of ["plan", "opened"]) store.on(topic, look);
  look();
  return { element };
}

/** "memory 5.2 GB: enough are cards of 6 GB · about 18 min · disk 1.2 GB". */
function sumWords({ memory, seconds, disk_bytes: disk }) {
  return [
    memory && memoryWords(sizedFor(memory)),
    seconds && t("about {time}", { time: duration(seconds) }),
    disk && t("{size} on the disk", { size: bytes(disk) }),
  ]
    .filter(Boolean)
    .join(" · ");
}

function memoryWords(sized) {
  const { found, smallest, fits } = verdict(sized);
  const size = bytes(sized.total);
  if (found && fits) return t("memory {size} of the {card} GB of your GPU", { size, card: found.gb });
  if (found && smallest)
    return t("memory {size}: more than the {card} GB of your GPU, a card of {smallest} GB is needed", {
      size,
      card: found.gb,
      smallest: smallest.gb,
    });
  if (smallest) return t("memory {size}: a card of {smallest} GB is enough", { size, smallest: smallest.gb });
  return t("memory {size}: more than the largest card here has", { size });
}

function memoryPart(name) {
  const words = {
    weights: t("base model"),
    lora: t("LoRA"),
    states: t("optimizer"),
    gradients: t("gradients"),
    activations: t("pictures in work"),
    overhead: t("PyTorch itself"),
  };
  return words[name] ?? name;
}
