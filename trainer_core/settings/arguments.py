"""Reads `name=value` words: --optimizer_args, --lr_scheduler_args and --network_args."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..problems import WordsError
from .convert import ValueProblem, convert, nearest
from .network_kinds import ALGO_ALIASES, ARGUMENTS, KINDS, is_lycoris, kind_of, known_arguments, plain_name


def parse_arguments(words: Sequence[str] | None, setting: str = "arguments") -> dict[str, Any]:
    """`name=value` words as a dictionary; values are Python literals (True, 1e-4, 0.9,0.999 as a tuple, None).

    What is not a literal stays text; true and false are understood in any letter case. Raises WordsError.
    """
    return {name: _literal(text) for name, text in _pairs(words, setting).items()}


def _pairs(words: Sequence[str] | None, setting: str) -> dict[str, str]:
    result: dict[str, str] = {}
    for word in words or ():
        name, mark, text = word.partition("=")
        name = name.strip()
        if not mark or not name.isidentifier():
            raise WordsError(f"{setting}: {word!r} must be written name=value")
        result[name] = text.strip()
    return result


def network_options(words: Sequence[str] | None, module: str = "networks.lora") -> dict[str, Any]:
    """Every argument of networks (None where not given), checked against the network's kind; raises WordsError.

    conv_alpha is 1 where networks.lora has a conv_dim and none, as kohya has it; 0 means conv_dim, or each block's own rank.
    """
    given = {plain_name(name): text for name, text in _pairs(words, "network_args").items()}
    if "disable_conv_cp" in given:
        given["use_tucker"] = "false" if _literal(given.pop("disable_conv_cp")) else "true"
    algo = _algo(given)
    known = known_arguments(module, algo)
    options: dict[str, Any] = dict.fromkeys(ARGUMENTS)
    for name, text in given.items():
        if name not in known:
            raise WordsError(_not_known(name, module, algo, known))
        raw = text if ARGUMENTS[name].kind == "str" else _literal(text)
        if name == "conv_dim" and algo == "lokr" and isinstance(raw, int):
            raw = min(raw, int(ARGUMENTS[name].maximum or raw))  # no 3×3 convolution has factors that this doesn't keep whole
        try:
            options[name] = convert(ARGUMENTS[name], raw)
        except ValueProblem as problem:
            raise WordsError(f"network_args: {name} {problem}") from None
    _refuse(options)
    if not is_lycoris(module, algo):
        options["conv_dim"] = options["conv_dim"] or None
        if options["conv_dim"] is None and options["conv_alpha"] is not None:
            raise WordsError("network_args: conv_alpha needs conv_dim")
    if options["conv_dim"]:
        alpha = options["conv_alpha"]
        if alpha is None and not is_lycoris(module, algo):
            alpha = 1.0
        of_blocks = alpha == 0 and options["conv_block_dims"]
        options["conv_alpha"] = alpha if alpha is None or of_blocks else float(alpha or options["conv_dim"])
    return options


def _algo(given: dict[str, str]) -> str | None:
    if "algo" not in given:
        return None
    try:
        return convert(ARGUMENTS["algo"], given["algo"])
    except ValueProblem as problem:
        raise WordsError(f"network_args: algo {problem}") from None


def _not_known(name: str, module: str, algo: str | None, known: Sequence[str]) -> str:
    kind = kind_of(module, algo)
    where = f"{module} with algo={algo}" if algo else module
    if name in ARGUMENTS:
        takers = [one for one in KINDS if name in known_arguments("lycoris.kohya", one)]
        other = f"; it belongs to algo={' or '.join(takers)}" if takers and kind.name not in takers else ""
        if kind.name in takers:
            other = "; lycoris.kohya takes it"
        return f"network_args: {name} is not an argument of {where}{other}"
    guess = nearest(name, known)
    meant = f"did you mean {guess}?" if guess else "known are " + ", ".join(sorted(known))
    return f"network_args: {name} is not an argument of {where}; {meant}"


def _refuse(options: dict[str, Any]) -> None:
    """What would make a file that webui takes for something else."""
    if options["wd_on_output"]:
        raise WordsError("network_args: wd_on_output is refused, because webui applies such a DoRA wrongly; take it out")
    if options["use_scalar"]:
        raise WordsError("network_args: use_scalar is refused, because a file has no place for the factor; take it out")
    if options["constraint"]:
        raise WordsError("network_args: constraint is refused, because OFT's turn is trained without a limit here; take it out")
    if options["algo"] == "dora":
        options["dora_wd"] = True
    if options["algo"] is not None:
        options["algo"] = ALGO_ALIASES.get(options["algo"], options["algo"])


def _literal(text: str) -> Any:
    if text.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
