"""Turns what a user wrote, as text or as a TOML or JSON value, into the Python value of a setting."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .declaration import Setting

# What TOML and JSON make of "C:\new\train" in double quotes.
_BROKEN_WINDOWS_PATH = re.compile(r"[A-Za-z]:[^\n]*[\t\n\r\b\f]")
_YES, _NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


class ValueProblem(ValueError):
    """What a value must be; the text goes on after the setting's name: "network_dim must be …"."""


def convert(setting: Setting, raw: Any) -> Any:
    """The value of `setting` for `raw`, checked against range and choices; raises ValueProblem."""
    if raw is None or (isinstance(raw, str) and raw.strip() == "" and setting.kind != "str"):
        if setting.kind == "flag" and raw is not None:
            raise ValueProblem("must be true or false, not empty")
        return setting.default
    value = _CONVERTERS[setting.kind](raw)
    if setting.kind == "str":
        if value == "" and setting.default in (None, ""):
            return setting.default
        value = _chosen(setting, value)
    elif setting.choices and value not in setting.choices:
        raise ValueProblem(f"must be one of {_listed(setting.choices)}, not {_shown(raw)}")
    _check_range(setting, value, raw)
    return value


def nearest(word: str, names: Sequence[str]) -> str | None:
    """The name that `word` was probably meant to be, in any letter case, or None."""
    lowered = {name.lower(): name for name in names}
    found = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def _chosen(setting: Setting, value: str) -> str:
    if not setting.choices:
        return value
    for choice in setting.choices:
        if value.lower() == str(choice).lower():
            return choice
    guess = nearest(value, setting.choices)
    meant = f"; did you mean {guess}?" if guess else ""
    raise ValueProblem(f"must be one of {_listed(setting.choices)}, not {_shown(value)}{meant}")


def _check_range(setting: Setting, value: Any, raw: Any) -> None:
    numbers = value if isinstance(value, tuple) else (value,)
    low, high = setting.minimum, setting.maximum
    for number in numbers:
        if isinstance(number, (str, bool, Path)):
            continue
        if (low is not None and number < low) or (high is not None and number > high):
            if low is not None and high is not None:
                allowed = f"from {_plain(low)} to {_plain(high)}"
            else:
                allowed = f"at least {_plain(low)}" if low is not None else f"at most {_plain(high)}"
            raise ValueProblem(f"must be {allowed}, not {_shown(raw)}")


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def _listed(choices: Sequence[Any]) -> str:
    return ", ".join(str(choice) for choice in choices)


def _shown(raw: Any) -> str:
    return repr(raw) if isinstance(raw, str) else str(raw)


