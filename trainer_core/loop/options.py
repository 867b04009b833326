"""What a loop is asked to be: how many rounds and candidates, who accepts, with what they are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..generate.request import Request, check
from ..problems import WordsError

BY = ("person", "tagger")
NO_STYLE = "none"
_COUNTS = ("rounds", "candidates", "accept_most", "tries", "per_epoch", "batch_size")


@dataclass(frozen=True)
class LoopOptions:
    """Kept in loop.json; words given later replace single ones for what is to come.

    tag: the activation tag. rounds: trainings in all; the last one draws no candidates. per_epoch: how many pictures an epoch
    shows, by repeating the few that there are. wanted: what the tagger must see to accept. leave_out: tags that captions
    don't name, so that the activation tag comes to stand for them. copy_limit: the distance below which a candidate is a
    copy of a training picture. checkpoints, styles: they take turns, one a round; none given: the training's base, no style.
    """

    tag: str = ""
    tagger: str = ""
    rounds: int = 5
    candidates: int = 12
    accept_by: str = "person"
    wanted: tuple[str, ...] = ()
    wanted_above: float = 0.5
    accept_most: int = 6
    tries: int = 5
    threshold: float = 0.35
    leave_out: tuple[str, ...] = ()
    per_epoch: int = 40
    copy_limit: float = 0.08
    checkpoints: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    strength: float = 1.0
    negative: str = ""
    steps: int = 20
    cfg: float = 6.0
    sampler: str = "Euler a"
    width: int = 0
    height: int = 0
    batch_size: int = 4

    def with_given(self, given: Mapping[str, Any]) -> LoopOptions:
        """With these in place of what was; WordsError where something is missing or can't be."""
        known = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        for name in ("checkpoints", "styles"):
            known |= {name: tuple(_from_anywhere(one) for one in known[name])} if name in known else {}
        if given.get("tagger"):
            known["tagger"] = _from_anywhere(str(given["tagger"]))
        options = replace(self, **known)
        options.require()
        return options

    def require(self) -> None:
        if not self.tag or "," in self.tag or self.tag != self.tag.strip():
            raise WordsError("loop needs --tag: the one activation tag that the character is to answer to.")
        if not self.tagger:
            raise WordsError("loop needs --tagger, a WD tagger's folder, .onnx file or name: it writes the captions.")
        if self.accept_by == "tagger" and not self.wanted:
            raise WordsError("--accept_by tagger needs --wanted: the tags that the tagger must see in a picture.")
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise WordsError(f"--{name} {getattr(self, name)}: it must be 1 or more.")
        for name in ("wanted_above", "threshold"):
            if not 0 < getattr(self, name) < 1:
                raise WordsError(f"--{name} {getattr(self, name):g}: it must lie between 0 and 1.")
        for style in self.styles:
            style_parts(style)
        check(Request("", width=self.width or 512, height=self.height or 512, steps=self.steps, sampler=self.sampler))

    def as_dict(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def _from_anywhere(given: str) -> str:
    """What is there as a file in full, so that the loop can be gone on with from any folder; names as they are."""
    path = Path(style_parts(given)[0] or given).expanduser()
    return str(path.absolute()) + given[len(style_parts(given)[0]) :] if given != NO_STYLE and path.exists() else given


def style_parts(style: str) -> tuple[str, float]:
    """`ink.safetensors:0.6` as file and strength, 1 unless given; ("", 0) for `none`, a round without a style."""
    if style == NO_STYLE:
        return "", 0.0
    path, mark, number = style.rpartition(":")
    if not mark or not path.lower().endswith(".safetensors"):
        return style, 1.0
    try:
        return path, float(number)
    except ValueError:
        raise WordsError(f"--styles {style}: {number!r} is not a strength.") from None
