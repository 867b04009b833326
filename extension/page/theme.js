// Keeps the host's colours readable: where a theme's own pair of colours is too close, text turns black or white.

const ENOUGH = 4.5;
const PAIRS = [
  { probe: "lw-primary", variable: "--lw-primary-text" },
  { probe: "lw-button", variable: "--lw-button-text" },
];

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
  for (const { probe, variable } of PAIRS) {
    root.style.removeProperty(variable);
    const button = document.createElement("button");
    button.className = probe;
    button.style.transition = "none";
    root.append(button);
    const style = getComputedStyle(button);
    const backgrounds = colours(style.backgroundImage)
      .concat(colours(style.backgroundColor))
      .map((one) => over(one, page));
    const ground = style.backgroundImage === "none" ? backgrounds.slice(-1) : backgrounds.slice(0, -1);
    const text = colours(style.color)[0];
    button.remove();
    if (!ground.length || !text) continue;
    const worst = (candidate) => Math.min(...ground.map((one) => contrast(over(candidate, one), one)));
    if (worst(text) >= ENOUGH) continue;
    const [black, white] = [
      [17, 17, 17, 1],
      [255, 255, 255, 1],
    ];
    root.style.setProperty(variable, worst(black) >= worst(white) ? "#111" : "#fff");
  }
}

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
