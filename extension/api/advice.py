"""The Train tab's questions, what is advised for their answers with a reason each, and the words of the trade."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...trainer_core.forecasts.cards import COMMON, GIBIBYTE, found_card
from ...trainer_core.guide import glossary, tables
from ...trainer_core.settings import ALL
from ...trainer_core.settings.subject import CLASSES, KINDS
from ..advice_options import QUALITIES, checked_advice_options
from ..asked_settings import NOT_ASKED, as_asked
from ..errors import Refused
from ..languages.translate import translate
from ..rights import shown
from .calls import PREFIX, Answer, Call, Route
from .general import as_run, settings_of

# What the page chooses at its top, or the server for each run.
_NOT_ADVISED = NOT_ASKED | {"output_dir", "output_name", "sample_prompts", "pretrained_model_name_or_path", "train_data_dir",
                            "subject_kind", "subject_difficulty"}  # fmt: skip
_FLAGS = re.compile(r" ?[(（]--[^)）]*[)）]|[;；] ?--[^)）]*")  # the command line's names of the same answers
_ASKED = ("use", "quality", "vram", "male", "known", "looks")
# Words that labels use in their plain sense, where a mark would be noise, or wrong: a file's extension is none of webui's.
_PLAIN = frozenset(("model", "training", "webui", "AI", "extension"))
_PATIENCE = 600.0  # the first look at a dataset reads all its pictures


def get_questions(call: Call) -> Answer:
    """What may be answered: classes and uses with what they mean, usual cards, and the GPU of this machine."""
    language = call.language
    return {
        "kinds": list(KINDS),
        "classes": [
            {"code": one.code, "about": translate(one.about, language), "rank": list(one.rank)}
            for one in tables.difficulty_classes()
        ],
        "uses": [{"code": one.code, "about": translate(one.about, language)} for one in tables.uses()],
        "qualities": list(QUALITIES),
        "cards": list(COMMON),
        "found": _found(),
    }


def _found() -> list[dict[str, Any]]:
    """Name and memory, in GB as cards are sold, of the GPU that a run would have; empty without one."""
    card = found_card()
    return [{"name": card.name, "gb": round(card.memory / GIBIBYTE)}] if card else []


def post_advice(call: Call) -> Answer:
    """The values that the pictures and the answers call for. Nothing is changed."""
    call.only("answers", "settings", "keep")
    answers = checked_answers(call, call.body.get("answers", {}))
    keep = call.body.get("keep", [])
    if not isinstance(keep, list) or not all(one in ALL for one in keep if isinstance(one, str)) or len(keep) > len(ALL):
        raise Refused("keep must be names of settings.")
    settings = as_run(call, settings_of(call, call.body.get("settings", {})))
    call.workbench.setup.must_be_ready()
    found = call.workbench.plans.ask("advise", settings=settings, answers=answers, keep=keep, patience=_PATIENCE)
    values = [one for one in found["values"] if one["name"] not in _NOT_ADVISED]
    return {
        "values": [reasoned(one, call.language) for one in values],
        "notices": [_FLAGS.sub("", translate(one, call.language)) for one in found["notices"]],
        "wants_reg": found["wants_reg"],
    }


def checked_answers(call: Call, asked: Any) -> dict[str, Any]:
    """The answers as the trainer takes them: by the names of guide/advice.py's Answers, None where nothing was said."""
    if not isinstance(asked, Mapping):
        raise Refused("The answers must be names and values.")
    kind, difficulty = asked.get("kind"), asked.get("difficulty")
    for name, value, choices in (("kind", kind, KINDS), ("difficulty", difficulty, CLASSES)):
        if value not in (None, "", *choices):
            raise Refused(f"{name} must be one of {', '.join(choices)}, not {shown(value)}.")
    others = {name: value for name, value in asked.items() if name not in ("kind", "difficulty")}
    unknown = next((name for name in others if name not in _ASKED), None)
    if unknown is not None:
        raise Refused(f"There is no question {shown(unknown)}.")
    said = checked_advice_options(others, call.workbench.rights)
    return {
        "kind": kind or None,
        "difficulty": difficulty or None,
        "use": said.get("use") or None,
        "looks": said.get("looks") or None,
        "quality": said.get("quality") or None,
        "vram_gb": said.get("vram") or None,
        "male": bool(said.get("male")),
        "known": {"yes": True, "no": False}.get(str(said.get("known") or "")),
    }


def reasoned(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A value with its reason as the page shows it."""
    return {
        "name": one["name"],
        "value": as_asked(one["name"], one["value"]),
        "reason": translate(one["reason"], language),
        "source": translate(one["source"], language),
    }


def get_glossary(call: Call) -> Answer:
    """Terms with one sentence each, and the words by which a label is known to have one."""
    return {"terms": [_term(one, call.language) for one in glossary.entries()]}


def _term(one: glossary.Term, language: str) -> dict[str, Any]:
    own = language == "zh_CN"
    term = one.term_zh if own else translate(one.term, language)
    words = dict.fromkeys((one.term, one.term_zh, term, *one.also))
    return {
        "term": term,
        "about": one.zh if own else translate(one.en, language),
        "words": [] if one.term in _PLAIN else list(words),
    }


ROUTES = (
    Route("GET", f"{PREFIX}/advice", get_questions, "the questions before a training, and what may be answered"),
    Route("POST", f"{PREFIX}/advice", post_advice, "advised values with reasons", body=("answers", "settings", "keep")),
    Route("GET", f"{PREFIX}/glossary", get_glossary, "the words of the trade"),
)
