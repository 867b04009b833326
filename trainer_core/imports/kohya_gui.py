"""The JSON of kohya_ss' window: its names, and what it makes of them when it starts sd-scripts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ..problems import WordsError
from ..settings import ALL
from ..settings.network_kinds import ARGUMENTS
from .flags import SEVERAL_PROCESSES, read_words
from .kohya_gui_names import (
    ARGUMENTS_OF,
    NETWORKS,
    NOT_SETTINGS,
    OTHER_FAMILIES,
    OTHER_FAMILIES_FIELDS,
    OTHER_NAMES,
    WINDOW_VALUES,
    ZERO_IS_NONE,
)
from .result import Imported

_LOW_FOR_LORA = 5e-5
# Names that only another of the window's tabs saves, and what that tab trains.
_OTHER_TABS: dict[str, str] = {
    "token_string": "an embedding",
    "learning_rate_te": "a whole model",
    "train_text_encoder": "a whole model",
    "full_path": "a whole model",
}


def import_kohya_gui(content: Mapping[str, Any]) -> Imported:
    found = Imported("settings of kohya_ss' GUI")
    for name, family in OTHER_FAMILIES.items():
        if content.get(name) is True:
            raise WordsError(f"These settings train a {family} model; LoRAs of SD 1.x, SD 2.x and SDXL are trained here.")
    _tell_of_tab(content, found)
    missing = {name: value for name, value in WINDOW_VALUES.items() if name not in content}
    if missing:
        shown = ", ".join(f"{OTHER_NAMES.get(name, name)} {str(value).lower()}" for name, value in missing.items())
        found.note(f"What the window shows where a file says nothing is taken from it: {shown}.")
    content = {**missing, **content}
    is_sdxl = content.get("sdxl") is True or content.get("sdxl_checkbox") is True
    for name, value in content.items():
        if is_sdxl or not name.startswith("sdxl_"):
            _take(name, value, found)
    _take_noise(content, found)
    _take_length(content, found)
    _take_rates(content, found)
    _take_network(content, found)
    if content.get("multi_gpu") is True and (_number(content.get("num_processes")) or 0) > 1:
        found.leave("num_processes", content["num_processes"], SEVERAL_PROCESSES)
    more = str(content.get("additional_parameters") or "")
    if more.strip():
        try:
            read_words(shlex.split(more), found)
        except ValueError:
            found.leave("additional_parameters", more, "has a quotation mark that is never closed")
    return found


def _tell_of_tab(content: Mapping[str, Any], found: Imported) -> None:
    """Raises WordsError for what is no training of a network; for a whole model's, says that its rate is another."""
    trains = next((what for name, what in _OTHER_TABS.items() if name in content), "")
    if "LoRA_type" in content or not trains:
        return
    if "token_string" in content:
        raise WordsError(f"These settings train {trains}; only LoRAs are trained here.")
    found.note(f"These settings train {trains}; here a LoRA is trained with them.")
    rate = _number(content.get("learning_rate"))
    if rate and rate < _LOW_FOR_LORA:
        found.note(f"learning_rate {rate:g} is one for {trains}: a LoRA wants about 1e-4.")


def _take(name: str, value: Any, found: Imported) -> None:
    """One name whose value means the same wherever the others stand."""
    ours = OTHER_NAMES.get(name, name)
    of_another_kind = value is False and ours in ALL and ALL[ours].kind != "flag"
    nothing = value in (None, "", [], {}) or of_another_kind or (name in ZERO_IS_NONE and _number(value) == 0)
    if name in NOT_SETTINGS or name in ARGUMENTS_OF or name.startswith(OTHER_FAMILIES_FIELDS) or nothing:
        return
    if name == "sample_prompts":
        found.prompts = str(value)
    elif name == "xformers":
        if value in ("xformers", "sdpa", True):
            found.take("sdpa" if value == "sdpa" else "xformers", True)
    elif name in ("optimizer_args", "lr_scheduler_args"):
        words = " ".join(str(one) for one in value) if isinstance(value, list) else str(value)
        found.take(ours, words.replace('"', "").split())
    elif name == "use_wandb":
        if value:
            found.leave(name, value, "Weights & Biases is not built here; logging_dir writes for TensorBoard")
    elif ours in ALL:
        found.take(ours, value, name)
    elif name not in ARGUMENTS and value not in (False, 0, "0"):
        found.take(name, value)


