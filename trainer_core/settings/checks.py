"""Checks across settings, and the replacements by which old names and special values get their plain meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..problems import Problem, WordsError
from .arguments import network_options, parse_arguments
from .convert import nearest
from .optimizer import CLASS_ROOTS, OPTIMIZER_ALIASES, OPTIMIZERS
from .tables import ALL


def problem(code: str, message: str, fix: str = "") -> Problem:
    return Problem("error", code, message, fix)


def note(code: str, message: str, fix: str = "") -> Problem:
    return Problem("note", code, message, fix)


def _ended(message: str) -> str:
    """What is wrong with name=value words, as a sentence; a question has its mark already."""
    return message if message.endswith("?") else f"{message}."


def treatments(given: Mapping[str, Any]) -> list[Problem]:
    """A note for each given setting that is ignored, an error for each refused one, unless it changes nothing."""
    found = []
    for name, value in given.items():
        setting = ALL[name]
        if value is None or value is False or value == setting.default:
            continue
        if setting.treatment == "ignored":
            found.append(note("setting-ignored", f"{name} is ignored: {setting.reason}."))
        elif setting.treatment == "refused":
            found.append(problem("setting-refused", f"{name} is refused: {setting.reason}.", f"Take {name} out."))
    return found


def conflicts(given: Mapping[str, Any]) -> list[Problem]:
    found = []
    for name, value in given.items():
        for other in ALL[name].conflicts:
            if value not in (None, False) and given.get(other) not in (None, False, ""):
                found.append(problem("settings-conflict", f"{name} and {other} can't be given together; take one out."))
    return found


def replacements(values: dict[str, Any], given: Mapping[str, Any]) -> list[Problem]:
    """Changes `values` in place to their plain meaning; notes tell what the user will not expect."""
    notes: list[Problem] = []
    _replace_optimizer(values, notes)
    if given.get("caption_extention"):
        values["caption_extension"], values["caption_extention"] = values["caption_extention"], None
        notes.append(note("setting-replaced", "caption_extention is taken for caption_extension."))
    extension = values["caption_extension"]
    if extension and not extension.startswith("."):
        values["caption_extension"] = "." + extension
    if values["network_dim"] is None and not values["dim_from_weights"]:
        values["network_dim"] = 4  # what kohya's networks.lora takes
    if values["network_alpha"] == 0 and values["network_dim"] is not None:
        values["network_alpha"] = float(values["network_dim"])
    if values["max_token_length"] == 75:
        values["max_token_length"] = None
    if values["cache_latents_to_disk"]:
        values["cache_latents"] = True
    if values["cache_text_encoder_outputs_to_disk"]:
        values["cache_text_encoder_outputs"] = True
    if values["cache_text_encoder_outputs"] and not values["network_train_unet_only"]:
        values["network_train_unet_only"] = True
        notes.append(
            note("setting-replaced", "cache_text_encoder_outputs: the text encoders are not trained (network_train_unet_only).")
        )
    if given.get("max_train_epochs") and given.get("max_train_steps") not in (None, ALL["max_train_steps"].default):
        notes.append(note("setting-replaced", "max_train_steps is ignored because max_train_epochs is given."))
    return notes


# Each makes a caption another one from step to step, so that its text states can't be kept.
_CHANGE_CAPTIONS = (
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "shuffle_caption",
    "token_warmup_step",
    "caption_tag_dropout_rate",
    "enable_wildcard",
)


def text_cache_problems(values: Mapping[str, Any], subsets: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """What can't be given together with cache_text_encoder_outputs, one by one and by name."""
    if not values["cache_text_encoder_outputs"]:
        return []
    found = [
        problem(
            "text-cache",
            f"{name} can't be given with cache_text_encoder_outputs: it changes captions from step to step.",
            f"Take {name} or cache_text_encoder_outputs out.",
        )
        for name in _CHANGE_CAPTIONS
        if any(subset[name] for subset in subsets)
    ]
    if values["network_train_text_encoder_only"]:
        found.append(
            problem(
                "text-cache",
                "network_train_text_encoder_only can't be given with cache_text_encoder_outputs: "
                "text encoders whose output is kept are not trained.",
            )
        )
    return found


