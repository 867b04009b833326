// The forms of the tools that write a new LoRA: what is asked, under which name it is written, and what is sent.

import { h } from "./dom.js";
import { baseName } from "./format.js";
import { t } from "./i18n.js";
import { mergeForm } from "./tools_merge.js";
import { toolFields } from "./tools_fields.js";

const RANK = { low: 1, high: 4096 };
const stem = (path) => baseName(path).replace(/\.(safetensors|ckpt|pt|pth|bin)$/, "");

/** Each tool: its title, about it in a sentence, its fields, what is missing, what is sent, the new file's usual name. */
export const FORMS = {
  extract: {
    title: () => t("Extract"),
    about: () => t("Makes a LoRA of the difference between a model and the one that it was tuned from."),
    label: (values) => t("Extract with rank {rank}", { rank: values.dim }),
    fields: (fields) => [
      fields.model("original", t("Original"), t("The model that the other was tuned from.")),
      fields.model("tuned", t("Tuned"), t("The model whose changes become a LoRA.")),
      fields.number("dim", t("Rank"), t("192 to 256 are usual; the more, the nearer and the larger."), RANK),
      fields.number("conv_dim", t("Rank of convolutions"), t("For those wider than 1×1; left empty, they are left out."), {
        ...RANK,
        empty: true,
      }),
      fields.choice("parts", t("Parts"), t("Which parts of the models are compared."), [
        ["both", t("UNet and text encoder")],
        ["unet", t("UNet alone")],
        ["text", t("text encoder alone")],
      ]),
      precision(fields, false),
      fields.flag("velocity", t("Predicts velocity"), t("For v-prediction models whose file doesn't say so.")),
    ],
    missing: ({ original, tuned }) => (original && tuned ? "" : t("Choose both models.")),
    options: ({ original, tuned, dim, conv_dim, parts, precision: kept, velocity }) => ({
      ...{ original, tuned, dim, conv_dim, precision: kept, velocity },
      unet: parts !== "text",
      text_encoder: parts !== "unet",
    }),
    name: ({ tuned }) => `${stem(tuned)}-lora`,
  },
  merge: {
    title: () => t("Merge"),
    about: () => t("Adds LoRAs to each other, each at its strength; or puts them into a checkpoint for good."),
    label: ({ base }) => (base ? t("Merge into the checkpoint") : t("Merge the LoRAs")),
    fields: (fields, model) => [
      mergeForm(model, fields),
      fields.model("base", t("Into"), t("A checkpoint that gets the LoRAs for good; without one they become one LoRA."), t("one LoRA")),
      fields.number("rank", t("New rank"), t("The best LoRA of that rank; left empty, all ranks are kept side by side."), {
        ...RANK,
        empty: true,
        placeholder: t("all"),
      }),
      fields.number("x", t("X"), t("What X stands for in block weights."), { low: -100, high: 100, whole: false }),
      precision(fields),
    ],
    missing: ({ loras }) => (loras.some((one) => one.path) ? "" : t("Choose the LoRAs.")),
    options: ({ loras, base, rank, x, precision: kept }) => ({
      ...{ base, x, precision: kept, loras: loras.filter((one) => one.path) },
      rank: base ? null : rank,
    }),
    name: ({ loras, base }) => {
      const chosen = loras.filter((one) => one.path).map((one) => stem(one.path));
      return `${(base ? stem(base) : chosen.join("-")).slice(0, 80)}-merged`;
    },
  },
  resize: {
    title: () => t("Resize"),
    about: () => t("Writes the best LoRA of fewer ranks, which is a smaller file."),
    label: (values) => t("Resize to rank {rank}", { rank: values.rank }),
    fields: (fields) => [
      fields.lora("path", t("LoRA"), t("It stays as it is.")),
      fields.number("rank", t("New rank"), t("With a method: the most that a module gets."), RANK),
      fields.number("conv_rank", t("Rank of convolutions"), t("For those wider than 1×1; left empty, the same."), {
        ...RANK,
        empty: true,
      }),
      fields.choice("method", t("Method"), t("How many ranks each module keeps, by its singular values."), [
        ["", t("the same rank for all")],
        ["sv_ratio", t("above the largest by a ratio (sv_ratio)")],
        ["sv_cumulative", t("a share of their sum (sv_cumulative)")],
        ["sv_fro", t("a share of the change's length (sv_fro)")],
      ]),
      fields.number("parameter", t("Its number"), t("sv_ratio: 2 or more, such as 20; the others: a share such as 0.95."), {
        low: 0,
        high: 1000000,
        whole: false,
        empty: true,
      }),
      precision(fields),
    ],
    missing: ({ path, method, parameter }) => {
      if (!path) return t("Choose a LoRA.");
      return method && !parameter ? t("Give the method its number.") : "";
    },
    options: ({ path, rank, conv_rank, method, parameter, precision: kept }) => ({
      ...{ path, rank, conv_rank, method, precision: kept },
      parameter: method ? parameter : null,
    }),
    name: ({ path, rank, method, parameter }) => `${stem(path)}-${method ? `${method}${parameter}` : `rank${rank}`}`,
  },
  bake: {
    title: () => t("Bake"),
    about: () => t("Makes block weights part of the file, for webuis without lora-block-weight."),
    label: () => t("Bake into a file"),
    fields: (fields, model, app) => [
      fields.lora("path", t("LoRA"), t("It stays as it is.")),
      fields.text("block_weights", t("Block weights"), t("A preset's name, or a list of 12, 17, 20 or 26 numbers."), {
        placeholder: () => "OUTX",
        list: "lw-tools-presets",
      }),
      fields.number("x", t("X"), t("What X stands for in block weights."), { low: -100, high: 100, whole: false }),
      fields.number("te", t("Text encoder"), t("Strength of its part, on top."), { low: -100, high: 100, whole: false }),
      fields.number("unet", t("UNet"), t("Strength of its part, on top."), { low: -100, high: 100, whole: false }),
      h("button", { type: "button", class: "lw-link", on: { click: () => app.showTab("blocks") } }, t("Draw the weights: Block weights →")),
    ],
    missing: ({ path, block_weights: weights }) => {
      if (!path) return t("Choose a LoRA.");
      return weights.trim() ? "" : t("Write block weights, or a preset's name.");
    },
    options: ({ path, block_weights, x, te, unet }) => ({ path, block_weights, x, te, unet }),
    name: ({ path, block_weights: weights }) => `${stem(path)}-${weights.includes(",") ? "blocks" : weights.trim()}`,
  },
  cut: {
    title: () => t("Cut"),
    about: () => t("Cuts a DyLoRA to its first ranks, at the strength at which these were trained."),
    label: (values) => t("Cut to rank {rank}", { rank: values.rank }),
    fields: (fields) => [
      fields.lora("path", t("DyLoRA"), t("It stays as it is.")),
      fields.number("rank", t("Rank"), t("How many ranks are kept."), RANK),
    ],
    missing: ({ path }) => (path ? "" : t("Choose a LoRA.")),
    options: ({ path, rank }) => ({ path, rank }),
    name: ({ path, rank }) => `${stem(path)}-rank${rank}`,
  },
  convert: {
    title: () => t("Convert"),
    about: () => t("Makes a file with kohya's names of a LoRA in diffusers' or PEFT's naming, or of one of torch's (.pt, .ckpt)."),
    label: () => t("Convert to kohya's names"),
    fields: (fields) => [fields.lora("path", t("LoRA"), t("It stays as it is.")), precision(fields)],
    missing: ({ path }) => (path ? "" : t("Choose a LoRA.")),
    options: ({ path, precision: kept }) => ({ path, precision: kept }),
    name: ({ path }) => `${stem(path)}-kohya`,
  },
};

