"""What a LoRA file says about its training: kohya's `ss_*` keys, all of them strings, and the modelspec 1.0.1 keys.

Folder runs and dataset_config runs both write the keys of both (kohya writes either), so that webui's card is never empty.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..models.families import FAMILIES
from ..settings import ALL, Settings
from ..settings.network_kinds import is_lycoris
from .dataset_metadata import count, dataset_keys

IMPLEMENTATION_VERSION = "lora-workbench/0.1.0"
MINIMUM = ("ss_v2", "ss_base_model_version", "ss_network_module", "ss_network_dim", "ss_network_alpha", "ss_network_args")
_SAME_NAME = (
    "output_name",
    "learning_rate",
    "unet_lr",
    "gradient_checkpointing",
    "gradient_accumulation_steps",
    "lr_warmup_steps",
    "lr_scheduler",
    "network_module",
    "mixed_precision",
    "clip_skip",
    "lowram",
    "fp8_base",
    "fp8_base_unet",
    "max_token_length",
    "cache_latents",
    "noise_offset",
    "noise_offset_random_strength",
    "multires_noise_iterations",
    "multires_noise_discount",
    "adaptive_noise_scale",
    "training_comment",
    "max_grad_norm",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "face_crop_aug_range",
    "prior_loss_weight",
    "min_snr_gamma",
    "scale_weight_norms",
    "ip_noise_gamma",
    "ip_noise_gamma_random_strength",
    "loss_type",
    "huber_schedule",
    "huber_scale",
    "huber_c",
    "resize_interpolation",
    "validation_seed",
    "validation_split",
    "max_validation_steps",
    "validate_every_n_epochs",
    "validate_every_n_steps",
)
# What kohya can and this trainer doesn't: always off.
_ALWAYS = {
    "ss_full_fp16": "False",
}
_SPEC_FROM_SETTINGS = (
    "author",
    "description",
    "license",
    "tags",
    "usage_hint",
    "thumbnail",
    "merged_from",
    "trigger_phrase",
    "preprocessor",
    "is_negative_embedding",
)


def training_metadata(
    settings: Settings,
    plan: Any,
    *,
    started_at: float,
    session_id: int,
    seed: int,
    output_name: str,
    model_hashes: tuple[str, str],
    vae_hashes: tuple[str, str] | None = None,
    optimizer: object = None,
    network: Any = None,
    tags_of: Callable[[Any], Sequence[str]] | None = None,
    family: str = "sd1",
    prediction: str = "epsilon",
    zero_terminal: bool = False,
    parent: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The metadata that doesn't change during the run; `at_save` adds the rest.

    model_hashes, vae_hashes: (legacy, SHA-256). network: the network, for the rank and alpha that it took from a file.
    tags_of: the tags that an item is trained with; without it no tags are written. parent: the LoRA that it goes on from.
    """
    training_set = plan.training_set
    metadata = {f"ss_{name}": str(getattr(settings, name)) for name in _SAME_NAME} | _ALWAYS
    metadata |= {
        "ss_output_name": output_name,
        "ss_session_id": str(session_id),
        "ss_training_started_at": _seconds(started_at),
        "ss_seed": str(seed),
        **_family_keys(family, prediction, zero_terminal),
        "ss_text_encoder_lr": str(_one_or_all(settings.text_encoder_lr)),
        "ss_max_train_steps": str(plan.steps),
        "ss_num_epochs": str(plan.epochs),
        "ss_num_batches_per_epoch": str(plan.batches_per_epoch),
        "ss_num_train_images": str(count(training_set.items, is_reg=False)),
        "ss_num_reg_images": str(count(training_set.items, is_reg=True)),
        "ss_num_validation_images": str(len(training_set.validation)),
        **_stage_keys(plan),
        "ss_debiased_estimation": str(settings.debiased_estimation_loss),
        "ss_sd_scripts_commit_hash": IMPLEMENTATION_VERSION,
        "ss_optimizer": _optimizer_words(settings, optimizer),
        **_network_keys(settings, network),
        **(parent or {}),
        **_model_keys(settings, model_hashes, vae_hashes),
        **dataset_keys(settings, training_set, tags_of),
    }
    if settings.no_metadata:
        return {key: value for key, value in metadata.items() if key in MINIMUM}
    return metadata | _modelspec(settings, training_set, output_name, family, prediction)


def _stage_keys(plan: Any) -> dict[str, str]:
    """What each stage changes, where there are several; of folders and files their names alone."""
    if len(plan.stages) == 1:
        return {}
    told = []
    for stage, given in zip(plan.stages, plan.settings.stages, strict=True):
        stretch = stage.stretch
        own = {name: Path(value).name if ALL[name].kind == "path" else value for name, value in given.items()}
        told.append({"steps": stretch.steps, "epochs": stretch.epochs, "images": stage.images, "settings": own})
    return {"ss_stages": json.dumps(told, ensure_ascii=False)}


