"""How long a run will take, from steps that were measured on this machine.

What a step took is kept in the data folder, beside all that a step's time depends on.
"""

from __future__ import annotations

import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..settings import Settings

FILE = "step_times.json"
_KEPT = 200  # measures, the newest
_WRITTEN_AT = (3, 12, 50)  # steps after which a measure is kept, and then with each hundredth
_WARM_UP = 1  # steps that are not counted: memory is asked for, kernels are chosen
_MIDDLE = 101  # the newest steps, whose median counts

# What scales a step's time in proportion, nearly, and what hardly changes it; all else must be the same for an estimate.
_WORK = ("pixels", "pictures", "accumulation")
_SMALL = ("kind", "rank", "optimizer", "conv_rank", "cached_latents")
Signature = dict[str, Any]


@dataclass(frozen=True)
class Time:
    """Seconds of a run's steps, and how that is known: "measured", "estimated" from other settings, or "" (not known)."""

    seconds: float | None
    known: str
    words: str

    def as_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "known": self.known, "words": self.words}


NOT_KNOWN = Time(None, "", "not known yet: no step of such a run was measured here")


def signature(settings: Settings, family: str, pixels: float, pictures: int, trained: tuple[str, ...]) -> Signature:
    """What a step's time depends on. pixels: of a picture, on the mean; pictures: of one process at once."""
    options = settings.network_options()
    return {
        "family": family,
        "pixels": round(pixels),
        "pictures": pictures,
        "accumulation": settings.gradient_accumulation_steps,
        "processes": settings.num_processes or 1,
        "kind": f"{settings.network_module} {options['algo'] or ''}".strip(),
        "rank": settings.network_dim or 4,
        "conv_rank": options["conv_dim"] or 0,
        "optimizer": settings.optimizer_type,
        "trained": list(trained),
        "precision": settings.mixed_precision,
        "eight_bit": settings.int8_base or settings.fp8_base or settings.fp8_base_unet,
        "checkpointing": settings.gradient_checkpointing,
        "cached_latents": settings.cache_latents,
        "cached_text": settings.cache_text_encoder_outputs,
        "tokens": settings.max_token_length or 75,
        "preservation": bool(settings.prior_preservation),
    }


class StepTimes:
    """Measures a run's steps and keeps what they take; nothing where not `kept`.

    what: each stage's signature by its number; device: the GPU's name, or "cpu"; data: the data folder.
    """

    def __init__(self, what: Mapping[int, Signature], device: str, data: Path, kept: bool = True) -> None:
        self._what, self._device, self._data, self._kept = what, device, data, kept
        self._steps: dict[int, list[float]] = {number: [] for number in what}

    def took(self, stage: int, seconds: float) -> None:
        """Takes in one step's time; the first of a stage only warms up."""
        steps = self._steps[stage]
        steps.append(seconds)
        measured = len(steps) - _WARM_UP
        if self._kept and (measured in _WRITTEN_AT or (measured and measured % 100 == 0)):
            self._keep(stage, steps[_WARM_UP:])

    def _keep(self, stage: int, steps: list[float]) -> None:
        """Writes the median; a disk that refuses costs the measure alone."""
        entry = {
            "what": self._what[stage],
            "machine": platform.node(),
            "device": self._device,
            "steps": len(steps),
            "seconds": statistics.median(steps[-_MIDDLE:]),
        }
        others = [one for one in read_times(self._data) if not _same(one, entry)]
        try:
            write_json(self._data / FILE, [*others, entry][-_KEPT:])
        except OSError:  # the run is worth more than the time of the next
            self._kept = False


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("what", "machine", "device"))


def read_times(data: Path) -> list[dict[str, Any]]:
    """All that was measured, the newest last; what isn't a measure of ours is passed over."""
    try:
        content = read_json(data / FILE)
    except (OSError, ValueError):  # none yet, or half a file: the next run measures anew
        return []
    return [one for one in content if _is_measure(one)] if isinstance(content, list) else []


def _is_measure(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("what"), dict)
        and all(isinstance(one.get(name), str) for name in ("machine", "device"))
        and isinstance(one.get("steps"), int)
        and isinstance(one.get("seconds"), float)
    )


def forecast_time(stages: Sequence[tuple[Signature, int]], data: Path, card: str | None) -> Time:
    """Seconds of a run's stages, (signature, steps) each, from what was measured on this machine.

    card: the GPU found here; what was measured on another is passed over.
    """
    here = [one for one in read_times(data) if one["machine"] == platform.node()]
    here = [one for one in here if card is None or one["device"] in (card, "cpu")]
    times = [_stage_time(what, steps, here) for what, steps in stages if steps]
    known = [one.seconds for one in times if one.seconds is not None]
    if not times or len(known) < len(times):
        return NOT_KNOWN
    least = next((one for one in times if one.known == "estimated"), times[0])
    return Time(sum(known), least.known, least.words)


def _stage_time(what: Signature, steps: int, here: Sequence[Mapping[str, Any]]) -> Time:
    exact = [one for one in here if one["what"] == what]
    if exact:
        one = exact[-1]
        return Time(one["seconds"] * steps, "measured", f"measured here on {_steps(one)} of such a run ({one['device']})")
    near = [one for one in here if _is_near(one["what"], what)]
    if not near:
        return NOT_KNOWN
    one = max(near, key=lambda one: -abs(_work(one["what"]) - _work(what)))
    seconds = one["seconds"] * _work(what) / _work(one["what"])
    side, pictures = round(one["what"]["pixels"] ** 0.5), one["what"]["pictures"]
    words = (
        f"estimated from {_steps(one)} with {pictures} × {side} px, rank {one['what']['rank']}, measured here ({one['device']})"
    )
    return Time(seconds * steps, "estimated", words)


def _steps(one: Mapping[str, Any]) -> str:
    return "1 step" if one["steps"] == 1 else f"{one['steps']} steps"


def _is_near(one: Mapping[str, Any], other: Signature) -> bool:
    free = (*_WORK, *_SMALL)
    same = all(one.get(name) == value for name, value in other.items() if name not in free)
    return same and all(isinstance(one.get(name), (int, float)) and one[name] > 0 for name in _WORK)


def _work(what: Mapping[str, Any]) -> float:
    return float(what["pixels"] * what["pictures"] * what["accumulation"])