def _float(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise ValueProblem(f"must be a number, not {_shown(raw)}")
    try:
        value = float(raw)
    except ValueError:
        raise ValueProblem(f"must be a number such as 0.0001 or 1e-4, not {_shown(raw)}") from None
    if not math.isfinite(value):
        raise ValueProblem(f"must be a finite number, not {_shown(raw)}")
    return value


def _int(raw: Any) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        try:
            return int(raw)  # exact where a float would round, as for long seeds
        except ValueError:
            pass
    try:
        value = _float(raw)
    except ValueProblem:
        raise ValueProblem(f"must be a whole number, not {_shown(raw)}") from None
    if not value.is_integer():
        raise ValueProblem(f"must be a whole number, not {_shown(raw)}")
    return int(value)


def _int_or_float(raw: Any) -> int | float:
    """Steps as a whole number, or a share of all steps below 1, also written as a percentage."""
    if isinstance(raw, str) and raw.strip().endswith("%"):
        return _float(raw.strip()[:-1]) / 100
    value = _float(raw)
    if value.is_integer():
        return int(value)
    if value > 1:
        raise ValueProblem(f"must be a whole number of steps or a share below 1, not {_shown(raw)}")
    return value


def _str(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise ValueProblem(f"must be text, not {_shown(raw)}")
    return str(raw)


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in _YES | _NO:
        return word in _YES
    raise ValueProblem(f"must be true or false, not {_shown(raw)}")


def _path(raw: Any) -> Path:
    if not isinstance(raw, (str, Path)):
        raise ValueProblem(f"must be a path, not {_shown(raw)}")
    if "\0" in str(raw):
        raise ValueProblem("must be a path, and a path holds no zero bytes")
    if _BROKEN_WINDOWS_PATH.match(str(raw)):
        raise ValueProblem("has a tab or a line's end in it: in TOML write paths of Windows in single quotes")
    return Path(raw).expanduser()


def _strings(raw: Any) -> tuple[str, ...]:
    """Words; one string that holds several name=value words is taken apart, as GUIs write it."""
    words = [raw] if isinstance(raw, str) else raw
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise ValueProblem(f"must be a list of words, not {_shown(raw)}")
    result: list[str] = []
    for word in words:
        parts = word.split()
        result.extend(parts if len(parts) > 1 and all("=" in part for part in parts) else [word])
    return tuple(result)


def _floats(raw: Any) -> tuple[float, ...]:
    if isinstance(raw, str):
        raw = raw.replace(",", " ").split()
    numbers = raw if isinstance(raw, (list, tuple)) else [raw]
    return tuple(_float(number) for number in numbers)


def _size(raw: Any) -> tuple[int, int]:
    parts = raw.lower().replace("x", ",").split(",") if isinstance(raw, str) else raw
    parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    try:
        sides = [_int(part.strip() if isinstance(part, str) else part) for part in parts]
    except ValueProblem:
        sides = []
    if len(sides) not in (1, 2):
        raise ValueProblem(f"must be one size or WIDTH,HEIGHT such as 512 or 512,768, not {_shown(raw)}")
    return (sides[0], sides[-1])


def _range(raw: Any) -> tuple[float, float]:
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, (list, tuple)) or len(parts) != 2:
        raise ValueProblem(f"must be two numbers such as 2.0,4.0, not {_shown(raw)}")
    low, high = (_float(part) for part in parts)
    if low > high:
        raise ValueProblem(f"must begin with the smaller number, not {_shown(raw)}")
    return (low, high)


def stage_words(word: str) -> dict[str, Any]:
    """A stage that is written as one word: name=value pairs between blanks, quoted as in a shell, or a JSON object."""
    if word.lstrip().startswith("{"):
        try:
            return dict(json.loads(word))
        except (ValueError, RecursionError) as error:
            raise ValueProblem(f"has a stage that is not valid JSON: {error}") from None
    lexer = shlex.shlex(word, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""  # a backslash is part of a path
    try:
        pairs = [part.partition("=") for part in lexer]
    except ValueError:
        raise ValueProblem(f"has a quotation mark without its other one in {_shown(word)}") from None
    if not pairs or not all(mark and name.strip() for name, mark, _ in pairs):
        raise ValueProblem(f"must be stages such as 'max_train_epochs=8 lr_scheduler=linear', not {_shown(word)}")
    return {name.strip(): text for name, _, text in pairs}


def _stages(raw: Any) -> tuple[dict[str, Any], ...] | None:
    stages = [raw] if isinstance(raw, (str, Mapping)) else raw
    if not isinstance(stages, (list, tuple)) or not all(isinstance(stage, (str, Mapping)) for stage in stages):
        raise ValueProblem(f"must be a list of stages, each a table of settings, not {_shown(raw)}")
    return tuple(stage_words(stage) if isinstance(stage, str) else dict(stage) for stage in stages) or None


_CONVERTERS = {
    "int": _int,
    "float": _float,
    "str": _str,
    "flag": _flag,
    "path": _path,
    "strings": _strings,
    "floats": _floats,
    "int_or_float": _int_or_float,
    "size": _size,
    "range": _range,
    "stages": _stages,
}
