// Chooses a folder of the server's machine: roots, the way down to it, its folders with their numbers of pictures.

import { folderIcon, h, setText, show } from "./dom.js";
import { baseName, count } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, tell } from "./parts.js";

/** Opens the picker; resolves to the chosen folder's path, or null. `models`: base models are looked for in it, not pictures. */
export function openFolderPicker({ root, api }, start = "", { models = false } = {}) {
  return new Promise((resolve) => {
    const picker = buildPicker(api, models, (path) => {
      picker.element.close();
      picker.element.remove();
      resolve(path);
    });
    root.append(picker.element);
    picker.element.showModal();
    picker.go(start);
  });
}

function buildPicker(api, models, finish) {
  const line = errorLine();
  const roots = h("div", { class: "lw-line lw-roots" });
  const crumbs = h("nav", { class: "lw-crumbs", "aria-label": t("The way to this folder") });
  const typed = h("input", {
    type: "text",
    class: "lw-input lw-wide",
    "aria-label": t("Path of the folder"),
    spellcheck: "false",
  });
  const list = h("div", { class: "lw-folders", role: "listbox", "aria-label": t("Folders"), tabindex: "0" });
  const take = button(
    "",
    async () => {
      if (!typing || (await go(typed.value.trim()))) finish(here.path);
    },
    { line, kind: "lw-primary" },
  );
  let here = { path: "", folders: [] };
  let at = 0;
  let counts = new Map();
  let asked = 0;
  let typing = false; // a path is being typed, which no listing that comes meanwhile may overwrite

  const go = async (path, from = "") => {
    asked += 1;
    typing = false;
    const own = asked;
    try {
      const answer = await api.get("folders", { path: path || "" });
      if (own !== asked) return;
      here = answer;
      tell(line, "");
      draw(from);
      return true;
    } catch (error) {
      if (own !== asked) return;
      typing = Boolean(path) && typed.value.trim() === path; // stays, to be mended
      tell(line, error.message);
      if (!here.path && path) go(""); // a folder that is gone: begin at the roots
    }
  };

  const draw = (from) => {
    for (const one of here.folders) counts.set(join(here.path, one.name), one.pictures);
    const own = here.pictures ?? counts.get(here.path);
    if (!typing) {
      typed.value = here.path ?? "";
      nameTaken(here.path, models ? 0 : own);
    }
    roots.replaceChildren(
      ...(here.roots ?? []).map((one) => button(rootName(one), () => go(rootPath(one)), { kind: "lw-small" })),
    );
    crumbs.replaceChildren(...wayTo(here.path).map(([name, path]) => button(name, () => go(path), { kind: "lw-crumb" })));
    const rows = here.folders.map((one, number) => row(one, number));
    if (here.parent) rows.unshift(upRow());
    const words = inside(own);
    list.replaceChildren(...rows, ...(words ? [h("p", { class: "lw-empty" }, words)] : []));
    const wanted = here.folders.findIndex((one) => one.name === from);
    select(wanted >= 0 ? wanted + (here.parent ? 1 : 0) : 0);
    if (!typing) list.focus();
  };
  const nameTaken = (path, pictures) => {
    const own = baseName(path) || path;
    setText(
      take,
      pictures ? t("Use {name} · {count} pictures", { name: own, count: count(pictures) }) : t("Use {name}", { name: own }),
    );
    take.disabled = !path;
  };
  /** What lies in the open folder besides folders; pictures are counted, and only where that is all there is. */
  const inside = (pictures) => {
    if (here.models?.length && models) return here.models.join(" · ");
    if (here.folders.length) return "";
    if (models) return t("No folders and no base models in here.");
    if (!pictures) return t("No folders in here.");
    return pictures === 1
      ? t("1 picture, no folders in here.")
      : t("{count} pictures, no folders in here.", { count: count(pictures) });
  };
  const upRow = () => option("..", "", () => go(here.parent, baseName(here.path)));
  const row = (one) => {
    const some = one.pictures === 1 ? t("1 picture") : t("{count} pictures", { count: count(one.pictures) });
    return option(one.name, one.pictures && !models ? some : "", () => go(join(here.path, one.name)));
  };
  const option = (name, words, open) => {
    const element = h(
      "div",
      { class: "lw-folder", role: "option", "aria-selected": "false" },
      h("span", { class: "lw-folder-name" }, name === ".." ? "↑ " : folderIcon(), ` ${name}`),
      h("span", { class: "lw-dim" }, words),
    );
    element.lwOpen = open;
    element.addEventListener("click", () => open());
    return element;
  };
  const options = () => [...list.querySelectorAll("[role=option]")];
  const select = (number) => {
    const all = options();
    at = Math.max(0, Math.min(number, all.length - 1));
    all.forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
    all[at]?.scrollIntoView({ block: "nearest" });
  };

  list.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 };
    if (event.key in moves) select(at + moves[event.key]);
    else if (event.key === "Enter" && !event.ctrlKey) options()[at]?.lwOpen();
    else if (event.key === "Enter") take.click();
    else if (["Backspace", "ArrowLeft"].includes(event.key)) here.parent && go(here.parent, baseName(here.path));
    else if (event.key === "ArrowRight") options()[at]?.lwOpen();
    else if (event.key.length === 1 && !event.ctrlKey) jumpTo(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const jumpTo = (letter) => {
    const all = options();
    const found = [...all.keys()].map((step) => (at + 1 + step) % all.length);
    const hit = found.find((index) =>
      all[index].textContent.replace(/^\W+/u, "").toLowerCase().startsWith(letter.toLowerCase()),
    );
    if (hit !== undefined) select(hit);
  };
  typed.addEventListener("input", () => {
    typing = true;
    nameTaken(typed.value.trim(), 0);
  });
  typed.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    go(typed.value.trim());
  });

  const cancel = button(t("Cancel"), () => finish(null));
  const keys = h(
    "p",
    { class: "lw-dim" },
    t("↑ ↓ choose · Enter opens · Backspace goes up · Ctrl+Enter takes the folder that is open"),
  );
  const element = h(
    "dialog",
    { class: "lw-dialog lw-picker", "aria-label": t("Choose a folder") },
    h("h2", {}, t("Choose a folder")),
    roots,
    crumbs,
    typed,
    list,
    line,
    keys,
    h("div", { class: "lw-line lw-end" }, cancel, take),
  );
  element.addEventListener("cancel", (event) => {
    event.preventDefault();
    finish(null);
  });
  element.addEventListener("keydown", (event) => event.stopPropagation()); // webui has keys of its own
  show(roots, true);
  return { element, go };
}

const rootPath = (one) => (typeof one === "string" ? one : one.path);
const rootName = (one) => (typeof one === "string" ? one : one.name);

/** The folders on the way to a path: [name, path] each; understands / and drive letters with \. */
export function wayTo(path) {
  const separator = path?.includes("\\") ? "\\" : "/";
  const words = (path ?? "").split(separator).filter(Boolean);
  const way = path?.startsWith("/") ? [["/", "/"]] : [];
  words.forEach((word, number) => {
    const joined = words.slice(0, number + 1).join(separator);
    way.push([word, path.startsWith("/") ? `/${joined}` : number ? joined : `${joined}${separator}`]);
  });
  return way;
}

export function join(path, name) {
  const separator = path?.includes("\\") ? "\\" : "/";
  if (!path) return name;
  return path.endsWith(separator) ? path + name : path + separator + name;
}
