// Edits of many captions: what to do, on which, a preview of what would change, and then Apply.

import { debounced, h, keyed, setText, show } from "./dom.js";
import { makeForms } from "./captions_forms.js";
import { appliedWords, countWords, sampleRow } from "./captions_preview.js";
import { targetChoice } from "./captions_target.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, tell } from "./parts.js";

const ASK_AFTER = 300;

/** `applied()` is called when captions were changed; `before()` saves what is being written. */
export function captionBatch(app, model, { applied, before }) {
  const { api } = app;
  const line = errorLine();
  const forms = makeForms(model);
  const kind = h(
    "select",
    { class: "lw-input", id: "lw-edit-kind" },
    forms.map((one) => h("option", { value: one.kind }, one.label)),
  );
  const target = targetChoice(model, () => look());
  const place = h("div", { class: "lw-edit-form" });
  const told = h("p", { class: "lw-preview-head", role: "status" });
  const counts = h("p", { class: "lw-dim lw-preview-counts" });
  const samples = h("div", { class: "lw-samples-list", role: "list", "aria-label": t("Preview") });
  const done = h("p", { class: "lw-told", role: "status", hidden: true });
  let seen = null;
  let asked = 0;
  const own = () => forms.find((one) => one.kind === kind.value);

  const apply = async () => {
    const { mark } = seen; // what is saved before may have the preview made anew
    await before();
    const body = { folder: model.folder, ...model.target(target.selection()), edits: [own().read()], mark };
    let answer;
    try {
      answer = await api.post("captions/apply", body);
    } catch (error) {
      look(); // captions were changed meanwhile: the preview shows what would be done now
      throw error;
    }
    setText(done, appliedWords(answer));
    show(done, true);
    own().clear?.();
    seen = null;
    draw();
    await applied();
  };
  const press = button(t("Apply"), apply, { line, kind: "lw-primary", id: "lw-apply" });

  const ask = debounced(ASK_AFTER, async () => {
    const edit = own().read();
    asked += 1;
    const mine = asked;
    if (!edit || !model.folder) {
      seen = null;
      return draw();
    }
    try {
      const answer = await api.post("captions/preview", {
        folder: model.folder,
        ...model.target(target.selection()),
        edits: [edit],
      });
      if (mine !== asked) return;
      seen = answer;
      tell(line, "");
      draw();
    } catch (error) {
      if (mine !== asked) return;
      seen = null;
      draw();
      tell(line, error.message);
    }
  });
  const look = () => {
    seen = null;
    asked += 1; // an answer for what was before must not be taken
    disable(press, t("The preview is being made."));
    ask();
  };
  const draw = () => {
    const changed = seen?.changed ?? 0;
    const words = seen
      ? t("{changed} of {count} files change", { changed: count(changed), count: count(seen.looked_at) })
      : t("Here you see what will change, before it does.");
    setText(
      told,
      words +
        (seen?.left_alone_count
          ? ` · ${t("{count} would be empty and stay as they are", { count: count(seen.left_alone_count) })}`
          : ""),
    );
    setText(counts, seen ? countWords(seen) : "");
    show(counts, seen && changed);
    setText(
      press,
      changed === 1 ? t("Apply to 1 file") : changed ? t("Apply to {count} files", { count: count(changed) }) : t("Apply"),
    );
    disable(press, changed ? "" : t("Nothing would change."));
    keyed(samples, seen?.samples ?? [], (one) => JSON.stringify(one), sampleRow);
  };
  const choose = () => {
    place.replaceChildren(...own().elements);
    show(done, false);
    tell(line, "");
    look();
  };
  kind.addEventListener("change", choose);
  place.addEventListener("input", (event) => {
    if (event.isComposing) return;
    show(done, false);
    look();
  });
  for (const topic of ["list", "selection"]) {
    model.on(topic, () => {
      target.look();
      if (element.isConnected && !element.closest("[hidden]") && own().read()) look();
    });
  }
  place.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) press.click();
  });

  const element = h(
    "div",
    { class: "lw-batch", id: "lw-batch" },
    h("div", { class: "lw-line" }, h("label", { class: "lw-hidden-words", htmlFor: "lw-edit-kind" }, t("what to do")), kind),
    place,
    target.element,
    line,
    done,
    h("div", { class: "lw-line" }, press, told),
    counts,
    samples,
  );
  choose();
  return {
    element,
    /** Prepares an edit of a tag: "remove" or "replace". */
    prepare(what, tag) {
      kind.value = what;
      choose();
      own().fill(tag);
      look();
    },
    shown: () => own().read() && look(),
  };
}