def turn_off_cache(values: dict[str, Any], why: str) -> Problem | None:
    """Random colours and crops change the picture at each step, so that its latent can't be kept."""
    if not values["cache_latents"]:
        return None
    values["cache_latents"] = values["cache_latents_to_disk"] = False
    return note("cache-turned-off", f"cache_latents is turned off: {why} changes the pictures at each step.")


def _replace_optimizer(values: dict[str, Any], notes: list[Problem]) -> None:
    name = values["optimizer_type"]
    if values["use_8bit_adam"]:
        values["optimizer_type"], values["use_8bit_adam"] = "AdamW8bit", False
        notes.append(note("setting-replaced", "use_8bit_adam is an old name: optimizer_type is AdamW8bit."))
    elif values["use_lion_optimizer"]:
        values["optimizer_type"], values["use_lion_optimizer"] = "Lion", False
        notes.append(note("setting-replaced", "use_lion_optimizer is an old name: optimizer_type is Lion."))
    elif not name:
        values["optimizer_type"] = "AdamW"
    elif name.lower() in OPTIMIZER_ALIASES:
        values["optimizer_type"] = OPTIMIZER_ALIASES[name.lower()]
        notes.append(note("setting-replaced", f"optimizer_type {name} is taken for {values['optimizer_type']}."))
    else:
        values["optimizer_type"] = {known.lower(): known for known in OPTIMIZERS}.get(name.lower(), name)


def cross_checks(values: Mapping[str, Any]) -> list[Problem]:
    """Every mistake that lies in several settings together, or in the words of one of them."""
    found = [*_optimizer_checks(values), *_size_checks(values), *_network_checks(values), *_other_checks(values)]
    for name in ("optimizer_args", "lr_scheduler_args"):
        try:
            parse_arguments(values[name], name)
        except WordsError as error:
            found.append(problem("bad-argument", _ended(str(error))))
    return found


def _optimizer_checks(values: Mapping[str, Any]) -> list[Problem]:
    found = _class_problems("lr_scheduler_type", values["lr_scheduler_type"] or "")
    name = values["optimizer_type"]
    if values["lr_scheduler"] == "adafactor" and name.lower() != "adafactor" and not values["lr_scheduler_type"]:
        found.append(
            problem(
                "settings-conflict",
                f"lr_scheduler adafactor belongs to AdaFactor, and optimizer_type is {name}; "
                "choose another schedule, for instance constant.",
            )
        )
    if name in OPTIMIZERS:
        return found
    if "." in name:
        return found + _class_problems("optimizer_type", name)
    guess = nearest(name, OPTIMIZERS)
    meant = f"did you mean {guess}?" if guess else f"there are {', '.join(OPTIMIZERS)}."
    return [*found, problem("unknown-optimizer", f"optimizer_type {name} is unknown; {meant}")]


def _class_problems(setting: str, path: str) -> list[Problem]:
    """A class is loaded from the packages that the trainer's environment has for that, and from no others."""
    words = path.split(".")
    if not path or (len(words) == 1 and path.isidentifier()):
        return []
    if all(word.isidentifier() for word in words) and path.startswith(tuple(f"{root}." for root in CLASS_ROOTS)):
        return []
    allowed = ", ".join(CLASS_ROOTS)
    return [problem("unknown-class", f"{setting} {path} is not a class that can be used here; it may come from {allowed}.")]


def _velocity_checks(values: Mapping[str, Any]) -> list[Problem]:
    """What a model must predict velocity for is seen when its file is read; what contradicts itself is seen here."""
    found = []
    if values["v_parameterization"] and values["v_pred_like_loss"]:
        found.append(
            problem(
                "settings-conflict",
                "v_pred_like_loss weights a noise loss, and v_parameterization says that the model predicts velocity; "
                "take one out.",
            )
        )
    return found


