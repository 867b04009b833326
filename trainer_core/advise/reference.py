"""Writes the tables of docs/advice.md from the guide's data: `python -m lora_workbench.trainer_core.advise.reference [PATH]`.

What stands above the mark in the page is written by hand and stays.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..guide import bases, glossary, tables
from ..guide.symptoms import symptoms
from .text import shown

_TOLD = ("line", "in truth", "on the toy world")
_OPTIMIZER_HEAD = ("optimizer", "arguments that it needs", "memory", "what", *_TOLD)
PAGE = Path(__file__).parents[2] / "docs" / "advice.md"
MARK = "<!-- Below: made by `python -m lora_workbench.trainer_core.advise.reference`. -->\n"


def page(text: str) -> str:
    """The page with new tables below its mark."""
    return text.partition(MARK)[0] + MARK + "\n" + "\n".join(_sections())


def _sections() -> Iterable[str]:
    yield _difficulty()
    yield _kinds()
    yield _simple()
    yield _optimizers()
    yield _damping()
    yield _ranks()
    yield _memory()
    yield _bases()
    yield _sdxl()
    yield _lycoris()
    yield _blocks()
    yield _symptoms()
    yield _glossary()


def _difficulty() -> str:
    classes = [
        (one.code, one.about, _range(one.rank), ", ".join(one.types), one.line, one.truth)
        for one in tables.difficulty_classes()
    ]
    shifts = [(code, tables.shift(code)["about"], tables.shift(code)["line"], "") for code in ("male", "vehicle")]
    uses = [(f"`--use {one.code}`", one.about, one.line, "") for one in tables.uses()]
    limits = [(key, one["about"], one["line"], "") for key, one in tables.content("difficulty")["limits"].items()]
    return (
        _table("How hard a subject is", ("class", "what", "rank", "kinds of network", "line", "in truth"), classes)
        + "\n"
        + _rows(("", "what", "line", "in truth"), [*shifts, *uses, *limits])
    )


def _bases() -> str:
    rows = [
        (
            one.title,
            one.family.upper() or "any",
            ", ".join(one.suits) + "".join(f" ({look} too)" for look in one.also),
            ", ".join(one.tags),
            str(one.clip_skip or ""),
            one.about,
            one.line,
            one.truth,
        )
        for one in bases.bases()
    ]
    head = ("base model", "family", "for", "knows", "clip skip", "what", "line", "in truth")
    looks = [(f"`--looks {one.code}`", one.about, one.line) for one in bases.looks().values()]
    return _table("Base models", head, rows) + "\n" + _rows(("", "what", "line"), looks)


def _kinds() -> str:
    rows = [
        (
            f"{one.kind} {one.quality}".strip().replace("star", "⭐"),
            _range(one.pictures),
            _range(one.rank),
            one.alpha,
            _value(one.unet_lr, "found"),
            _value(one.text_encoder_lr, "found"),
            _value(one.reg, "either"),
            _value(one.steps, "open"),
            _range(one.resolution),
            one.line,
            one.truth,
            one.measured,
        )
        for one in tables.initial_settings()
    ]
    head = ("kind", "pictures", "rank", "alpha", "UNet", "text encoder", "reg", "steps", "resolution", *_TOLD)
    facts = [
        (key, shown(one["value"]), one["about"], one["line"], one.get("truth", ""), one.get("measured", ""))
        for table in ("steps", "pictures", "rules")
        for key, one in tables.content("kinds")[table].items()
    ]
    return _table("Initial settings by kind", head, rows) + "\n" + _rows(("", "value", "what", *_TOLD), facts)


def _simple() -> str:
    rows = [(one.code, f"`--preset {one.preset}`", one.about, one.line) for one in tables.simple_forms()]
    others = [(f"`{one.setting}`", shown(one.value), one.about, one.line, one.truth) for one in tables.simple_alternatives()]
    return (
        _table("Simple settings ⭐⭐", ("form", "preset", "what", "line"), rows)
        + "\n"
        + _rows(("also", "value", "what", "line", "in truth"), others)
    )


def _optimizers() -> str:
    rows = [
        (one.code, " ".join(f"`{word}`" for word in one.arguments), one.memory, one.about, one.line, one.truth, one.measured)
        for one in tables.optimizers()
    ]
    return _table("Optimizers", _OPTIMIZER_HEAD, rows)


def _damping() -> str:
    rows = [
        (
            f"`{one.setting}`",
            f"{one.low:g} to {'the rank' if one.high is None else format(one.high, 'g')}",
            one.usual,
            "not known" if one.strength is None else "↑" * one.strength + f" each {one.per}",
            "↑" * one.memory,
            one.about,
            one.line,
            one.truth,
        )
        for one in tables.damping()
    ]
    alphas = [(f"{one.alpha:g}", str(one.rank), f"× {one.scale:g}", one.line, one.truth) for one in tables.alpha_rows()]
    head = ("setting", "range", "usual", "damps", "memory", "what", "line", "in truth")
    return _table("What damps learning", head, rows) + "\n" + _rows(("alpha", "rank", "acts", "line", "in truth"), alphas)


def _ranks() -> str:
    rows = [(one.kind, str(one.pictures), str(one.rank), one.about, one.line) for one in tables.rank_rows()]
    limits = [
        (key, shown(one["value"]), one["about"], one["line"], one.get("truth", ""))
        for key, one in tables.content("ranks")["limits"].items()
    ]
    return (
        _table("Rank by kind and pictures", ("kind", "pictures from", "rank", "what", "line"), rows)
        + "\n"
        + _rows(("limit", "value", "what", "line", "in truth"), limits)
    )


def _memory() -> str:
    rows = [
        (one.family, f"{one.from_gb:g}", one.optimizer, _words(one.settings), one.about, one.line, one.truth)
        for one in tables.memory_rows()
    ]
    return _table("GPU memory", ("family", "GB from", "optimizer", "settings", "what", "line", "in truth"), rows)


def _words(settings: Mapping[str, Any]) -> str:
    return " ".join(f"`{name} {shown(value)}`" for name, value in settings.items())


def _sdxl() -> str:
    rows = [(one.code, _value(one.value), one.about, one.line, one.truth) for one in tables.sdxl_shifts().values()]
    return _table("What SDXL changes", ("", "value", "what", "line", "in truth"), rows)


def _lycoris() -> str:
    rows = [(f"`{one.code}`", one.about, one.drawback, str(one.least_gb), one.line) for one in tables.lycoris()]
    facts = [(one.code, _value(one.value), one.about, one.line) for one in tables.lycoris_facts()]
    head = ("kind", "what", "drawback", "GB", "line")
    return _table("LyCORIS", head, rows) + "\n" + _rows(("", "value", "what", "line"), facts)


def _blocks() -> str:
    rows = [(one.code, one.about, one.line) for one in tables.carried()]
    uses = [(one.code, f"`block_weights={one.preset}`", one.about, one.line) for one in tables.block_uses().values()]
    return (
        _table("Blocks and what they carry", ("block", "carries", "line"), rows)
        + "\n"
        + _rows(("for", "network_args", "what", "line"), uses)
    )


def _symptoms() -> str:
    rows = [
        (
            f"`{one.code}`",
            one.sees,
            " ".join(one.causes),
            "; ".join(why for *_, why in one.mends),
            " ".join(one.advice),
            one.line,
        )
        for one in symptoms()
    ]
    return _table("Symptoms", ("code", "what one sees", "why", "the next run", "by hand", "line"), rows)


def _glossary() -> str:
    rows = [(one.term, one.term_zh, one.en, one.zh, one.line) for one in glossary.entries()]
    return _table("Words", ("word", "中文", "meaning", "意思", "line"), rows)


def _range(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} to {pair[1]}"


def _value(value: Any, nothing: str = "") -> str:
    return nothing if value is None else shown(value)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"## {title}\n\n{_rows(head, rows)}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table without the columns that are empty in every row."""
    full = [number for number in range(len(head)) if any(row[number] for row in rows)]
    lines = [[head[number] for number in full], ["---"] * len(full), *([row[number] for number in full] for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    write_atomically(where, page(where.read_text(encoding="utf-8")))
