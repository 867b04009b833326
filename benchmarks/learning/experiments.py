"""The experiments: for each a list of arms that differ in one thing, everything else being the demo's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

RegKind = Literal["none", "matched", "matched_index", "class", "random"]


@dataclass(frozen=True)
class Arm:
    """One way to train: `training` replaces or adds settings by kohya's names (None takes one out)."""

    name: str
    what: str
    reg: RegKind = "matched"
    training: Mapping[str, Any] = field(default_factory=dict)
    watch: bool = False  # look at snapshots on the way too: after how many steps is it learnt?
    dataset: str = ""  # one of datasets.py, trained with the settings that `advise` writes for it
    next_run: bool = False  # draw a te × unet grid of it, choose a cell, train and measure the run that comes of it


_STEPS = 360  # of the demo
_PRODIGY = ("decouple=True", "weight_decay=0.01", "d_coef=2", "use_bias_correction=True", "safeguard_warmup=True")


def _network(
    name: str, rate: float, *arguments: str, module: str = "networks.lora", dim: int | None = 8, steps: int = _STEPS
) -> Arm:
    """The demo's settings with another network; rate and steps are what it learns with at this size."""
    training = {
        "network_module": module,
        "network_args": list(arguments) or None,
        "network_dim": dim,
        "network_alpha": dim,
        **_rates(rate),
        **_length(steps),
    }
    return Arm(name, _what(rate, steps, arguments), "random", training, watch=True)


def _lycoris(algo: str, rate: float, *arguments: str, name: str = "", dim: int | None = 8, steps: int = _STEPS) -> Arm:
    return _network(name or algo, rate, f"algo={algo}", *arguments, module="lycoris.kohya", dim=dim, steps=steps)


def _optimizer(name: str, rate: float, *arguments: str, steps: int = _STEPS, called: str = "") -> Arm:
    """The demo's settings with another optimizer; what finds its own rate gets none of the demo's schedule."""
    own = rate == 1.0 or name == "AdaFactor" or name.endswith("ScheduleFree")
    training = {
        "optimizer_type": name,
        "optimizer_args": list(arguments) or None,
        **_rates(rate),
        **({"lr_scheduler": "constant", "lr_warmup_steps": 0} if own else {}),
        **_length(steps),
    }
    return Arm(called or name, _what(rate, steps, arguments), "random", training, watch=True)