def parent_of(about: Mapping[str, str]) -> dict[str, str]:
    """File name and SHA-256 of the LoRA that a run goes on from, so that whoever made it can be credited."""
    return {f"ss_{name}": about[name] for name in ("network_weights", "network_weights_hash") if name in about}


def _seconds(time: float) -> str:
    """A Unix time, always as long: else the file's length, and with it the legacy hash, would change with the moment."""
    return f"{time:.6f}"


def at_save(metadata: Mapping[str, str], *, finished_at: float, epoch: int, step: int) -> dict[str, str]:
    """The metadata of a file saved in epoch `epoch`, counted from 1, after `step` steps, at `finished_at` (Unix time)."""
    if "ss_session_id" not in metadata:
        return dict(metadata)  # no_metadata
    date = datetime.datetime.fromtimestamp(int(finished_at)).isoformat()
    return {
        **metadata,
        "ss_training_finished_at": _seconds(finished_at),
        "ss_epoch": str(epoch),
        "ss_steps": str(step),
        "modelspec.date": date,
    }


def _one_or_all(values: Sequence[float] | None) -> object:
    return values[0] if values and len(values) == 1 else values and list(values)


def _optimizer_words(settings: Settings, optimizer: object) -> str:
    """module.Class(name=value,…) as kohya writes it."""
    kind = optimizer if isinstance(optimizer, type) else type(optimizer)
    name = settings.optimizer_type if optimizer is None else f"{kind.__module__}.{kind.__name__}"
    arguments = ",".join(f"{key}={value}" for key, value in settings.optimizer_options().items())
    return f"{name}({arguments})" if arguments else str(name)


def _network_keys(settings: Settings, network: Any) -> dict[str, str]:
    options = {name: value for name, value in settings.network_options().items() if value is not None}
    rank, alpha = settings.network_dim or 4, settings.network_alpha
    modules = list(network.loras.values()) if network is not None and settings.dim_from_weights else []
    plain = next((module for module in modules if module.target.kernel == 1), None)
    wide = next((module for module in modules if module.target.kernel > 1), None)
    if plain is not None:
        rank, alpha = plain.rank, plain.alpha
    if wide is not None:
        options |= {"conv_dim": wide.rank, "conv_alpha": wide.alpha}
    keys = {
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(float(alpha or rank)),
        "ss_network_dropout": str(settings.network_dropout),
    }
    if is_lycoris(settings.network_module, options.get("algo")):
        keys["ss_network_module"] = "lycoris.kohya"
    if options:
        keys["ss_network_args"] = json.dumps({name: str(value) for name, value in options.items()})
    return keys


def _model_keys(settings: Settings, model_hashes: tuple[str, str], vae_hashes: tuple[str, str] | None) -> dict[str, str]:
    keys = {
        "ss_sd_model_name": Path(settings.pretrained_model_name_or_path).name,
        "ss_sd_model_hash": model_hashes[0],
        "ss_new_sd_model_hash": model_hashes[1],
    }
    if vae_hashes:
        keys |= {"ss_vae_name": Path(settings.vae).name, "ss_vae_hash": vae_hashes[0], "ss_new_vae_hash": vae_hashes[1]}
    return keys


def _family_keys(family: str, prediction: str, zero_terminal: bool) -> dict[str, str]:
    """What webui tells the family by; models of Stable Diffusion 1.x and 2.x that predict velocity end in _v."""
    ending = "_v" if prediction == "v_prediction" and family != "sdxl" else ""
    return {
        "ss_v2": str(family == "sd2"),
        "ss_base_model_version": FAMILIES[family].base_model_version + ending,
        "ss_zero_terminal_snr": str(zero_terminal),
    }


def _modelspec(settings: Settings, training_set: Any, output_name: str, family: str, prediction: str) -> dict[str, str]:
    width, height = training_set.datasets[0].resolution
    spec = {
        "sai_model_spec": "1.0.1",
        "architecture": FAMILIES[family].architectures[prediction == "v_prediction"],
        "implementation": FAMILIES[family].implementation,
        "implementation_version": IMPLEMENTATION_VERSION,
        "title": settings.metadata_title or output_name,
        "resolution": f"{width}x{height}",
        "prediction_type": "v" if prediction == "v_prediction" else "epsilon",
        "encoder_layer": str(settings.clip_skip or 1),
    }
    if settings.min_timestep is not None or settings.max_timestep is not None:
        spec["timestep_range"] = f"{settings.min_timestep or 0},{settings.max_timestep or 1000}"
    given = {name: getattr(settings, f"metadata_{name}") for name in _SPEC_FROM_SETTINGS}
    spec |= {name: str(value) for name, value in given.items() if value is not None}
    return {f"modelspec.{name}": value for name, value in spec.items()}
