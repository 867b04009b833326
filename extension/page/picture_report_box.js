// A rectangle on a picture, in the picture's own pixels: drawn, moved and resized by mouse and keyboard.

import { h } from "./dom.js";
import { t } from "./i18n.js";

export const LEAST = 16; // px of a side
const CORNERS = ["nw", "ne", "sw", "se"];

/** The box within [width, height], whole, at least LEAST px a side, of the aspect (width by height) where one is given. */
export function fitted([x, y, width, height], size, aspect = null) {
  let [w, h] = [Math.max(LEAST, Math.min(width, size[0])), Math.max(LEAST, Math.min(height, size[1]))];
  if (aspect) {
    h = w / aspect;
    if (h > size[1]) [w, h] = [size[1] * aspect, size[1]];
    if (w > size[0]) [w, h] = [size[0], size[0] / aspect];
  }
  const left = Math.min(Math.max(0, Math.round(x)), size[0] - Math.round(w));
  const top = Math.min(Math.max(0, Math.round(y)), size[1] - Math.round(h));
  return [Math.max(0, left), Math.max(0, top), Math.round(w), Math.round(h)];
}

/** The box between a fixed corner and a point, which may lie to any side of it. */
export function spanned([fromX, fromY], [x, y], size, aspect = null) {
  let width = Math.abs(x - fromX);
  let height = Math.abs(y - fromY);
  if (aspect) {
    width = Math.max(width, height * aspect, LEAST, LEAST * aspect);
    width = Math.min(width, x < fromX ? fromX : size[0] - fromX, (y < fromY ? fromY : size[1] - fromY) * aspect);
    height = width / aspect;
  }
  return fitted([x < fromX ? fromX - width : fromX, y < fromY ? fromY - height : fromY, width, height], size, aspect);
}

/** What an arrow key makes of the box: moved, or with Shift made larger and smaller; with Alt by single pixels. */
export function stepped(box, { key, shiftKey, altKey }, size, aspect = null) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [];
  if (dx === undefined) return null;
  const step = altKey ? 1 : Math.max(1, Math.round(Math.min(...size) / 50));
  const [x, y, width, height] = box;
  if (!shiftKey) return fitted([x + dx * step, y + dy * step, width, height], size, aspect);
  const wide = aspect && dy ? width + dy * step * aspect : width + dx * step;
  return fitted([x, y, wide, height + dy * step], size, aspect);
}

/** `changed(box)` is called for every change by hand; `aspect()` is asked for the aspect that is to be kept, or null. */
export function cropBox({ changed, aspect }) {
  const image = h("img", { class: "lw-crop-picture", alt: "", draggable: "false" });
  const frame = h(
    "div",
    { class: "lw-crop-box", hidden: true },
    CORNERS.map((corner) => h("span", { class: "lw-crop-corner", "data-corner": corner })),
  );
  const label = t("Rectangle: drag to draw; arrows move it, with Shift they resize it, with Alt by single pixels");
  const told = { role: "application", "aria-label": label, title: label };
  const stage = h("div", { class: "lw-crop-stage", tabindex: "0", ...told }, image, frame);
  let size = null;
  let box = null;
  let drag = null;

  const place = (event) => {
    const { left, top, width, height } = image.getBoundingClientRect();
    const within = (value, most) => Math.min(Math.max(0, value), most);
    return [
      within(((event.clientX - left) / width) * size[0], size[0]),
      within(((event.clientY - top) / height) * size[1], size[1]),
    ];
  };
  const put = (wanted) => {
    box = wanted;
    frame.hidden = !box;
    if (!box) return;
    const parts = { left: box[0] / size[0], top: box[1] / size[1], width: box[2] / size[0], height: box[3] / size[1] };
    for (const [name, share] of Object.entries(parts)) frame.style[name] = `${100 * share}%`;
  };
  const take = (wanted) => {
    put(wanted);
    changed(box);
  };
  const opposite = (corner) => [box[0] + (corner.includes("w") ? box[2] : 0), box[1] + (corner.includes("n") ? box[3] : 0)];

  stage.addEventListener("pointerdown", (event) => {
    if (!size || event.button) return;
    const corner = event.target.dataset.corner;
    const point = place(event);
    if (corner) drag = { from: opposite(corner) };
    else if (frame.contains(event.target)) drag = { moved: [point[0] - box[0], point[1] - box[1]] };
    else drag = { from: point };
    stage.setPointerCapture(event.pointerId);
    stage.focus();
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const point = place(event);
    if (drag.from) take(spanned(drag.from, point, size, aspect()));
    else take(fitted([point[0] - drag.moved[0], point[1] - drag.moved[1], box[2], box[3]], size));
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => (drag = null));
  stage.addEventListener("keydown", (event) => {
    if (!size) return;
    const middle = () => fitted([size[0] / 4, size[1] / 4, size[0] / 2, size[1] / 2], size, aspect());
    const begins = event.key.startsWith("Arrow") || event.key === "Enter";
    const next = box ? stepped(box, event, size, aspect()) : begins ? middle() : null;
    if (!next) return;
    take(next);
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    element: h("div", { class: "lw-crop-place" }, stage),
    put,
    /** Another picture: its address, and its size in pixels. */
    show(address, own, name) {
      size = own;
      if (image.getAttribute("src") !== address) image.src = address;
      image.alt = name;
      stage.style.setProperty("--lw-aspect", String(own ? own[0] / own[1] : 1));
      put(null);
    },
  };
}
