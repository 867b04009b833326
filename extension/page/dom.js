// Makes and changes elements. Whatever is shown goes through text nodes and attributes, so nothing a file or a caption
// says is ever read as HTML. Texts are written only where they differ: webui watches every change of its page.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `props` are attributes, `class`, `on: {event: handler}` or DOM properties; children are nodes or texts. */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for drawings. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

const PROPERTIES = new Set([
  "value",
  "checked",
  "disabled",
  "hidden",
  "selected",
  "open",
  "indeterminate",
  "readOnly",
  "htmlFor",
]);

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null) continue;
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else if (PROPERTIES.has(name)) {
      element[name] = value;
    } else if (value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A small folder, drawn: not every machine's fonts have one. */
export function folderIcon() {
  const outline = svg("path", { d: "M1.5 3.5h4.6l1.5 2h6.9v8h-13z", "stroke-linejoin": "round" });
  return svg("svg", { class: "lw-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, outline);
}

/** Changes a text only where it differs. */
export function setText(element, text) {
  const wanted = text ?? "";
  if (element.textContent !== wanted) element.textContent = wanted;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** Shows or hides an element in its place. */
export function show(element, visible) {
  if (element.hidden === Boolean(visible)) element.hidden = !visible;
}

/** Brings children into the order of `items`, keeping the nodes that are there: what has the focus keeps it. */
export function keyed(container, items, keyOf, make, update) {
  const known = container.lwNodes ?? (container.lwNodes = new Map());
  const wanted = new Set(items.map(keyOf));
  for (const [key, node] of known) {
    if (wanted.has(key)) continue;
    node.remove();
    known.delete(key);
  }
  let before = container.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = known.get(key);
    if (!node) {
      node = make(item);
      known.set(key, node);
    }
    update?.(node, item);
    if (node === before) before = before.nextElementSibling;
    else container.insertBefore(node, before);
  }
}

/** Waits until `milliseconds` passed without another call. `now()` does at once what waits. */
export function debounced(milliseconds, work) {
  let timer = 0;
  const later = (...words) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      work(...words);
    }, milliseconds);
  };
  later.cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  later.waiting = () => timer !== 0;
  return later;
}

/** Whether someone writes just now: then nothing may be put under their hands. */
export function typingIn(element) {
  const active = document.activeElement;
  return Boolean(active && element.contains(active) && active.matches("input, textarea, select"));
}
