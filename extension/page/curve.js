// The loss as a curve: single steps faint, the mean over an epoch bold, the loss of pictures that aren't trained as dots, and
// the band in which the guide expects it; below it the rates.

import { h, setAttribute, setText, show, svg } from "./dom.js";
import { count, rounded } from "./format.js";
import { t } from "./i18n.js";
import { partName } from "./plan_view.js";

const WIDTH = 560;
const HEIGHT = 120;
const LEFT = 40;
const BOTTOM = 18;
const BAND = [0.05, 0.15];
const MOST_POINTS = 600;

export function lossCurve() {
  const band = svg("rect", { class: "lw-curve-band", x: LEFT, width: WIDTH - LEFT });
  const bandWords = svg("text", { class: "lw-curve-words", x: WIDTH - 4, "text-anchor": "end" }, t("usual: 0.05–0.15"));
  const raw = svg("path", { class: "lw-curve-raw" });
  const smooth = svg("path", { class: "lw-curve-smooth" });
  const measured = svg("g", { class: "lw-curve-validation" });
  const grid = svg("g", { class: "lw-curve-grid" });
  const cursor = svg("line", { class: "lw-curve-cursor", y1: 0, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const picture = svg(
    "svg",
    { class: "lw-curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" },
    band,
    grid,
    raw,
    smooth,
    measured,
    bandWords,
    cursor,
  );
  const words = h("p", { class: "lw-curve-now" });
  const rates = h("div", { class: "lw-rates" });
  const element = h("div", { class: "lw-curve-place", hidden: true }, words, picture, rates);
  let data = null;

  const draw = (given) => {
    data = given;
    show(element, data.steps.length > 1);
    if (data.steps.length < 2) return;
    const bold = smoothed(data);
    const kept = data.validation?.loss ?? [];
    const top = niceTop(Math.max(BAND[1] * 1.15, quantile(data.loss, 0.98), ...bold.filter(Number.isFinite), ...kept));
    const x = scale(Math.min(data.steps[0], data.validation?.steps?.[0] ?? Infinity), data.steps[data.steps.length - 1], LEFT, WIDTH - 4);
    const y = scale(0, top, HEIGHT - BOTTOM, 4);
    raw.setAttribute("d", path(data.steps, data.loss, x, y));
    smooth.setAttribute("d", path(data.steps, bold, x, y));
    drawMeasured(measured, data.validation, x, y);
    setAttribute(band, "y", y(BAND[1]));
    setAttribute(band, "height", y(BAND[0]) - y(BAND[1]));
    setAttribute(bandWords, "y", Math.max(12, y(BAND[1]) + 12));
    drawGrid(grid, top, data.steps, x, y);
    now();
    drawRates(rates, data);
  };
  const now = (at = data.steps.length - 1) => {
    const figures = { step: count(data.steps[at]), loss: rounded(data.loss[at]), mean: rounded(smoothed(data)[at]) };
    const last = validationAt(data, data.steps[at]);
    const measuredWords = last ? ` · ${t("validation {loss} at step {step}", last)}` : "";
    setText(words, t("loss {mean} (mean) · {loss} at step {step}", figures) + measuredWords);
    picture.setAttribute("aria-label", words.textContent);
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    const x = scale(data.steps[0], data.steps[data.steps.length - 1], LEFT, WIDTH - 4);
    const at = nearest(data.steps, x, place);
    cursor.setAttribute("x1", x(data.steps[at]));
    cursor.setAttribute("x2", x(data.steps[at]));
    cursor.setAttribute("visibility", "visible");
    now(at);
  });
  picture.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    now();
  });
  return { element, draw };
}

/** The run's own mean over an epoch, or a running mean where it gave none. */
export function smoothed({ loss, average }) {
  if (average?.length === loss.length && average.every((one) => Number.isFinite(one))) return average;
  let mean = loss[0];
  return loss.map((one) => (mean = Number.isFinite(one) ? mean + 0.05 * (one - mean) : mean));
}

/** The last validation up to a step, or null. */
function validationAt({ validation }, step) {
  const at = (validation?.steps ?? []).findLastIndex((one) => one <= step);
  return at < 0 ? null : { loss: rounded(validation.loss[at]), step: count(validation.steps[at]) };
}

function drawMeasured(place, validation, x, y) {
  const steps = validation?.steps ?? [];
  const dots = steps.map((step, number) => svg("circle", { cx: x(step), cy: y(validation.loss[number]), r: 3 }));
  place.replaceChildren(...(steps.length ? [svg("path", { d: path(steps, validation.loss, x, y) })] : []), ...dots);
}

function scale(from, to, low, high) {
  const span = to - from || 1;
  return (value) => low + ((value - from) / span) * (high - low);
}

function path(steps, values, x, y) {
  const every = Math.max(1, Math.floor(steps.length / MOST_POINTS));
  let words = "";
  for (let at = 0; at < steps.length; at += every) {
    if (!Number.isFinite(values[at])) continue;
    words += `${words ? "L" : "M"}${x(steps[at]).toFixed(1)} ${Math.max(2, y(values[at])).toFixed(1)}`;
  }
  return words;
}

function nearest(steps, x, place) {
  let best = 0;
  for (let at = 1; at < steps.length; at += 1) {
    if (Math.abs(x(steps[at]) - place) < Math.abs(x(steps[best]) - place)) best = at;
  }
  return best;
}

function quantile(values, share) {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

export function niceTop(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 8, 10].map((factor) => factor * unit).find((one) => one >= value * 0.999);
}

function drawGrid(grid, top, steps, x, y) {
  const marks = [0, top / 2, top].map((value) => [
    svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    svg(
      "text",
      { x: LEFT - 5, y: Math.min(HEIGHT - BOTTOM, Math.max(11, y(value) + 4)), "text-anchor": "end" },
      rounded(value, 2),
    ),
  ]);
  const ends = [steps[0], steps[steps.length - 1]];
  const words = ends.map((step, number) =>
    svg(
      "text",
      { x: x(step), y: HEIGHT - 4, "text-anchor": number ? "end" : "start" },
      number ? t("step {step}", { step: count(step) }) : count(step),
    ),
  );
  grid.replaceChildren(...marks.flat(), ...words);
}

/** Each part's rate now, with a small curve of how it went. */
function drawRates(place, { steps, lr }) {
  const parts = Object.entries(lr ?? {}).filter(([, values]) => values.some(Number.isFinite));
  const nodes = parts.map(([part, values]) => {
    const known = values.filter(Number.isFinite);
    const y = scale(0, Math.max(...known) || 1, 15, 1);
    const x = scale(steps[0], steps[steps.length - 1], 0, 60);
    const line = svg(
      "svg",
      { class: "lw-spark", viewBox: "0 0 60 16", "aria-hidden": "true" },
      svg("path", { d: path(steps, values, x, y) }),
    );
    return h("span", { class: "lw-rate" }, `${partName(part)} `, h("b", {}, rounded(known[known.length - 1], 3)), line);
  });
  place.replaceChildren(...(nodes.length ? [h("span", { class: "lw-dim" }, t("rates")), ...nodes] : []));
}
