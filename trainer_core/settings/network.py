"""Settings of the LoRA network itself."""

from __future__ import annotations

from functools import partial

from .declaration import Setting
from .network_kinds import MODULES

GROUP = "Network"
_setting = partial(Setting, group=GROUP)

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "network_module",
        "str",
        "networks.lora",
        "Kind of network: networks.lora is LoRA (LoCon with conv_dim); lycoris.kohya has LoHa, LoKr and others by algo=.",
        label="Network module",
        choices=MODULES,
    ),
    _setting(
        "network_dim",
        "int",
        None,
        "Rank of the LoRA: 32 to 96 for characters, 96 to 192 for styles, 8 to 128 for concepts; 4 where nothing is given. "
        "With Stable Diffusion 1.x a rank takes 1.2 MB of the file in fp16; the plan shows the exact size.",
        label="Rank",
        minimum=1,
        maximum=768,
    ),
    _setting(
        "network_alpha",
        "float",
        1.0,
        "Damping: the LoRA acts with alpha divided by rank; 1 up to the rank, not above; 0 means the same as the rank.",
        label="Damping (alpha)",
        minimum=0,
    ),
    _setting(
        "network_args",
        "strings",
        None,
        "Further arguments of the network as name=value: algo, preset, conv_dim, conv_alpha, block_weights and others.",
        label="Network arguments",
    ),
    _setting(
        "network_dropout",
        "float",
        None,
        "Share of the rank's values that are left out at each step.",
        label="Network dropout",
        minimum=0,
        maximum=1,
        advanced=True,
    ),
    _setting(
        "network_weights", "path", None, "LoRA file to go on from; its rank must equal network_dim.", label="Continue from LoRA"
    ),
    _setting("dim_from_weights", "flag", False, "Take rank and alpha from network_weights.", label="Take rank from that LoRA"),
    _setting(
        "network_train_unet_only",
        "flag",
        False,
        "Train the UNet only.",
        label="Train UNet only",
        conflicts=("network_train_text_encoder_only",),
    ),
    _setting(
        "network_train_text_encoder_only",
        "flag",
        False,
        "Train the text encoder only.",
        label="Train text encoder only",
        advanced=True,
    ),
    _setting(
        "scale_weight_norms",
        "float",
        None,
        "Shrink modules whose weights grow beyond this norm; 1 is usual and helps to mix LoRAs, up to 10 acts less.",
        label="Scale weight norms",
        minimum=0,
        maximum=10,
        advanced=True,
    ),
    _setting(
        "base_weights",
        "strings",
        None,
        "LoRA files that are merged into the base model before training, as far as this run is concerned.",
        label="Merge LoRAs into the base",
        advanced=True,
    ),
    _setting(
        "base_weights_multiplier",
        "floats",
        None,
        "Strengths of base_weights, one a file; 1 where none is given.",
        label="Strengths of merged LoRAs",
        advanced=True,
    ),
)
