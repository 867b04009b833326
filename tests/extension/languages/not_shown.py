"""What the test of completeness excepts, and why."""

from __future__ import annotations

# Files whose words reach the terminal, or nobody: purposes of random numbers, tags,
# names in pictures' metadata, a data base.
SILENT_FILES = (
    "demo",
    "extension/standalone.py",
    "tagger/__main__.py",
    "tagger/commands",
    "tagger/grammar.py",
    "tagger/serve.py",
    "tagger/store.py",
    "tagger/tag_words.py",
    "trainer_core/__main__.py",
    "trainer_core/command_errors.py",
    "trainer_core/commands.py",
    "trainer_core/dataset/batches.py",
    "trainer_core/generate/grid_command.py",
    "trainer_core/generate/grid_number_words.py",
    "trainer_core/generate/grid_page.py",
    "trainer_core/generate/grid_plot.py",
    "trainer_core/generate/grid_words.py",
    "trainer_core/generate/img2img.py",
    "trainer_core/generate/infotext.py",
    "trainer_core/generate/reg_words.py",
    "trainer_core/generate/samplers.py",
    "trainer_core/loop/command.py",
    "trainer_core/loop/status.py",
    "trainer_core/loop/words.py",
    "trainer_core/noising.py",
    "trainer_core/planning/text.py",
    "trainer_core/settings/reference.py",
    "trainer_core/tools/bake_command.py",
    "trainer_core/train_network.py",
    "trainer_core/variants",
)

# Names that have several words, in whatever file.
NAMES = (
    "SGM Uniform",
    "KL Optimal",
    "Align Your Steps",
    "DPM++ 2M SDE Heun",
    "DPM fast",
    "DPM adaptive",
    "Euler a",
    "LoRA Workbench",
    "Stable Diffusion 1.x",
    "Stable Diffusion 2.x",
    "Stable Diffusion XL",
)

# Texts for programs or the terminal in files that also talk to the page's users; each by its first words.
NOT_SHOWN: dict[str, tuple[str, ...]] = {
    "extension/api/jobs.py": ("text/plain; charset",),
    "extension/api/table.py": ("this document",),
    "extension/app.py": ("<div id=",),
    "extension/http.py": ("text/", "default-src", "private, max-age", "Basic realm", "data: {}", ": still here"),
    # A query and tags as examples.
    "extension/page/captions_filter.js": ("has:", "not (has:", "name:penny"),
    "extension/page/captions_forms.js": ("red boots", "simple background", "^red"),
    "extension/page/reg_options.js": ("smile, outdoors",),
    "extension/page/reg_pairs.js": ("class word", "prompt's end"),  # the trainer's, which are looked up
    "extension/page/loop_options.js": ("SUBJECT, smile",),
    "extension/page/runs.js": ("jobs/${encodeURIComponent",),
    "extension/page/blocks_repair.js": ("<lora:penny",),
    "extension/page/i18n.js": ("LoRA Workbench: no words",),
    "extension/page/prompts.js": ("penny, smile",),
    "extension/page/test_fault.js": ("not ${hasTag",),
    "extension/page/test_options.js": ("${activationOf",),
    "extension/queue_driver.py": ("tell app",),
    "trainer_core/planning/base_model.py": (", to the very end", "{}: {}, predicts"),
    "installer/command.py": (
        "{}: not understood",
        "error: stopped",
        "error: {}: {}.",
        "make or repair",
        "set up what is missing",
        "what is installed",
        "{} is no build of PyTorch",
    ),
    "installer/doctor.py": ("import importlib", "s are"),
    "installer/environment.py": ("import torch", "import sysconfig", '"""Made by'),
    "installer/pythons.py": ("import json", "import sys", "(Python {}) lacks the module{}"),
    "installer/ui_words.py": ("{} is no port",),
    "tagger/batch.py": ("Path | None",),
    "tagger/check.py": ("{} and {}: {}", "no {}"),
    "tagger/hub.py": ("Bearer {}",),
    "trainer_core/dataset/caption_text.py": ("caption ",),
    "trainer_core/dataset/validation.py": ("validation split",),
    "trainer_core/progress.py": ("validation loss after step",),
    "trainer_core/loop/beginning.py": ("# One prompt a line",),  # the first line of a file
    "trainer_core/loop/candidates.py": ("loop candidate",),
    "trainer_core/loop/rounds.py": (
        "Done: {}, trained on",
        "Round {} of {}: {}",
        "Round {}: trained {}",
        "Round {}: near copies",
        "Round {}: {} candidates wait in",
        "Round {}: accepted",
        "Round {}: nothing was accepted",
    ),
    "trainer_core/export.py": ("# PowerShell", "#!/usr", "$words", "& {}"),
    "trainer_core/generate/grid_axes.py": ("strength {}",),
    "trainer_core/generate/grid_find.py": ("{} --out",),
    "trainer_core/generate/option_words.py": ("{} is not 1 or more",),
    # The sheet's labels and the terminal's last line.
    "trainer_core/generate/prior.py": ("{} pictures drawn into {}, {} were there; together", "seeds {}"),
    "trainer_core/generate/prior_words.py": (
        "python -m",
        "Draws what the base",
        "All other words are the training's settings",
    ),
    # The same as the page shows it, for the terminal.
    "trainer_core/generate/whose_fault.py": (
        "The training pictures most like",
        "({} is how like",
        "The tagger sees nothing",
        "Seen in it",
        ", and the base",
        "{} ({}): in {}",
        "What many pictures show and few captions name is learnt by the activation tag: add the tag, or",
    ),
    "trainer_core/generate/reg.py": (
        "What is drawn stays; the same command",
        "{}: {} pictures to draw",
        "{} are stale, since",
        "{} are your own and stay",
        "Missing, for want",
        "Extra, of no training picture",
        "warning: CFG",
    ),
    "trainer_core/generate/reg_set.py": (
        "negative prompt",
        "clip skip",
        "class word",
        "schedule type",
        "prompt's end",
    ),  # the page has its own words for these
    "trainer_core/generate/telling.py": ("{} of {} pictures drawn",),
    "trainer_core/models/header.py": ("magic number",),
    # Tags that mirrored pictures teach wrongly.
    "trainer_core/planning/captions.py": (
        "hair over",
        "one eye",
        "side ponytail",
        "english text",
        "chinese text",
        "japanese text",
        "single ",
        "holding sword",
        "mole under",
        "scar on",
    ),
    "trainer_core/publish.py": ("sd version", "activation text", "preferred weight", "negative text"),
    "trainer_core/settings/command_line.py": (
        "\0no value",
        "in {}",
        "in preset {}",
        "Hyphens may",
        "One of {}.",
        "Default {}.",
    ),
    "trainer_core/settings/convert.py": ("; did you mean", "must be one of {}, not {}{}"),
    "trainer_core/settings/dataset_tree.py": ("{}: [general]",),
    "trainer_core/settings/optimizer.py": ("Optimizer, in any letter case",),
    "trainer_core/settings/values.py": ("{}: dataset {}:",),
    "trainer_core/worker.py": ("Whoever asked",),
}

