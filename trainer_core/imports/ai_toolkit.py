"""ai-toolkit's YAML (or the same as JSON): a job with one process, which trains."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..problems import WordsError
from .datasets import take_folders
from .prompts import prompt_line
from .result import Imported

_TRAIN = {
    "steps": "max_train_steps", "batch_size": "train_batch_size", "lr": "learning_rate", "unet_lr": "unet_lr",
    "text_encoder_lr": "text_encoder_lr", "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_accumulation": "gradient_accumulation_steps", "gradient_checkpointing": "gradient_checkpointing",
    "min_snr_gamma": "min_snr_gamma", "snr_gamma": "min_snr_gamma", "noise_offset": "noise_offset",
    "max_grad_norm": "max_grad_norm", "max_denoising_steps": "max_timestep", "min_denoising_steps": "min_timestep",
    "lr_scheduler": "lr_scheduler", "reg_weight": "prior_loss_weight",
}  # fmt: skip
_OPTIMIZERS = {
    "adam": "AdamW", "adamw": "AdamW", "adam8bit": "AdamW8bit", "adamw8bit": "AdamW8bit", "lion": "Lion",
    "lion8bit": "Lion8bit", "prodigy": "Prodigy", "adafactor": "AdaFactor", "dadaptation": "DAdaptAdam",
}  # fmt: skip
_PRECISIONS = {"fp16": "fp16", "float16": "fp16", "bf16": "bf16", "bfloat16": "bf16", "fp32": "no", "float32": "no"}
_FOLDER = {
    "folder_path": "image_dir", "num_repeats": "num_repeats", "is_reg": "is_reg", "shuffle_tokens": "shuffle_caption",
    "keep_tokens": "keep_tokens", "caption_dropout_rate": "caption_dropout_rate", "token_dropout_rate":
    "caption_tag_dropout_rate", "flip_x": "flip_aug", "random_crop": "random_crop",
}  # fmt: skip
_HANDLED = {
    "train": {*_TRAIN, "optimizer", "optimizer_params", "dtype", "train_unet", "train_text_encoder", "ema_config",
              "noise_scheduler", "skip_first_sample", "disable_sampling", "xformers", "sdp", "max_step_saves_to_keep"},
    "network": {"type", "linear", "rank", "linear_alpha", "alpha", "conv", "conv_alpha", "dropout", "lokr_full_rank",
                "lokr_factor"},
}  # fmt: skip
_BASES = ("is_xl", "is_v2", "is_v_pred", "is_ssd", "is_vega")


def is_ai_toolkit_text(text: str) -> bool:
    return bool(re.search(r"^job:", text, re.MULTILINE) and re.search(r"^config:", text, re.MULTILINE))


def is_ai_toolkit(content: Mapping[str, Any]) -> bool:
    config = content.get("config")
    return "job" in content and isinstance(config, Mapping) and "process" in config


def read_yaml(text: str) -> Mapping[str, Any]:
    """WordsError with one sentence where it is not valid, or no mapping."""
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WordsError(f"It is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, Mapping) or not is_ai_toolkit(content):
        raise WordsError("It is YAML, of which ai-toolkit's settings alone are read: a job with a config and its process.")
    return content


def import_ai_toolkit(content: Mapping[str, Any]) -> Imported:
    found = Imported("settings of ai-toolkit")
    config = content["config"]
    processes = config["process"]
    process = processes[0] if isinstance(processes, list) and processes and isinstance(processes[0], Mapping) else {}
    if process.get("type") not in ("sd_trainer", "ui_trainer", "diffusion_trainer", None) or not process:
        raise WordsError(f"This job's process is {process.get('type')}, which trains no LoRA of pictures.")
    if len(processes) > 1:
        found.note(f"The job has {len(processes)} processes; the first is taken.")
    parts = {name: _table(process.get(name)) for name in ("network", "train", "model", "save", "sample")}
    _take_model(parts["model"], found)
    name = str(config.get("name") or "")
    found.take("output_name", name or None, "name")
    folder = str(process.get("training_folder") or config.get("training_folder") or "")
    found.take("output_dir", f"{folder}/{name}".strip("/") if not folder.startswith("/") else f"{folder}/{name}")
    _take_network(parts["network"], found)
    _take_train(parts["train"], found)
    _take_saving(parts["save"], parts["sample"], parts["train"], found)
    _take_folders(process.get("datasets"), found)
    if process.get("trigger_word"):
        found.leave("trigger_word", process["trigger_word"], "captions are trained as they stand: put it first in them")
    for part, handled in _HANDLED.items():
        for key, value in parts[part].items():
            if key not in handled and value not in (None, "", False, 0, [], {}):
                found.leave(f"{part}.{key}", value, "has no equivalent here")
    return found


def _take_model(model: Mapping[str, Any], found: Imported) -> None:
    other = [name for name, value in model.items() if name.startswith("is_") and value and name not in _BASES]
    arch = str(model.get("arch") or "")
    if other or (arch and not re.match(r"sd(1|15|2|xl)|sdxl", arch)):
        what = arch or other[0].removeprefix("is_")
        raise WordsError(f"These settings are for {what}; LoRAs of SD 1.x, SD 2.x and SDXL are trained here.")
    found.take("pretrained_model_name_or_path", model.get("name_or_path"), "name_or_path")
    found.take("v_parameterization", True if model.get("is_v_pred") else None, "is_v_pred")
    found.take("vae", model.get("vae_path"), "vae_path")
    found.take("network_weights", model.get("lora_path"), "lora_path")


def _take_network(network: Mapping[str, Any], found: Imported) -> None:
    kind = str(network.get("type", "lora"))
    if kind not in ("lora", "lierla", "locon", "lokr", "dora"):
        found.leave("network.type", kind, "is no kind of network here")
    words = []
    if kind in ("lokr", "dora"):
        found.take("network_module", "lycoris.kohya", "network.type")
        words = ["algo=lora", "dora_wd=True"] if kind == "dora" else ["algo=lokr", f"factor={network.get('lokr_factor', -1)}"]
        words += ["full_matrix=True"] if kind == "lokr" and network.get("lokr_full_rank", True) else []
    found.take("network_dim", network.get("linear", network.get("rank")), "network.linear")
    found.take("network_alpha", network.get("linear_alpha", network.get("alpha", 1.0)), "network.linear_alpha")
    if network.get("conv"):
        words += [f"conv_dim={network['conv']}", f"conv_alpha={network.get('conv_alpha', network['conv'])}"]
    found.take("network_args", words or None, "network")
    found.take("network_dropout", network.get("dropout"), "network.dropout")


def _take_train(train: Mapping[str, Any], found: Imported) -> None:
    for name, ours in _TRAIN.items():
        if train.get(name) not in (None, "", False, 0):
            found.take(ours, train[name], f"train.{name}")
    optimizer = str(train.get("optimizer", "adamw"))
    found.take("optimizer_type", _OPTIMIZERS.get(optimizer.lower(), optimizer), "train.optimizer")
    words = [f"{key}={_argument(value)}" for key, value in _table(train.get("optimizer_params")).items()]
    found.take("optimizer_args", words or None, "train.optimizer_params")
    found.take("mixed_precision", _PRECISIONS.get(str(train.get("dtype", "fp32"))), "train.dtype")
    if not train.get("train_text_encoder"):
        found.take("network_train_unet_only", True, "train.train_text_encoder")
    elif train.get("train_unet") is False:
        found.take("network_train_text_encoder_only", True, "train.train_unet")
    average = _table(train.get("ema_config"))
    if average.get("use_ema"):
        found.take("ema_decay", average.get("ema_decay", 0.999))
    if train.get("noise_scheduler", "ddpm") not in ("ddpm", "euler", "euler_a", "ddim", "dpm++", "lms"):
        found.leave("train.noise_scheduler", train["noise_scheduler"], "Stable Diffusion is trained with its own noise")


def _take_saving(save: Mapping[str, Any], sample: Mapping[str, Any], train: Mapping[str, Any], found: Imported) -> None:
    precision = _PRECISIONS.get(str(save.get("dtype", "float16")))
    found.take("save_precision", "float" if precision == "no" else precision, "save.dtype")
    every, most = save.get("save_every"), save.get("max_step_saves_to_keep")
    found.take("save_every_n_steps", every, "save.save_every")
    if isinstance(every, int) and isinstance(most, int) and most > 1:
        found.take("save_last_n_steps", every * (most - 1), "save.max_step_saves_to_keep")
    if train.get("disable_sampling"):
        return
    found.take("sample_every_n_steps", sample.get("sample_every"), "sample.sample_every")
    prompts = sample.get("prompts") or [one.get("prompt") for one in sample.get("samples") or () if isinstance(one, Mapping)]
    found.prompts = "\n".join(
        prompt_line(one, sample.get("neg"), sample.get("width"), sample.get("height"), sample.get("seed"),
                    sample.get("sample_steps"), sample.get("guidance_scale"))
        for one in prompts if one
    )  # fmt: skip
    if found.prompts and not train.get("skip_first_sample"):
        found.take("sample_at_first", True, "train.skip_first_sample")


def _take_folders(datasets: Any, found: Imported) -> None:
    folders, sizes = [], []
    for one in datasets if isinstance(datasets, list) else []:
        if not isinstance(one, Mapping):
            continue
        own = {ours: one[name] for name, ours in _FOLDER.items() if one.get(name) not in (None, "", False)}
        own["caption_extension"] = "." + str(one.get("caption_ext") or "txt").lstrip(".")
        folders.append(own)
        size = one.get("resolution", 512)
        sizes += size if isinstance(size, list) else [size]
        for name in ("cache_latents_to_disk", "cache_latents"):
            if one.get(name):
                found.take(name, True, f"datasets.{name}")
        known = {*_FOLDER, "caption_ext", "resolution", "cache_latents_to_disk", "cache_latents"}
        for name, value in one.items():
            if name not in known and value not in (None, "", False, 0, [], {}):
                found.leave(f"datasets.{name}", value, "has no equivalent here")
    numbers = sorted({int(one) for one in sizes if isinstance(one, int)})
    if numbers:
        found.take("resolution", str(numbers[-1]))
        found.take("enable_bucket", True)
    if len(numbers) > 1:
        found.note(f"It trains at {', '.join(map(str, numbers))}; here one resolution is trained, and the largest is taken.")
    take_folders({}, folders, found)


def _argument(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
