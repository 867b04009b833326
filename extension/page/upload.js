// Pictures from this device into the dataset: what is on its way stands under the top bar on every tab, then what became of it.

import { h, setText, show } from "./dom.js";
import { bytes, count, duration } from "./format.js";
import { t } from "./i18n.js";
import { button, errorLine, progressBar, tell } from "./parts.js";
import { droppedFiles, hasFiles } from "./upload_files.js";
import { sendFiles } from "./upload_send.js";

const LISTED = 50;

/** Gives `app.upload(files)`, the lines that tell of it, and `watch(page)`, after which files may be dropped on the page. */
export function uploadPart(app) {
  const { api, store } = app;
  const line = errorLine();
  const words = h("span", { role: "status" });
  const bar = progressBar();
  const left = h("ul", { class: "lw-plain-list lw-upload-left" });
  const leftOut = h("details", { hidden: true }, h("summary", {}), left);
  let ending = null;
  const stop = button(t("Stop"), () => ending?.abort(), { kind: "lw-small", id: "lw-upload-stop" });
  const close = button(t("Close"), () => show(element, false), { kind: "lw-small", id: "lw-upload-close" });
  const head = h("div", { class: "lw-line" }, words, stop, close);
  const element = h("div", { class: "lw-notice lw-upload", id: "lw-upload", hidden: true }, head, bar.element, leftOut, line);

  const stay = (event) => event.preventDefault(); // the browser asks whether the page may be left

  app.upload = async (files) => {
    if (!files.length) return;
    show(element, true);
    if (ending) return tell(line, t("Something is being uploaded already: wait for it, or stop it."));
    ending = new AbortController();
    begin();
    const began = Date.now();
    let first = null;
    try {
      const told = (state) => {
        first ??= state.total ? state.sent : null;
        bar.set(state.sent, state.total);
        show(stop, !state.placing); // then all has arrived, and goes on by itself
        setText(words, progressWords(state, (Date.now() - began) / 1000, first ?? 0));
      };
      end(await sendFiles(api, files, told, ending.signal));
      await store.flush(); // what waits to be saved would keep the server's project out
      await store.refresh();
      store.tell("dataset");
    } catch (error) {
      setText(
        words,
        ending.signal.aborted ? t("The upload was stopped; what had not arrived whole is not in the dataset.") : "",
      );
      if (!ending.signal.aborted) tell(line, error.message);
    } finally {
      ending = null;
      window.removeEventListener("beforeunload", stay);
      show(bar.element, false);
      show(stop, false);
      show(close, true);
    }
  };

  const begin = () => {
    window.addEventListener("beforeunload", stay);
    tell(line, "");
    setText(words, t("The upload begins …"));
    for (const part of [bar.element, stop]) show(part, true);
    for (const part of [close, leftOut]) show(part, false);
    bar.set(0, 1);
  };
  const end = (done) => {
    setText(words, doneWords(done));
    show(leftOut, done.left_out.length);
    setText(leftOut.firstChild, t("Left out: {count}", { count: count(done.left_out_count) }));
    const lines = done.left_out.slice(0, LISTED).map((one) => `${one.name}: ${one.why}`);
    if (done.left_out_count > lines.length) lines.push("…");
    left.replaceChildren(...lines.map((one) => h("li", {}, one)));
  };
  return { element, watch: (page) => dropPlace(app, page) };
}

function progressWords(state, seconds, first) {
  if (state.waiting) return t("The server does not answer; the upload goes on as soon as it does.");
  if (state.placing) {
    const { done, total } = state.placing;
    return t("Putting the files into the dataset: {done} of {total}.", { done: count(done), total: count(total) });
  }
  const rate = (state.sent - first) / seconds;
  const time = rate > 0 && seconds > 3 ? t("{time} left", { time: duration((state.total - state.sent) / rate) }) : "";
  const values = { done: count(state.done), files: count(state.files), sent: bytes(state.sent), total: bytes(state.total) };
  return [t("Uploading: {done} of {files} files · {sent} of {total}", values), time].filter(Boolean).join(" · ");
}

function doneWords(done) {
  const said = [
    t("Added to {folder}: pictures {pictures}, captions {captions}.", {
      pictures: count(done.pictures),
      captions: count(done.captions),
      folder: done.folder,
    }),
    done.changed && t("{count} captions were replaced; Undo brings the old ones back.", { count: count(done.changed) }),
    done.already && t("{count} files were there already.", { count: count(done.already) }),
    done.renamed && t("{count} pictures got a new name, since other pictures had theirs.", { count: count(done.renamed) }),
  ];
  return said.filter(Boolean).join(" ");
}

/** Files may be let go anywhere on the page of an open project. */
function dropPlace(app, page) {
  const { root, store } = app;
  const cover = h("div", { class: "lw-drop", hidden: true }, h("p", {}, t("Let go to add these pictures to the dataset")));
  page.append(cover);
  let inside = 0;
  const listen = (name, work) =>
    page.addEventListener(name, (event) => {
      if (!hasFiles(event) || !store.project || root.querySelector("dialog[open]")) return;
      event.preventDefault();
      event.stopPropagation();
      work(event);
      show(cover, inside > 0);
    });
  listen("dragenter", () => (inside += 1));
  listen("dragover", () => null);
  listen("dragleave", () => (inside = Math.max(0, inside - 1)));
  listen("drop", async (event) => {
    inside = 0;
    show(cover, false);
    try {
      await app.upload(await droppedFiles(event.dataTransfer));
    } catch (error) {
      store.say(error.message);
    }
  });
}
