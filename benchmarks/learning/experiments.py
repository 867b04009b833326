"""The experiments: for each a list of arms that differ in one thing, everything else being the demo's settings."""

from __future__ import annotations

from collections.abc import Mapping
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
    next_run: bool = False  # draw a te × unet grid of it, choose a cell, train and measure the run that comes of it


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
}
