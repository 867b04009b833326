// What a run will need: memory by part against the cards that people have, time, and disk.

import { h, keyed, setText, show } from "./dom.js";
import { forecastScale, sizedFor, verdict } from "./forecast_model.js";
import { bytes, duration, rounded } from "./format.js";
import { t } from "./i18n.js";

const SHADES = 7;

export function forecastView({ store }) {
  const sum = h("p", { class: "lw-facts", id: "lw-forecast-sum" });
  const parts = h("div", { class: "lw-forecast-parts" });
  const marks = h("div", { class: "lw-forecast-marks", "aria-hidden": "true" });
  const bar = h("div", { class: "lw-forecast-bar", role: "img", id: "lw-forecast-bar" }, parts, marks);
  const legend = h("ul", { class: "lw-forecast-legend", "aria-label": t("Memory by part") });
  const element = h("div", { class: "lw-forecast", id: "lw-forecast", hidden: true }, sum, bar, legend);

  const look = () => {
    const forecast = store.plan?.data?.forecast;
    show(element, forecast && (forecast.memory || forecast.seconds));
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
      (one) => h("span", { class: "lw-forecast-part", "data-name": one.name, "data-shade": sized.parts.indexOf(one) % SHADES }),
      (node, one) => {
        node.style.width = `${(100 * one.bytes) / scale}%`;
        node.title = `${memoryPart(one.name)} ${binary(one.bytes)}`;
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
      (one) => h("li", {}, h("span", { class: "lw-forecast-part", "data-name": one.name, "data-shade": sized.parts.indexOf(one) % SHADES }), h("span")),
      (node, one) => setText(node.lastElementChild, `${memoryPart(one.name)} ${binary(one.bytes)}`),
    );
  };
  for (const topic of ["plan", "opened"]) store.on(topic, look);
  look();
  return { element };
}

/** "memory 5.2 GB: a card of 8 GB is enough · about 18 min · 1.2 GB on the disk". */
function sumWords({ memory, seconds, seconds_known: known, disk_bytes: disk }) {
  return [
    memory && memoryWords(sizedFor(memory)),
    timeWords(seconds, known),
    disk && t("{size} on the disk", { size: bytes(disk) }),
  ]
    .filter(Boolean)
    .join(" · ");
}

function timeWords(seconds, known) {
  if (!seconds) return t("time known after the first run here");
  const time = duration(seconds);
  return known === "estimated" ? t("about {time}, from other settings", { time }) : t("about {time}", { time });
}

function memoryWords(sized) {
  const { found, smallest, fits } = verdict(sized);
  const size = binary(sized.peak);
  if (found && fits) return t("memory {size}: fits {card}, {own}", { size, card: found.name, own: binary(found.bytes) });
  if (found && smallest)
    return t("memory {size}: too much for {card}, {own}; a card of {smallest} GB is needed", {
      size,
      card: found.name,
      own: binary(found.bytes),
      smallest: smallest.gb,
    });
  if (smallest) return t("memory {size}: a card of {smallest} GB is enough", { size, smallest: smallest.gb });
  return t("memory {size}: more than the largest card here has", { size });
}

/** As cards are sold: a "8 GB" card has 8 GiB. */
function binary(number) {
  const [size, unit] = number < 2 ** 28 ? [number / 2 ** 20, "MiB"] : [number / 2 ** 30, "GiB"];
  return `${rounded(size, size < 10 ? 2 : 3)} ${unit}`;
}

function memoryPart(name) {
  const words = {
    weights: t("base model"),
    network: t("network"),
    optimizer: t("optimizer"),
    gradients: t("gradients"),
    activations: t("pictures in work"),
    encoding: t("while pictures are encoded"),
    drawing: t("while pictures are drawn"),
    reserve: t("kept free for CUDA"),
  };
  return words[name] ?? name;
}