def _size_checks(values: Mapping[str, Any]) -> list[Problem]:
    """kohya's rules for buckets; the buckets' limits don't count with bucket_no_upscale."""
    size, low, high = values["resolution"], values["min_bucket_reso"], values["max_bucket_reso"]
    found = []
    if values["bucket_reso_steps"] % 8:
        found.append(problem("bad-size", f"bucket_reso_steps must be a multiple of 8, not {values['bucket_reso_steps']}."))
    if low > high:
        found.append(problem("bad-size", f"min_bucket_reso {low} is above max_bucket_reso {high}."))
    if size is None or values["dataset_config"] is not None:
        return found  # datasets of a TOML file are checked one by one
    return found + bucket_problems(values, "")


def bucket_problems(options: Mapping[str, Any], where: str) -> list[Problem]:
    """Whether resolution and bucket limits fit; `where` names the dataset, ending in a space, or is empty."""
    (width, height), low, high = options["resolution"], options["min_bucket_reso"], options["max_bucket_reso"]
    if not options["enable_bucket"]:
        if width % 8 or height % 8:
            fits = f"{width // 8 * 8},{height // 8 * 8}"
            message = f"{where}resolution {width}×{height} must be a multiple of 8 without enable_bucket: give {fits}."
            return [problem("bad-size", message)]
        return []
    found = []
    if not options["bucket_no_upscale"]:
        if low > min(width, height):
            found.append(
                problem(
                    "bad-size",
                    f"{where}min_bucket_reso {low} is above the resolution's short side {min(width, height)}; "
                    f"set it to {min(width, height)} or less.",
                )
            )
        if high < max(width, height):
            found.append(
                problem(
                    "bad-size",
                    f"{where}max_bucket_reso {high} is below the resolution's long side {max(width, height)}; "
                    f"set it to {max(width, height)} or more.",
                )
            )
    return found


def _network_checks(values: Mapping[str, Any]) -> list[Problem]:
    found = []
    try:
        network_options(values["network_args"], values["network_module"])
    except WordsError as error:
        found.append(problem("bad-argument", _ended(str(error))))
    if values["dim_from_weights"] and values["network_weights"] is None:
        found.append(problem("setting-missing", "dim_from_weights needs network_weights, the file to take the rank from."))
    multipliers, weights = values["base_weights_multiplier"] or (), values["base_weights"] or ()
    if len(multipliers) > len(weights):
        message = (
            f"base_weights_multiplier has {len(multipliers)} numbers for {len(weights)} files in base_weights; take some out."
        )
        found.append(problem("bad-argument", message))
    return found


def _other_checks(values: Mapping[str, Any]) -> list[Problem]:
    found = []
    low, high = values["min_timestep"] or 0, values["max_timestep"] or 1000
    if low >= high:
        found.append(problem("bad-range", f"min_timestep {low} must be below max_timestep {high}."))
    if values["adaptive_noise_scale"] and values["noise_offset"] is None:
        found.append(problem("setting-missing", "adaptive_noise_scale needs noise_offset."))
    if values["masked_loss"] and not (values["conditioning_data_dir"] or values["alpha_mask"] or values["dataset_config"]):
        found.append(problem("setting-missing", "masked_loss needs conditioning_data_dir, the folder with the masks."))
    found += _velocity_checks(values)
    if values["save_model_as"] != "safetensors":
        found.append(
            problem(
                "setting-refused",
                f"save_model_as {values['save_model_as']} is refused: only safetensors is safe to share.",
            )
        )
    if values["log_with"] in ("wandb", "all"):
        found.append(
            problem(
                "setting-refused",
                f"log_with {values['log_with']} is refused: Weights & Biases is not built; use tensorboard.",
            )
        )
    rates = values["text_encoder_lr"]
    if rates is not None and len(rates) > 2:
        found.append(
            problem("bad-range", f"text_encoder_lr has {len(rates)} rates, but no model has more than two text encoders.")
        )
    return found
