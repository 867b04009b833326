"""What the Tools tab asks of each tool: names and plain values of a request, checked, as the trainer's job takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import MISSING, Refused
from .lora_files import lora_at
from .rights import Rights, shown

METHODS = ("sv_ratio", "sv_cumulative", "sv_fro")
PRECISIONS = ("float", "fp16", "bf16")
_MOST_LORAS, _LONGEST_LIST, _LARGEST = 20, 1000, 100.0
Check = Callable[[str, Any, Rights], Any]


def _lora(name: str, value: Any, rights: Rights) -> str:
    return str(lora_at(value, rights))


def _foreign(name: str, value: Any, rights: Rights) -> str:
    return str(lora_at(value, rights, of_torch=True))


def _model(name: str, value: Any, rights: Rights) -> str:
    path = rights.may_read(value, "The model")
    if not path.exists():
        raise Refused(f"There is no model {shown(path.name)}: choose another.", MISSING)
    return str(path)


def _number(low: float, high: float, *, whole: bool = False) -> Check:
    def check(name: str, value: Any, rights: Rights) -> Any:
        plain = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not plain or not low <= value <= high:
            raise Refused(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, not {shown(value)}.")
        return value

    return check


def _choice(*choices: str) -> Check:
    def check(name: str, value: Any, rights: Rights) -> str:
        if value not in choices:
            raise Refused(f"{name} must be one of {', '.join(choices)}, not {shown(value)}.")
        return str(value)

    return check


def _flag(name: str, value: Any, rights: Rights) -> bool:
    if not isinstance(value, bool):
        raise Refused(f"{name} can't be {shown(value)}.")
    return value


def _weights(name: str, value: Any, rights: Rights) -> str:
    """A preset's name or a list; which presets there are is known where the job is made."""
    if not isinstance(value, str) or len(value) > _LONGEST_LIST or "\n" in value or "\0" in value:
        raise Refused(f"{name} must be a preset's name or a list of numbers, not {shown(value)}.")
    return value.strip()


def _loras(name: str, value: Any, rights: Rights) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_LORAS:
        raise Refused(f"{name} must be a list of 1 to {_MOST_LORAS} LoRAs.")
    return [_checked(_OF_EACH, one, rights, required=("path",)) for one in value]


_RANK, _STRENGTH = _number(1, 4096, whole=True), _number(-_LARGEST, _LARGEST)
_OF_EACH: dict[str, Check] = {
    "path": _lora,
    "ratio": _STRENGTH,
    "te": _STRENGTH,
    "unet": _STRENGTH,
    "block_weights": _weights,
}
_PRECISION = _choice(*PRECISIONS)
_FIELDS: dict[str, dict[str, Check]] = {
    "extract": {
        "original": _model,
        "tuned": _model,
        "dim": _RANK,
        "conv_dim": _RANK,
        "min_diff": _number(0, 1000),
        "clamp_quantile": _number(0.501, 1),
        "unet": _flag,
        "text_encoder": _flag,
        "velocity": _flag,
        "precision": _PRECISION,
    },
    "merge": {"base": _model, "loras": _loras, "x": _STRENGTH, "rank": _RANK, "conv_rank": _RANK, "precision": _PRECISION},
    "resize": {
        "path": _lora,
        "rank": _RANK,
        "conv_rank": _RANK,
        "method": _choice(*METHODS),
        "parameter": _number(0, 1e6),
        "precision": _PRECISION,
    },
    "bake": {"path": _lora, "block_weights": _weights, "x": _STRENGTH, "te": _STRENGTH, "unet": _STRENGTH},
    "cut": {"path": _lora, "rank": _RANK},
    "convert": {"path": _foreign, "precision": _PRECISION},
}
_REQUIRED = {
    "extract": ("original", "tuned", "dim"),
    "merge": ("loras",),
    "resize": ("path", "rank"),
    "bake": ("path", "block_weights"),
    "cut": ("path", "rank"),
    "convert": ("path",),
}
TOOLS = tuple(_FIELDS)


def checked_tool(tool: Any, asked: Any, rights: Rights) -> dict[str, Any]:
    """The tool's options, what was left empty left out. Refused with one sentence, also where nothing could come of them."""
    if not isinstance(tool, str) or tool not in _FIELDS:
        raise Refused(f"There is no tool {shown(tool)}, only {', '.join(TOOLS)}.")
    options = _checked(_FIELDS[tool], asked, rights, required=_REQUIRED[tool])
    if tool in _REFUSALS:
        _REFUSALS[tool](options)
    return options


def _checked(fields: Mapping[str, Check], asked: Any, rights: Rights, required: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(asked, Mapping):
        raise Refused("A tool's options must be names and values.")
    unknown = next((name for name in asked if name not in fields), None)
    if unknown is not None:
        raise Refused(f"{shown(unknown)} is not understood here; there are {', '.join(fields)}.")
    given = {name: value for name, value in asked.items() if value is not None and value != ""}
    missing = next((name for name in required if name not in given), None)
    if missing is not None:
        raise Refused(f"{missing} is missing.")
    return {name: fields[name](name, value, rights) for name, value in given.items()}


def _refuse_extract(options: Mapping[str, Any]) -> None:
    if options["original"] == options["tuned"]:
        raise Refused("Both models are the same: choose the one that the other was tuned from.")
    if not options.get("unet", True) and not options.get("text_encoder", True):
        raise Refused("Neither UNet nor text encoder is to be extracted: choose one of them, or both.")


def _refuse_merge(options: Mapping[str, Any]) -> None:
    if options.get("base"):
        if options.get("rank") or options.get("conv_rank"):
            raise Refused("A new rank is for LoRAs that are merged with each other: leave it empty for a checkpoint.")
        return
    first = options["loras"][0]
    plain = not first.get("block_weights") and all(first.get(name, 1) == 1 for name in ("ratio", "te", "unet"))
    if len(options["loras"]) < 2 and plain:
        raise Refused("One LoRA at full strength is itself: add a second, give another strength, or choose a checkpoint.")
    if options.get("conv_rank") and not options.get("rank"):
        raise Refused("A rank of the convolutions needs a rank for the rest.")


def _refuse_resize(options: Mapping[str, Any]) -> None:
    method, parameter = options.get("method"), options.get("parameter")
    if method is None and parameter is None:
        return
    if method is None or parameter is None:
        raise Refused("A dynamic method and its number belong together: give both, or neither.")
    if not (parameter >= 2 if method == "sv_ratio" else 0 < parameter < 1):
        limits = "2 or more" if method == "sv_ratio" else "between 0 and 1"
        raise Refused(f"The number of {method} must be {limits}, not {shown(parameter)}.")


_REFUSALS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "extract": _refuse_extract,
    "merge": _refuse_merge,
    "resize": _refuse_resize,
}