function precision(fields, asItIs = true) {
  const words = asItIs ? [["", t("as the file is")]] : [];
  return fields.choice("precision", t("Precision"), t("Of the new file's numbers; fp16 is usual."), [
    ...words,
    ["fp16", "fp16"],
    ["bf16", "bf16"],
    ["float", "float"],
  ]);
}

/** A tool's form: its fields, and the new file's name and place. */
export function toolForm(app, model, tool) {
  const form = FORMS[tool];
  const fields = toolFields(model, tool);
  const element = h(
    "div",
    { class: "lw-tools-form" },
    h("p", { class: "lw-dim" }, form.about()),
    form.fields(fields, model, app),
    newFile(model, tool, fields, () => (form.missing(model.values(tool)) ? "" : form.name(model.values(tool)))),
  );
  for (const topic of ["known", "values"]) model.on(topic, fields.put);
  fields.put();
  return { element, wrong: fields.wrong };
}

/** Name and place of the new file. */
export function newFile(model, tool, fields, usual) {
  const places = fields.choice("place", t("Where"), t("webui lists what lies in its LoRA folder, after a refresh."), [
    ["loras", t("webui's LoRA folder")],
    ["beside", t("beside the file")],
  ]);
  const look = () => {
    const only = model.known && model.known.places.length < 2;
    places.hidden = Boolean(only) || Boolean(tool === "merge" && model.values(tool).base);
  };
  model.on("known", look);
  model.on("values", look);
  look();
  return h(
    "div",
    { class: "lw-tools-new" },
    fields.text("name", t("New file"), t("Left empty, it gets the name in grey; where that is taken, a number follows."), {
      placeholder: usual,
    }),
    places,
  );
}
