// A mask painted over a picture by mouse, finger or keyboard: what is red is drawn anew. Every step can be undone.

import { h, setAttribute } from "./dom.js";
import { t } from "./i18n.js";

const LONGEST = 1024; // pixels of the mask; the server brings it to the picture's size
const COLOUR = "#ff2d2d";
export const BRUSH = { least: 1, most: 40, usual: 8 }; // percent of the longer side
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** `changed()` is called whenever the mask is another one, `brushed()` when size or eraser are. */
export function maskPainter({ changed, brushed }) {
  const image = h("img", { class: "lw-mask-picture", alt: "", draggable: "false" });
  const canvas = h("canvas", { class: "lw-mask-canvas", "aria-hidden": "true" });
  const ring = h("div", { class: "lw-mask-ring", "aria-hidden": "true", hidden: true });
  const label = t("Mask: paint what is to be drawn anew; arrows move the brush, Space dabs, Shift and arrows paint, [ and ] resize");
  const stage = h(
    "div",
    { class: "lw-mask-stage", id: "lw-mask-stage", tabindex: "0", role: "application", "aria-label": label, title: label },
    image,
    canvas,
    ring,
  );
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let steps = [];
  let undone = [];
  let stroke = null;
  let place = null;
  let empty = true;

  const painter = {
    element: h("div", { class: "lw-mask-place" }, stage),
    brush: BRUSH.usual,
    erasing: false,
    isEmpty: () => empty,
    canUndo: () => steps.length > 0,
    canRedo: () => undone.length > 0,
    /** What was done so far, to be given to `show` again. */
    steps: () => steps,
    undo: () => turn(steps, undone),
    redo: () => turn(undone, steps),
    clear: () => empty || add({ kind: "clear" }),
    invert: () => add({ kind: "invert" }),
    setBrush(size) {
      painter.brush = Math.min(BRUSH.most, Math.max(BRUSH.least, size));
      ringAt(place);
      brushed();
    },
    setErasing(erasing) {
      painter.erasing = erasing;
      brushed();
    },
    focus: () => stage.focus(),
    /** Another picture: its address, its own size in pixels, its name, and what was painted on it before. */
    show(address, size, name, before = []) {
      setAttribute(image, "src", address || null);
      image.alt = name;
      [steps, undone, stroke, place] = [before, [], null, null];
      const scale = size ? Math.min(1, LONGEST / Math.max(...size)) : 1;
      [canvas.width, canvas.height] = (size ?? [1, 1]).map((side) => Math.max(1, Math.round(side * scale)));
      stage.style.setProperty("--lw-aspect", String(canvas.width / canvas.height));
      ringAt(null);
      redraw();
    },
    /** Takes a black and white picture (a Blob) as the mask: white is drawn anew. */
    async take(blob) {
      let bitmap = null;
      const address = image.getAttribute("src");
      try {
        bitmap = await createImageBitmap(blob);
      } catch {
        throw new Error(t("That file is no picture: choose one that is white where it is to be drawn anew."));
      }
      if (address !== image.getAttribute("src")) return; // another picture is shown by now
      const made = new OffscreenCanvas(canvas.width, canvas.height);
      const drawn = made.getContext("2d");
      drawn.fillRect(0, 0, made.width, made.height);
      drawn.drawImage(bitmap, 0, 0, made.width, made.height);
      const pixels = drawn.getImageData(0, 0, made.width, made.height);
      const { data } = pixels;
      for (let at = 0; at < data.length; at += 4) {
        const light = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
        data.set([255, 45, 45, Math.round(light)], at);
      }
      drawn.putImageData(pixels, 0, 0);
      add({ kind: "picture", made });
    },
    /** The mask as a PNG file, a data address: white on black, of the given size or its own. */
    coded(size = null) {
      const [width, height] = size ?? [canvas.width, canvas.height];
      const made = h("canvas", { width, height });
      const drawn = made.getContext("2d");
      drawn.drawImage(canvas, 0, 0, width, height);
      drawn.globalCompositeOperation = "source-in";
      drawn.fillStyle = "#fff";
      drawn.fillRect(0, 0, width, height);
      drawn.globalCompositeOperation = "destination-over";
      drawn.fillStyle = "#000";
      drawn.fillRect(0, 0, width, height);
      return made.toDataURL("image/png");
    },
  };

  const diameter = () => Math.max(1, (painter.brush / 100) * Math.max(canvas.width, canvas.height));
  const paint = (step) => {
    context.globalCompositeOperation = "source-over";
    context.fillStyle = context.strokeStyle = COLOUR;
    if (step.kind === "clear" || step.kind === "picture") context.clearRect(0, 0, canvas.width, canvas.height);
    if (step.kind === "picture") context.drawImage(step.made, 0, 0);
    if (step.kind === "invert") {
      context.globalCompositeOperation = "xor";
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    if (step.kind === "stroke") line(step, step.points);
  };
  const line = (step, points) => {
    context.globalCompositeOperation = step.erase ? "destination-out" : "source-over";
    context.fillStyle = context.strokeStyle = COLOUR;
    context.lineWidth = step.size;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.arc(...points[0], step.size / 2, 0, 2 * Math.PI); // a line without length would paint nothing
    context.fill();
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.slice(1)) context.lineTo(...point);
    context.stroke();
  };
  const redraw = () => {
    context.globalCompositeOperation = "source-over";
    context.clearRect(0, 0, canvas.width, canvas.height);
    steps.forEach(paint);
    settle();
  };
  const settle = () => {
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    empty = true;
    for (let at = 3; empty && at < data.length; at += 4) empty = data[at] === 0;
    changed();
  };
  const add = (step, painted = false) => {
    steps = [...steps, step];
    undone = [];
    if (!painted) paint(step);
    settle();
  };
  const turn = (from, to) => {
    if (!from.length || stroke) return;
    const kept = from.slice(0, -1);
    const moved = [...to, from.at(-1)];
    [steps, undone] = from === steps ? [kept, moved] : [moved, kept];
    redraw();
  };
  const ringAt = (point) => {
    place = point;
    ring.hidden = !point;
    if (!point) return;
    ring.style.left = `${(100 * point[0]) / canvas.width}%`;
    ring.style.top = `${(100 * point[1]) / canvas.height}%`;
    ring.style.width = `${(100 * diameter()) / canvas.width}%`;
    setAttribute(ring, "data-erasing", painter.erasing ? "true" : null);
  };
  const pointOf = (event) => {
    const { left, top, width, height } = stage.getBoundingClientRect();
    const share = [(event.clientX - left) / width, (event.clientY - top) / height];
    return share.map((one, axis) => Math.round(10 * one * (axis ? canvas.height : canvas.width)) / 10);
  };
  const begun = (point) => ({ kind: "stroke", erase: painter.erasing, size: diameter(), points: [point] });

  stage.addEventListener("pointerdown", (event) => {
    if (event.button || canvas.width < 2) return;
    stroke = begun(pointOf(event));
    line(stroke, stroke.points);
    stage.setPointerCapture(event.pointerId);
    stage.focus();
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    ringAt(pointOf(event));
    if (!stroke) return;
    const more = (event.getCoalescedEvents?.() ?? []).map(pointOf);
    const points = more.length ? more : [pointOf(event)];
    line(stroke, [stroke.points.at(-1), ...points]);
    stroke.points.push(...points);
  });
  for (const end of ["pointerup", "pointercancel"])
    stage.addEventListener(end, () => {
      if (stroke) add(stroke, true);
      stroke = null;
    });
  stage.addEventListener("pointerleave", () => stroke || ringAt(null));
  stage.addEventListener("blur", () => stroke || ringAt(null));

  const moved = (event) => {
    const [dx, dy] = MOVES[event.key];
    const from = place ?? [canvas.width / 2, canvas.height / 2];
    const far = Math.max(1, diameter() / 2);
    const within = (value, most) => Math.min(Math.max(0, value), most);
    const to = [within(from[0] + dx * far, canvas.width), within(from[1] + dy * far, canvas.height)];
    if (event.shiftKey) add({ ...begun(from), points: [from, to] });
    ringAt(to);
  };
  const dab = () => {
    if (!place) ringAt([canvas.width / 2, canvas.height / 2]);
    add(begun(place));
  };
  const keys = {
    " ": dab,
    Enter: dab,
    "[": () => painter.setBrush(painter.brush - 1),
    "]": () => painter.setBrush(painter.brush + 1),
    e: () => painter.setErasing(!painter.erasing),
    i: painter.invert,
    Delete: painter.clear,
    Backspace: painter.clear,
  };
  stage.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = event.ctrlKey || event.metaKey;
    if (control && key === "z") (event.shiftKey ? painter.redo : painter.undo)();
    else if (control && key === "y") painter.redo();
    else if (control || event.altKey || canvas.width < 2) return;
    else if (key in MOVES) moved(event);
    else if (key in keys) keys[key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return painter;
}