# Keys that no source holds as they are: put together of two texts, or said by the system.
COMPOSED: tuple[str, ...] = (
    "must be from {n} to {n}, not {}",
    "must be at least {n}, not {}",
    "must be at most {n}, not {}",
    "must be one of {}, not {}; did you mean {}?",
    "folders inside it are not read ({})",
    "(Python {}) lacks the module {}",
    "(Python {}) lacks the modules {}",
    "{} {} ({}, HTTP {}).",
    "{} is missing",
    "{} is {}, not {}",
    "[{} s] {}",
    "! {}",
    "mend: {}",
    "note: {}",
    "error: {}",
    "warning: {}",
    *(f"{{n}} {noun}{end}" for noun in ("file", "pair", "folder", "tag") for end in ("", "s")),
    *(
        f"{{}} and {{}}: {why}"
        for why in ("two colours of one thing", "only one of them can be right", "seldom right together")
    ),
    *(f"{word}{aspect}" for word in ("", "no ") for aspect in ("pose", "view", "expression", "background")),
    "stop",
    "save",
    "sample",
    "pause",
    "undo",
    "redo",
    "No such file or directory",
    "Permission denied",
    "Read-only file system",
    "No space left on device",
    "Is a directory",
    "Not a directory",
    "File exists",
    "File name too long",
    "Input/output error",
)

# The same in both languages: names, commands, and tags, which are English everywhere.
SAME: tuple[str, ...] = (
    "Stable Diffusion 2.x",
    "penny",
    "simple background, monochrome",
    "python install.py setup",
    "python install.py setup --torch auto",
    "CFG",
    "clip skip",
)

# Names that stay as they are within Chinese sentences.
TERMS: tuple[str, ...] = (
    "SD", "OUTX", "BASE", "IN", "OUT", "OUTALL", "INALL", "DoRA", "GLoRA", "Reload", "Presets",
    "LoRA", "LoCon", "LyCORIS", "UNet", "VAE", "CLIP", "SDXL", "Stable", "Diffusion", "NAI", "NovelAI", "webui", "LoRAs",
    "kohya", "TOML", "JSON", "UTF", "Python", "PyTorch", "TensorBoard", "diffusers", "checkpoint", "token", "Token", "Rank",
    "Alpha", "alpha", "Gamma", "SNR", "EMA", "Huber", "ROCm", "CUDA", "GPU", "CPU", "DeepSpeed", "ZeRO", "Hugging", "Face",
    "Weights",
    "Biases", "bitsandbytes", "SGD", "Nesterov", "Lanczos", "Windows", "Linux", "Debian", "Ubuntu", "PowerShell", "Workbench",
    "XL", "EDM", "CosXL", "unCLIP", "Pony", "Illustrious", "NoobAI", "refiner",
    "Visual", "pip", "pyenv", "OpenSSL", "bzip", "zlib", "libffi", "GB", "MB", "WD", "MCut", "ONNX", "NVIDIA", "AMD", "NaN",
    "DirectML", "HTTP", "API", "URL", "prediction", "bf", "fp", "png", "jpg", "webp", "bmp", "git", "lfs", "zip", "header",
    "Ctrl", "Alt", "Enter", "Home", "Delete", "Backspace", "Esc", "onnxruntime", "venv", "torchrun", "CFG", "DDIM",
)  # fmt: skip

# What is written as it is: values, fields of files and of the API, commands.
LITERALS: tuple[str, ...] = (
    "others", "choose", "CosineAnnealingLR",
    "True", "False", "true", "false", "auto", "last", "penny", "title", "settings", "prompt", "pictures", "size", "image",
    "queue", "threshold", "changes", "options", "publish", "data", "lr", "train", "tag", "job", "python", "py", "setup",
    "PATH", "RANK", "boots", "red", "hat", "numbers", "names", "texts", "first", "tokens", "below", "edits", "place",
    "merges", "gone", "kept", "source", "kind", "add", "remove", "not", "New", "ItemProperty", "Path", "Name",
    "LongPathsEnabled", "Value", "PropertyType", "DWORD", "Force", "Automatic",
    "redo", "seed", "class", "next", "accept", "drop", "start", "SUBJECT", "ztsnr",
    "tagger", "checkpoints", "inpaint", "img2img", "ControlNet", "te", "unet", "lora", "lbw", "lwb", "lbwe", "do", "torch",
)  # fmt: skip