def _take_noise(content: Mapping[str, Any], found: Imported) -> None:
    """The window shows two kinds of noise offset, and only the chosen one counts."""
    multires = content.get("noise_offset_type", "Original") == "Multires"
    unused = ("noise_offset", "adaptive_noise_scale", "noise_offset_random_strength")
    for name in unused if multires else ("multires_noise_iterations", "multires_noise_discount"):
        found.values.pop(name, None)
    if not found.values.get("noise_offset"):
        found.values.pop("adaptive_noise_scale", None)


def _take_length(content: Mapping[str, Any], found: Imported) -> None:
    """Epochs count where no steps are given; the warm-up is a percentage unless steps of it are given."""
    epoch, steps = content.get("epoch"), found.values.get("max_train_steps")
    for name in ("epoch", "lr_warmup"):
        if content.get(name) not in (None, "") and _number(content[name]) is None:
            found.leave(name, content[name], "must be a number")
    if not found.values.get("max_train_epochs") and not steps and _number(epoch):
        found.take("max_train_epochs", epoch, "epoch")
    elif steps and _number(epoch) and not content.get("max_train_epochs"):
        found.note(f"max_train_steps {steps} counts, and epoch {epoch} does not.")
    if (
        content.get("lr_scheduler") == "cosine_with_restarts"
        and content.get("lr_scheduler_num_cycles") in (None, "")
        and _number(epoch)
    ):
        found.take("lr_scheduler_num_cycles", epoch, "epoch")
        found.note(f"lr_scheduler_num_cycles is {epoch}: where the window leaves it empty, it is the number of epochs.")
    percent = _number(content.get("lr_warmup"))
    if percent and not found.values.get("lr_warmup_steps"):
        found.take("lr_warmup_steps", percent / 100, "lr_warmup")


def _take_rates(content: Mapping[str, Any], found: Imported) -> None:
    """A part whose rate is 0 while the other's is not is not trained."""
    unet, text = (_number(content.get(name)) for name in ("unet_lr", "text_encoder_lr"))
    if unet and not text and "text_encoder_lr" in content:
        found.take("network_train_unet_only", True)
    elif text and not unet and "unet_lr" in content:
        found.take("network_train_text_encoder_only", True)


def _take_network(content: Mapping[str, Any], found: Imported) -> None:
    """LoRA_type is network_module and algo; which of the window's other fields count depends on it."""
    kind = str(content.get("LoRA_type") or "Standard")
    if kind not in NETWORKS:
        found.leave("LoRA_type", kind, "has no equivalent here, so networks.lora is trained")
    module, algo, names = NETWORKS.get(kind, NETWORKS["Standard"])
    if kind in ("Kohya LoHa", "Kohya LoKr"):
        found.note(f"LoRA_type {kind} is LyCORIS' {algo} here, in the layers that it names in preset.")
    if kind == "LoRA-FA":
        found.note("LoRA_type LoRA-FA is not built here: both halves of the LoRA are trained.")
    if module != "networks.lora":
        found.take("network_module", module)
    words = [f"algo={algo}"] if algo else []
    if kind in ("Kohya LoHa", "Kohya LoKr"):
        words.append("preset=full" if _number(content.get("conv_dim")) else "preset=attn-mlp")
    for name in names:
        raw = content.get(name)
        value = " ".join(str(raw).split()).replace(" ", "") if raw is not None else ""
        always = bool(algo) and name in ("conv_dim", "conv_alpha")
        if value in ("", "None") or (not always and (raw is False or value == "False" or _number(raw) == 0)):
            continue
        words.append(f"{ARGUMENTS_OF[name]}={value}")
    if words:
        found.take("network_args", words)


def _number(value: Any) -> float | None:
    """The value as a number; None where it is none."""
    if isinstance(value, bool) or value is None:
        return None
    return float(value) if re.fullmatch(r"-?\d+(\.\d*)?([eE][-+]?\d+)?", str(value).strip()) else None
