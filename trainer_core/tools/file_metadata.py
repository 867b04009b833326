"""Metadata of LoRA files that no training made: merged, resized, cut and extracted ones."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..models.families import FAMILIES
from ..networks.metadata import IMPLEMENTATION_VERSION, MINIMUM

_CONV = ("conv_dim", "conv_alpha")


def fresh_metadata(
    family: str, title: str, rank: str, alpha: str, conv: tuple[str, str] | None = None, *, velocity: bool = False
) -> dict[str, str]:
    """What every LoRA file says of itself: kohya's minimum and modelspec. conv: rank and alpha of wider convolutions.

    velocity: for a base that predicts velocity.
    """
    facts = FAMILIES[family]
    args = {"ss_network_args": json.dumps({"conv_dim": conv[0], "conv_alpha": conv[1]})} if conv else {}
    return {
        "ss_v2": str(family == "sd2"),
        "ss_base_model_version": facts.base_model_version + ("_v" if velocity and family != "sdxl" else ""),
        "ss_network_module": "networks.lora",
        "ss_network_dim": rank,
        "ss_network_alpha": alpha,
        **args,
        "ss_output_name": title,
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": facts.architectures[velocity],
        "modelspec.implementation": facts.implementation,
        "modelspec.implementation_version": IMPLEMENTATION_VERSION,
        "modelspec.title": title,
        "modelspec.resolution": f"{facts.resolution}x{facts.resolution}",
        "modelspec.prediction_type": "v" if velocity else "epsilon",
        "modelspec.date": now(),
    }


def shared(all_metadata: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What all files say alike, their hashes left out."""
    first, *others = all_metadata
    return {
        key: value
        for key, value in first.items()
        if not key.startswith("sshs_") and all(other.get(key) == value for other in others)
    }


def with_ranks(metadata: Mapping[str, str], rank: str, alpha: str, conv: tuple[str, str] | None) -> dict[str, str]:
    """The metadata with other ranks and alphas; what else they say of the training stays."""
    changed = {**metadata, "ss_network_dim": rank, "ss_network_alpha": alpha}
    try:
        told = json.loads(metadata.get("ss_network_args") or "{}")
    except ValueError:
        told = {}
    args = {key: value for key, value in told.items() if key not in _CONV} if isinstance(told, dict) else {}
    if conv:
        args |= {"conv_dim": conv[0], "conv_alpha": conv[1]}
    if args:
        return {**changed, "ss_network_args": json.dumps(args)}
    return {key: value for key, value in changed.items() if key != "ss_network_args"}


def record(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def minimum(metadata: Mapping[str, str]) -> dict[str, str]:
    """What webui needs to know a LoRA, for --no_metadata."""
    return {key: value for key, value in metadata.items() if key in MINIMUM}


def now() -> str:
    return datetime.datetime.now().replace(microsecond=0).isoformat()


def one_or_dynamic(numbers: Sequence[float]) -> str:
    """A number that all modules share, or kohya's word for ranks that differ; "" where there is none."""
    if not numbers:
        return ""
    return f"{numbers[0]:g}" if max(numbers) == min(numbers) else "Dynamic"
