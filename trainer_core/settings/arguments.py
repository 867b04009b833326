"""Reads `name=value` words: --optimizer_args, --lr_scheduler_args and --network_args."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..problems import WordsError
from .convert import ValueProblem, convert, nearest
from .declaration import Setting

_NETWORK: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("conv_dim", "int", None, "Rank of the 3×3 convolutions (LoCon).", minimum=1, maximum=768),
        Setting("conv_alpha", "float", None, "Alpha of the 3×3 convolutions; 0 means the same as conv_dim.", minimum=0),
        Setting("rank_dropout", "float", None, "Share of ranks left out at each step.", minimum=0, maximum=1),
        Setting("module_dropout", "float", None, "Share of modules left out at each step.", minimum=0, maximum=1),
    )
}
_NETWORK_NOT_BUILT = (
    "block_dims",
    "block_alphas",
    "conv_block_dims",
    "conv_block_alphas",
    "down_lr_weight",
    "mid_lr_weight",
    "up_lr_weight",
    "block_lr_zero_threshold",
    "loraplus_lr_ratio",
    "loraplus_unet_lr_ratio",
    "loraplus_text_encoder_lr_ratio",
    "algo",
    "preset",
    "factor",
    "use_tucker",
    "use_cp",
    "use_conv_cp",
    "dora_wd",
)


def parse_arguments(words: Sequence[str] | None, setting: str = "arguments") -> dict[str, Any]:
    """`name=value` words as a dictionary; values are Python literals (True, 1e-4, 0.9,0.999 as a tuple, None).

    What is not a literal stays text; true and false are understood in any letter case. Raises WordsError.
    """
    result: dict[str, Any] = {}
    for word in words or ():
        name, mark, text = word.partition("=")
        name = name.strip()
        if not mark or not name.isidentifier():
            raise WordsError(f"{setting}: {word!r} must be written name=value")
        result[name] = _literal(text.strip())
    return result


def network_options(words: Sequence[str] | None) -> dict[str, Any]:
    """conv_dim, conv_alpha, rank_dropout and module_dropout (None where not given), checked; raises WordsError."""
    given = parse_arguments(words, "network_args")
    options: dict[str, Any] = dict.fromkeys(_NETWORK)
    for name, value in given.items():
        if name in _NETWORK_NOT_BUILT:
            raise WordsError(f"network_args: {name} is not built yet; take it out")
        if name not in _NETWORK:
            guess = nearest(name, (*_NETWORK, *_NETWORK_NOT_BUILT))
            meant = f"did you mean {guess}?" if guess else "known are " + ", ".join(_NETWORK)
            raise WordsError(f"network_args: {name} is not an argument of networks.lora; {meant}")
        try:
            options[name] = convert(_NETWORK[name], value)
        except ValueProblem as problem:
            raise WordsError(f"network_args: {name} {problem}") from None
    if options["conv_dim"] is None and options["conv_alpha"] is not None:
        raise WordsError("network_args: conv_alpha needs conv_dim")
    if options["conv_dim"] is not None:
        alpha = options["conv_alpha"]
        options["conv_alpha"] = 1.0 if alpha is None else float(alpha or options["conv_dim"])
    return options


def _literal(text: str) -> Any:
    if text.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
