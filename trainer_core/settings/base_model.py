"""Settings of the base model: which files are trained on and how their text is read."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Base model"
_setting = partial(Setting, group=GROUP)

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "pretrained_model_name_or_path",
        "path",
        None,
        "Base model that the LoRA is trained on: a .safetensors or .ckpt file, or a diffusers folder.",
        label="Base model file",
    ),
    _setting("vae", "path", None, "Other VAE to use in place of the one in the base model.", label="VAE"),
    _setting(
        "clip_skip",
        "int",
        None,
        "Take the text encoder's output from this layer counted from the end (2 for NAI and anime models, else 1).",
        label="Clip skip",
        minimum=1,
        maximum=12,
        unit="layers",
    ),
    _setting(
        "max_token_length",
        "int",
        None,
        "Longest caption that is read, in tokens: 225 is usual, 75 where nothing is given. What is longer is cut.",
        label="Longest caption",
        choices=(75, 150, 225),
        unit="tokens",
    ),
    _setting(
        "v2",
        "flag",
        False,
        "The base model is Stable Diffusion 2.x, which is seen from its file anyway.",
        label="Stable Diffusion 2.x",
        advanced=True,
    ),
    _setting(
        "v_parameterization",
        "flag",
        False,
        "The base model predicts velocity in place of noise: 768-v models of Stable Diffusion 2.x, some of SDXL. "
        "Needed only where the file itself doesn't say it.",
        label="V-prediction",
        advanced=True,
    ),
    _setting(
        "tokenizer_cache_dir",
        "path",
        None,
        "Folder in which a downloaded tokenizer is kept.",
        treatment="ignored",
        reason="the tokenizer comes with the installation and nothing is downloaded",
        advanced=True,
    ),
    _setting(
        "weighted_captions",
        "flag",
        False,
        "Read (red hat:1.2) in captions as weights, as webui does in prompts; brackets of names need backslashes then.",
        label="Weights in captions",
        advanced=True,
    ),
    _setting(
        "no_half_vae",
        "flag",
        False,
        "Keep the VAE in full precision.",
        treatment="ignored",
        reason="the VAE always works in full precision here",
        advanced=True,
    ),
    _setting(
        "disable_mmap_load_safetensors",
        "flag",
        False,
        "Read model files without mapping them into memory.",
        treatment="ignored",
        reason="it makes no difference to how models are read here",
        advanced=True,
    ),
    _setting(
        "cache_text_encoder_outputs",
        "flag",
        False,
        "Encode all captions once before the training and let the text encoders go, which saves their memory; they are not "
        "trained then.",
        label="Cache text encoder outputs",
    ),
    _setting(
        "cache_text_encoder_outputs_to_disk",
        "flag",
        False,
        "The same, and keep the encoded captions on disk for the next run.",
        label="Cache text outputs on disk",
    ),
)
