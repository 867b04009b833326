// Keeps the host's colours readable: where a theme's own pair of colours is too close, text turns black or white.

const ENOUGH = 4.5;
const BLACK = [17, 17, 17, 1];
const WHITE = [255, 255, 255, 1];

/** Looks at the colours now and whenever the host changes its theme. */
export function watchTheme(root) {
  const look = () => adjust(root);
  look();
  const observer = new MutationObserver(look);
  observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", look);
}

function adjust(root) {
  const page = backgroundBehind(root);
  root.classList.toggle("lw-dark", luminance(page) < 0.25);
  for (const kind of ["primary", "button"]) {
    for (const part of ["text", "ground"]) root.style.removeProperty(`--lw-${kind}-${part}`);
    const { text, grounds } = pairOf(root, `lw-${kind}`, page);
    if (!text || !grounds.length || worst(text, grounds) >= ENOUGH) continue;
    const better = worst(BLACK, grounds) >= worst(WHITE, grounds) ? BLACK : WHITE;
    root.style.setProperty(`--lw-${kind}-text`, css(better));
    if (worst(better, grounds) >= ENOUGH) continue;
    // A gradient from too light to too dark for either: its end that fits best stands for all of it.
    const ends = grounds.flatMap((ground) => [BLACK, WHITE].map((one) => ({ ground, one, ratio: contrast(one, ground) })));
    const best = ends.reduce((first, second) => (second.ratio > first.ratio ? second : first));
    root.style.setProperty(`--lw-${kind}-text`, css(best.one));
    root.style.setProperty(`--lw-${kind}-ground`, css(best.ground));
  }
}

/** The colours of a button of that class: its text, and its background or all colours of its gradient. */
function pairOf(root, name, page) {
  const button = document.createElement("button");
  button.className = name;
  button.style.transition = "none";
  root.append(button);
  const style = getComputedStyle(button);
  const layers = style.backgroundImage === "none" ? colours(style.backgroundColor) : colours(style.backgroundImage);
  const pair = { text: colours(style.color)[0], grounds: layers.map((one) => over(one, page)) };
  button.remove();
  return pair;
}

const css = (colour) => `rgb(${colour.slice(0, 3).map(Math.round).join(" ")})`;

const worst = (text, grounds) => Math.min(...grounds.map((ground) => contrast(over(text, ground), ground)));

function backgroundBehind(element) {
  const layers = [];
  for (let one = element; one; one = one.parentElement) {
    const style = getComputedStyle(one);
    const found = colours(style.backgroundImage)[0] ?? colours(style.backgroundColor)[0];
    if (found && found[3] > 0) layers.push(found);
  }
  return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255, 1]);
}

function colours(text) {
  return [...String(text).matchAll(/(rgba?|color)\((?:srgb )?([^()]+)\)/g)].map(([, kind, words]) => {
    const [red, green, blue, alpha = 1] = words.split(/[,\s/]+/).map(Number);
    const whole = kind === "color" ? 255 : 1; // color(srgb …) counts from 0 to 1
    return [red * whole, green * whole, blue * whole, alpha];
  });
}

function over(top, below) {
  const alpha = top[3];
  return [0, 1, 2].map((part) => top[part] * alpha + below[part] * (1 - alpha)).concat(1);
}

function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** WCAG's contrast ratio of two opaque colours. */
export function contrast(first, second) {
  const [light, dark] = [luminance(first), luminance(second)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}
