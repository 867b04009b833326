// What is in a LoRA file: kinds, ranks, base, hashes, blocks and tensors; beside it its metadata, to be edited.

import { h, keyed, setText, show } from "./dom.js";
import { baseName, bytes, count, rounded } from "./format.js";
import { t } from "./i18n.js";
import { errorLine, sign, tell } from "./parts.js";
import { metadataPart } from "./tools_metadata.js";
import { toolFields } from "./tools_fields.js";

export function inspectPart(app, model) {
  const line = errorLine();
  const fields = toolFields(model, "inspect");
  const facts = h("dl", { class: "lw-tools-facts" });
  const notes = h("div");
  const waiting = h("p", { class: "lw-dim", role: "status" });
  const blocks = h("div", { class: "lw-tools-blocks", role: "list", "aria-label": t("How much it changes, by block") });
  const keys = h("details", { class: "lw-tools-keys", hidden: true });
  const empty = h("p", { class: "lw-empty" }, t("Choose a LoRA, and what is in it stands here: ranks, base, blocks and metadata."));
  const metadata = metadataPart(app, model, (path) => model.change("inspect", { path }));
  let looked = "";

  const look = async () => {
    fields.put();
    const { path } = model.values("inspect");
    if (path === looked) return;
    looked = path;
    tell(line, "");
    draw(null);
    setText(waiting, path ? t("Looking into it …") : "");
    if (!path) return;
    try {
      const found = await app.api.post("tools/inspect", { lora: path });
      if (path === looked) draw(found);
    } catch (error) {
      if (path === looked) tell(line, error.message);
    }
    if (path === looked) setText(waiting, "");
  };
  const draw = (found) => {
    show(empty, !model.values("inspect").path);
    facts.replaceChildren(...(found ? factRows(found) : []));
    notes.replaceChildren(...(found?.lines ?? []).map((one) => h("p", { class: "lw-why" }, sign("note"), one)));
    keyed(blocks, Object.entries(found?.blocks ?? {}), ([name]) => name, blockRow, updateBlock);
    show(keys, found);
    if (found) keys.replaceChildren(h("summary", {}, t("{count} tensors", { count: count(found.tensors) })), keyList(found.keys));
    keys.open = false;
    metadata.show(found);
  };
  for (const topic of ["known", "values"]) model.on(topic, look);
  const left = h(
    "div",
    { class: "lw-scroll lw-tools-form lw-tools-look" },
    fields.lora("path", t("LoRA"), t("It stays as it is.")),
    waiting,
    line,
    facts,
    notes,
    blocks,
    keys,
  );
  show(line, false);
  return {
    left: [left, metadata.foot],
    right: h("div", { class: "lw-right" }, empty, metadata.element),
    shown: () => look(),
  };
}

function factRows(found) {
  const listed = (counts) =>
    Object.entries(counts)
      .map(([name, number]) => `${name} (${count(number)})`)
      .join(", ");
  const ranks = found.ranks.map(({ rank, alpha, modules }) => {
    const values = { rank, modules: count(modules), alpha: rounded(alpha) };
    return alpha === null
      ? t("{rank} without alpha ({modules} modules)", values)
      : t("{rank}, alpha {alpha} ({modules} modules)", values);
  });
  const { base, hashes } = found;
  const rows = [
    [t("file"), `${baseName(found.path)} · ${bytes(found.bytes)}`],
    [t("kinds"), listed(found.kinds)],
    [t("ranks"), ranks.join("; ") || t("none")],
    [t("precision"), listed(found.dtypes)],
    [t("base"), [base.name || t("not told"), base.hash.slice(0, 10), base.version].filter(Boolean).join(" · ")],
    [t("hashes"), `sha256 ${hashes.sha256.slice(0, 12)} · ${t("tensors")} ${hashes.tensors.slice(0, 12)}`],
    [t("change's length"), rounded(found.norm, 4)],
    ...Object.entries(found.made).map(([name, how]) => [name.replace("lora_workbench_", ""), asWords(how)]),
  ];
  return rows.flatMap(([name, words]) => [h("dt", {}, name), h("dd", {}, words)]);
}

/** A record of what made the file, to be read; its hashes stand in the metadata. */
function asWords(how) {
  if (how === null || typeof how !== "object") return String(how);
  if (Array.isArray(how)) return how.map(asWords).join(how.some((one) => typeof one === "object") ? "; " : " ");
  const known = Object.entries(how).filter(([name, value]) => value !== null && !name.endsWith("hash"));
  return known.map(([name, value]) => (name === "name" || name === "parents" ? "" : `${name} `) + asWords(value)).join(" · ");
}

function blockRow([name]) {
  const fill = h("div", { class: "lw-bar-fill" });
  const words = h("span", { class: "lw-dim" });
  const shown = name === "elsewhere" ? t("in no block") : name;
  const element = h("div", { role: "listitem" }, h("span", {}, shown), h("div", { class: "lw-bar" }, fill), words);
  element.lwParts = { fill, words };
  return element;
}

function updateBlock(element, [, one]) {
  const { fill, words } = element.lwParts;
  fill.style.width = `${100 * one.share}%`;
  setText(words, `${rounded(100 * one.share)} % · ${one.modules === 1 ? t("1 module") : t("{count} modules", { count: one.modules })}`);
}

function keyList(all) {
  return h(
    "ul",
    { class: "lw-tools-tensors" },
    all.map((one) => h("li", {}, `${one.key} · ${one.dtype} [${one.shape.join(", ")}]`)),
  );
}