def _length(steps: int) -> dict[str, int]:
    """Six snapshots, which show after how many steps it is learnt."""
    return {"max_train_steps": steps, "save_every_n_steps": steps // 6}


def _what(rate: float, steps: int, arguments: Sequence[str]) -> str:
    return ", ".join([f"rate {rate:g}", *([] if steps == _STEPS else [f"{steps} steps"]), *arguments])


def _stages(name: str, what: str, *stages: dict[str, Any]) -> Arm:
    """The demo's settings in these stages; beside one with `max_train_steps` in all."""
    return Arm(name, what, "random", {"max_train_steps": None, "stages": list(stages)})


def _rates(rate: float) -> dict[str, float]:
    return dict.fromkeys(("learning_rate", "unet_lr", "text_encoder_lr"), rate)


def _blocks(preset: str) -> dict[str, Any]:
    return {
        "network_args": ["conv_dim=8", "conv_alpha=8", f"block_weights={preset}"],
        "network_train_unet_only": True,
        "text_encoder_lr": None,
    }


EXPERIMENTS: dict[str, list[Arm]] = {
    "reg": [
        Arm("none", "no regularization pictures", reg="none"),
        Arm(
            "none_half",
            "none, and half the steps: as many views of each picture as with a set",
            "none",
            {"max_train_steps": 180},
        ),
        Arm("matched", "one for each picture, its caption, the training's seed"),
        Arm("matched_index", "the same with --seeds index", reg="matched_index"),
        Arm("class", "as many pictures of the class word alone", reg="class"),
        Arm("random", "as many pictures of captions that have nothing to do with the training's", reg="random"),
    ],
    "next_run": [
        Arm(
            "overtrained",
            "rates doubled, no regularization pictures; then the run that the chosen cell of its te × unet grid writes",
            reg="none",
            training={"unet_lr": 1.2e-2, "text_encoder_lr": 1.2e-2},
            next_run=True,
        ),
    ],
    "networks": [
        _network("LierLa", 6e-3, steps=720),
        _network("C3Lier", 6e-3, "conv_dim=8", "conv_alpha=8"),
        _lycoris("locon", 6e-3, "conv_dim=8", "conv_alpha=8"),
        _lycoris("locon", 6e-3, "conv_dim=8", "conv_alpha=8", "use_tucker=True", name="locon, Tucker"),
        _lycoris("locon", 6e-3, "conv_dim=8", "conv_alpha=8", "dora_wd=True", name="DoRA", steps=720),
        _lycoris("locon", 6e-3, "conv_dim=8", "conv_alpha=8", "train_norm=True", name="locon, norms"),
        _lycoris("loha", 6e-3, "conv_dim=8", "conv_alpha=8", steps=720),
        _lycoris("lokr", 1.2e-2, "conv_dim=8", "conv_alpha=8", "factor=8", steps=720),
        _lycoris("ia3", 0.3, steps=720),
        _lycoris("dylora", 6e-3, "conv_dim=8", "conv_alpha=8", "block_size=2", steps=720),
        _lycoris("glora", 6e-3),
        _lycoris("full", 4e-4, dim=None),
        _lycoris("diag-oft", 6e-3),
        _lycoris("boft", 3e-3, steps=720),
    ],
    "optimizers": [
        _optimizer("AdamW", 6e-3),
        _optimizer("AdamW8bit", 6e-3),
        _optimizer("Lion", 6e-4, steps=720),
        _optimizer("Lion8bit", 6e-4),
        _optimizer("SGDNesterov", 0.5, steps=720),
        _optimizer("AdaFactor", 6e-3, "relative_step=True", "scale_parameter=True", "warmup_init=True"),
        _optimizer(
            "AdaFactor",
            6e-3,
            "relative_step=True",
            "scale_parameter=True",
            "warmup_init=False",
            steps=1620,
            called="AdaFactor, no warm-up",
        ),
        _optimizer("DAdaptAdam", 1.0, "decouple=True", "weight_decay=0.01", "betas=0.9,0.999"),
        _optimizer("DAdaptLion", 1.0),
        _optimizer("Prodigy", 1.0, *_PRODIGY),
        _optimizer("AdamWScheduleFree", 6e-3),
        _optimizer("ProdigyPlusScheduleFree", 1.0),
        _optimizer("CAME", 1e-3),
    ],
    "stages": [
        Arm("linear", "one stage of 360 steps, linear", "random", {"lr_scheduler": "linear"}),
        Arm("cosine", "one stage of 360 steps, cosine", "random", {"lr_scheduler": "cosine"}),
        _stages(
            "linear, cosine",
            "270 steps linear, then 90 cosine from the same rates",
            {"max_train_steps": 270, "lr_scheduler": "linear"},
            {"max_train_steps": 90, "lr_scheduler": "cosine"},
        ),
        _stages(
            "linear, low cosine",
            "270 steps linear, then 90 cosine from a fifth of the rates",
            {"max_train_steps": 270, "lr_scheduler": "linear"},
            {"max_train_steps": 90, "lr_scheduler": "cosine", **_rates(1.2e-3)},
        ),
    ],
    "blocks": [
        Arm("all", "every block", "random", {}),
        Arm("OUT", "the way up alone, without text encoder", "random", _blocks("OUTALL")),
        Arm("IN", "the way down alone, without text encoder", "random", _blocks("INALL")),
    ],
    "advise": [
        Arm("character", "40 good pictures of an unknown creature", "none", dataset="character"),
        Arm("poor", "20 blurred pictures of another, with the regularization set that is advised", "none", dataset="poor"),
        Arm("concept", "60 pictures of parts that any body can wear", "none", dataset="concept"),
        Arm("style", "120 pictures of a paint on many bodies", "none", dataset="style"),
    ],
}
