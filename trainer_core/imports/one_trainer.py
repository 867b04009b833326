"""OneTrainer's JSON: its configs and presets, which name only what differs from its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ..problems import WordsError
from .datasets import take_folders
from .prompts import prompt_line
from .result import Imported

# What OneTrainer takes where a file says nothing, of that which changes what is learnt.
_DEFAULTS: dict[str, Any] = {
    "lora_rank": 16, "lora_alpha": 1.0, "learning_rate": 3e-6, "learning_rate_scheduler": "CONSTANT",
    "learning_rate_warmup_steps": 200, "epochs": 100, "batch_size": 1, "resolution": "512", "train_dtype": "FLOAT_16",
    "latent_caching": True, "aspect_ratio_bucketing": True,
}  # fmt: skip
_MODELS = ("STABLE_DIFFUSION_15", "STABLE_DIFFUSION_20", "STABLE_DIFFUSION_20_BASE", "STABLE_DIFFUSION_21",
           "STABLE_DIFFUSION_21_BASE", "STABLE_DIFFUSION_XL_10_BASE")  # fmt: skip
_SAME = {
    "epochs": "max_train_epochs", "batch_size": "train_batch_size", "gradient_accumulation_steps":
    "gradient_accumulation_steps", "learning_rate": "learning_rate", "learning_rate_warmup_steps": "lr_warmup_steps",
    "lora_rank": "network_dim", "lora_alpha": "network_alpha", "lora_model_name": "network_weights", "dropout_probability":
    "network_dropout", "clip_grad_norm": "max_grad_norm", "offset_noise_weight": "noise_offset", "perturbation_noise_weight":
    "ip_noise_gamma", "rescale_noise_scheduler_to_zero_terminal_snr": "zero_terminal_snr", "force_v_prediction":
    "v_parameterization", "aspect_ratio_bucketing": "enable_bucket", "latent_caching": "cache_latents",
    "base_model_name": "pretrained_model_name_or_path",
}  # fmt: skip
_OPTIMIZERS = {
    "ADAMW": "AdamW", "ADAMW_8BIT": "AdamW8bit", "LION": "Lion", "LION_8BIT": "Lion8bit", "SGD": "SGDNesterov",
    "ADAFACTOR": "AdaFactor", "CAME": "CAME", "PRODIGY": "Prodigy", "DADAPT_ADAM": "DAdaptAdam", "DADAPT_LION": "DAdaptLion",
    "DADAPT_ADA_GRAD": "DAdaptAdaGrad", "DADAPT_ADAN": "DAdaptAdan", "DADAPT_SGD": "DAdaptSGD", "SCHEDULE_FREE_ADAMW":
    "AdamWScheduleFree", "SCHEDULE_FREE_SGD": "SGDScheduleFree", "PRODIGY_PLUS_SCHEDULE_FREE": "ProdigyPlusScheduleFree",
}  # fmt: skip
_ARGUMENTS = {"Prodigy": ("d_coef", "decouple", "use_bias_correction", "safeguard_warmup"),
              "AdaFactor": ("relative_step", "scale_parameter", "warmup_init")}  # fmt: skip
_SCHEDULES = {"CONSTANT": "constant", "LINEAR": "linear", "COSINE": "cosine", "COSINE_WITH_RESTARTS": "cosine_with_restarts",
              "COSINE_WITH_HARD_RESTARTS": "cosine_with_restarts"}  # fmt: skip
_PRECISIONS = {"FLOAT_16": "fp16", "BFLOAT_16": "bf16", "FLOAT_32": "no", "TFLOAT_32": "no"}
_SAVED = {"FLOAT_16": "fp16", "BFLOAT_16": "bf16", "FLOAT_32": "float"}
_EVERY = {"EPOCH": "epochs", "STEP": "steps"}
_PARTS = ("unet", "text_encoder", "text_encoder_2")
# Of its window and machine, or of models that aren't trained here.
_PASSED_OVER = ("__version", "workspace_dir", "cache_dir", "debug_", "tensorboard", "train_device", "temp_device", "dataloader",
                "backup_", "rolling_backup", "concept_file_name", "optimizer_defaults", "quantization", "prior", "transformer",
                "text_encoder_3", "text_encoder_4", "effnet", "decoder", "cloud", "secrets", "output_model_format", "vae",
                "async_", "attention_mechanism", "embedding", "fallback_train_dtype", "sample_", "samples", "clear_cache",
                "only_cache", "huggingface", "include_train_config", "gradient_reduce", "fused_gradient", "frames",
                "enable_autocast", "layer_filter", "non_ema", "prevent_overwrites", "lora_weight_dtype", "bundle_",
                "model_type",
                "training_method", "unconditional_", "device_indexes", "multi_gpu", "text_encoder_", "timestep_shift",
                "dynamic_timestep", "mse_strength", "vb_loss", "ema_update", "save_filename", "save_skip", "huber_delta",
                "unmasked_", "oft_", "lokr_", "huber_strength", "loss_weight_strength", "learning_rate_cycles", "ema_decay",
                "noising_", "optimizer", "validate_after", "compile", "scheduler_params", "normalize_masked",
                "masked_prior", "lora_decompose_", "offline_mode", "custom_learning", "peft_type",
                "learning_rate_min_factor")  # fmt: skip


def is_one_trainer(content: Mapping[str, Any]) -> bool:
    return "training_method" in content and ("model_type" in content or "base_model_name" in content)


def import_one_trainer(content: Mapping[str, Any]) -> Imported:
    found = Imported("settings of OneTrainer")
    if content["training_method"] != "LORA":
        raise WordsError(f"These settings train by the method {content['training_method']}; only LoRAs are trained here.")
    if content.get("model_type", _MODELS[0]) not in _MODELS:
        raise WordsError(f"These settings are for {content['model_type']}; LoRAs of SD 1.x, SD 2.x and SDXL are trained here.")
    missing = {name: value for name, value in _DEFAULTS.items() if name not in content}
    if missing:
        shown = ", ".join(f"{name} {str(value).lower()}" for name, value in missing.items())
        found.note(f"What OneTrainer takes where a file says nothing is taken: {shown}.")
    content = {**missing, **content}
    for name, ours in _SAME.items():
        if content.get(name) not in (None, "", False):
            found.take(ours, content[name], name)
    size = str(content["resolution"]).split("x")  # widths and heights, where it isn't one number
    found.take("resolution", ",".join(reversed(size)) if len(size) == 2 else size[0].split(",")[0].strip(), "resolution")
    _take_network(content, found)
    _take_parts(content, found)
    _take_optimizer(content, found)
    _take_loss(content, found)
    _take_saving(content, found)
    _take_concepts(content, found)
    _name_the_rest(content, found)
    return found


def _take_network(content: Mapping[str, Any], found: Imported) -> None:
    kind = content.get("peft_type", "LORA")
    algo = {"LORA": "lora", "LOHA": "loha", "LOKR": "lokr", "OFT_2": "diag-oft"}.get(str(kind))
    if algo is None:
        found.leave("peft_type", kind, "is no kind of network here")
    elif content.get("lora_decompose") and algo == "lora":
        found.take("network_module", "lycoris.kohya")
        found.take("network_args", ["algo=lora", "dora_wd=True"])
    elif algo != "lora":
        found.take("network_module", "lycoris.kohya")
        found.take("network_args", [f"algo={algo}"])
        if algo == "lokr":
            found.take("network_dim", content.get("lokr_dim", 16), "lokr_dim")
        elif algo == "diag-oft":
            found.take("network_dim", content.get("oft_block_size", 32), "oft_block_size")


def _take_parts(content: Mapping[str, Any], found: Imported) -> None:
    """Which parts are trained, at which rates; both text encoders have one setting here."""
    parts = {name: part for name in _PARTS if isinstance(part := content.get(name), Mapping)}
    is_sdxl = "XL" in str(content.get("model_type"))
    trained = {name: parts.get(name, {}).get("train", True) for name in _PARTS[: 3 if is_sdxl else 2]}
    texts = [name for name in trained if name != "unet" and trained[name]]
    if not texts:
        found.take("network_train_unet_only", True, "text_encoder.train")
    elif not trained["unet"]:
        found.take("network_train_text_encoder_only", True, "unet.train")
    elif is_sdxl and len(texts) == 1:
        found.leave(f"{texts[0]}.train", "", "both text encoders are trained here, or none")
    found.take("unet_lr", parts.get("unet", {}).get("learning_rate"), "unet.learning_rate")
    if texts:
        found.take("text_encoder_lr", parts.get(texts[0], {}).get("learning_rate"), "text_encoder.learning_rate")
        if parts.get(texts[0], {}).get("stop_training_after"):
            found.leave("text_encoder.stop_training_after", parts[texts[0]]["stop_training_after"], "stages do that here")
    old = str(content.get("gradient_checkpointing", "")).upper()
    if parts.get("unet", {}).get("gradient_checkpointing", old not in ("OFF", "FALSE")):
        found.take("gradient_checkpointing", True)
    vae = content.get("vae")
    if isinstance(vae, Mapping) and vae.get("model_name"):
        found.take("vae", vae["model_name"], "vae.model_name")
    skip = content.get("text_encoder_layer_skip")
    if isinstance(skip, int) and skip > 0 and not is_sdxl:
        found.take("clip_skip", skip + 1, "text_encoder_layer_skip")


def _take_optimizer(content: Mapping[str, Any], found: Imported) -> None:
    own = content.get("optimizer")
    own = own if isinstance(own, Mapping) else {"optimizer": own or "ADAMW"}
    kind = str(own.get("optimizer", "ADAMW"))
    if kind not in _OPTIMIZERS:
        found.leave("optimizer", kind, "is no optimizer here")
    else:
        name = _OPTIMIZERS[kind]
        found.take("optimizer_type", name, "optimizer")
        words = [f"betas={own['beta1']},{own['beta2']}"] if None not in (own.get("beta1"), own.get("beta2")) else []
        for key in ("weight_decay", *_ARGUMENTS.get(name, ())):
            if own.get(key) is not None:
                words.append(f"{key}={own[key]}")
        if words and name not in ("CAME", "ProdigyPlusScheduleFree"):
            found.take("optimizer_args", words, "optimizer")
    schedule = str(content["learning_rate_scheduler"])
    if schedule in _SCHEDULES:
        warm = content.get("learning_rate_warmup_steps")
        found.take("lr_scheduler", "constant_with_warmup" if schedule == "CONSTANT" and warm else _SCHEDULES[schedule])
        if "RESTARTS" in schedule:
            found.take("lr_scheduler_num_cycles", round(float(content.get("learning_rate_cycles") or 1)))
    else:
        found.leave("learning_rate_scheduler", schedule, "is no schedule here; constant counts")
    if content.get("learning_rate_scaler", "NONE") != "NONE":
        found.leave("learning_rate_scaler", content["learning_rate_scaler"], "rates are taken as they are here")
    precision = _PRECISIONS.get(str(content["train_dtype"]))
    found.take("mixed_precision", precision, "train_dtype")


def _take_loss(content: Mapping[str, Any], found: Imported) -> None:
    weighing = content.get("loss_weight_fn", "CONSTANT")
    if weighing == "MIN_SNR_GAMMA":
        found.take("min_snr_gamma", content.get("loss_weight_strength", 5.0), "loss_weight_strength")
    elif weighing == "DEBIASED_ESTIMATION":
        found.take("debiased_estimation_loss", True, "loss_weight_fn")
    elif weighing != "CONSTANT":
        found.leave("loss_weight_fn", weighing, "is no way to weigh losses here")
    for name in ("mae_strength", "log_cosh_strength", "huber_strength"):
        if content.get(name):
            found.leave(name, content[name], "losses are not mixed here; loss_type chooses one")
    for name, ours in (("min_noising_strength", "min_timestep"), ("max_noising_strength", "max_timestep")):
        value = content.get(name)
        if isinstance(value, (int, float)) and value not in (0.0, 1.0):
            found.take(ours, round(1000 * value), name)
    if content.get("timestep_distribution", "UNIFORM") != "UNIFORM":
        found.leave("timestep_distribution", content["timestep_distribution"], "timesteps are drawn evenly here")
    if content.get("masked_training"):
        found.leave("masked_training", "", "masks lie in conditioning_data_dir here, beside masked_loss")
    if content.get("ema", "OFF") != "OFF":
        found.take("ema_decay", content.get("ema_decay", 0.999))


def _take_saving(content: Mapping[str, Any], found: Imported) -> None:
    target = str(content.get("output_model_destination") or "")
    if target:
        path = PurePath(target.replace("\\", "/"))
        found.take("output_name", path.stem, "output_model_destination")
        if str(path.parent) != ".":
            found.take("output_dir", str(path.parent), "output_model_destination")
    found.take("save_precision", _SAVED.get(str(content.get("output_dtype"))), "output_dtype")
    for name, ours in (("save_every", "save_every_n"), ("sample_after", "sample_every_n")):
        unit, every = content.get(f"{name}_unit"), content.get(name)
        if unit in _EVERY and isinstance(every, (int, float)) and every >= 1:
            found.take(f"{ours}_{_EVERY[unit]}", round(every), name)
    samples = content.get("samples")
    found.prompts = "\n".join(
        prompt_line(one.get("prompt"), one.get("negative_prompt"), one.get("width"), one.get("height"), one.get("seed"),
                    one.get("diffusion_steps"), one.get("cfg_scale"))
        for one in (samples if isinstance(samples, list) else [])
        if isinstance(one, Mapping) and one.get("enabled", True)
    )  # fmt: skip


def _take_concepts(content: Mapping[str, Any], found: Imported) -> None:
    """Concepts are folders, each with options of its own."""
    concepts = content.get("concepts")
    if not concepts:
        place = content.get("concept_file_name") or "a file of its own"
        found.leave("concepts", "", f"its folders are in {place}: give train_data_dir")
        return
    folders = []
    for one in concepts if isinstance(concepts, list) else []:
        if not isinstance(one, Mapping) or not one.get("enabled", True):
            continue
        if one.get("type", "STANDARD") not in ("STANDARD", "PRIOR_PREDICTION"):
            found.leave(f"concept {one.get('name') or one.get('path')}", one["type"], "validation_split keeps pictures here")
            continue
        text, image = one.get("text") or {}, one.get("image") or {}
        folders.append({
            "image_dir": one.get("path"),
            "num_repeats": max(1, round(float(one.get("balancing") or 1))) if one.get("balancing_strategy") != "SAMPLES" else 1,
            "is_reg": one.get("type") == "PRIOR_PREDICTION",
            "caption_extension": ".txt",
            "shuffle_caption": bool(text.get("enable_tag_shuffling")),
            "keep_tokens": text.get("keep_tags_count", 1) if text.get("enable_tag_shuffling") else None,
            "caption_tag_dropout_rate": text.get("tag_dropout_probability") if text.get("tag_dropout_enable") else None,
            "flip_aug": bool(image.get("enable_random_flip")),
        })  # fmt: skip
        if text.get("prompt_source", "sample") != "sample":
            found.leave("prompt_source", text["prompt_source"], "captions lie beside their pictures here")
    given = [{name: value for name, value in one.items() if value not in (None, False)} for one in folders]
    take_folders({}, given, found)


def _name_the_rest(content: Mapping[str, Any], found: Imported) -> None:
    known = {*_SAME, *_DEFAULTS, *_PARTS, "lora_decompose", "gradient_checkpointing", "loss_weight_fn", "mae_strength",
             "log_cosh_strength", "min_noising_strength", "max_noising_strength", "timestep_distribution", "masked_training",
             "ema", "output_model_destination", "output_dtype", "save_every", "save_every_unit", "concepts",
             "learning_rate_scaler"}  # fmt: skip
    for name, value in content.items():
        if name not in known and not name.startswith(_PASSED_OVER) and value not in (None, "", False, 0, [], {}):
            found.leave(name, value, "has no equivalent here")
