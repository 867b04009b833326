"""Which base models suit the project's subject, which of them are here, and what speaks against the chosen one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...trainer_core.guide import bases
from ...trainer_core.models.header import CheckpointError, read_header
from ...trainer_core.models.prediction import file_prediction
from ..errors import Refused
from ..languages.translate import translate
from ..rights import shown
from .calls import PREFIX, Answer, Call, Route


def get_bases(call: Call) -> Answer:
    """`looks`: what may be said; `bases`: those that suit the look that is asked about, each with the models of its kind that
    are here; `chosen`: what is known of the project's base model."""
    look = call.query.get("looks") or ""
    if look and look not in bases.looks():
        raise Refused(f"looks must be one of {', '.join(bases.looks())}, not {shown(look)}.")
    models = call.workbench.host.checkpoints(call.workbench.projects.options()["models_folder"])
    return {
        "looks": [{"code": one.code, "about": translate(one.about, call.language)} for one in bases.looks().values()],
        "bases": [_suited(one, models, call) for one in (bases.suited(look) if look else ())],
        "chosen": _chosen(call, look),
    }


def _suited(base: Any, models: list[dict[str, Any]], call: Call) -> dict[str, Any]:
    found = [one for one in models if (own := bases.base_of(one["path"])) is not None and own.code == base.code]
    return {
        "title": translate(base.title, call.language),
        "about": translate(base.about, call.language),
        "line": base.line,
        "newer": bool(base.truth),
        "found": [{"name": one["name"], "path": one["path"]} for one in found],
    }


def _chosen(call: Call, look: str) -> dict[str, Any] | None:
    """What the chosen model is by its name, what it wants, and notices; None where none is chosen."""
    project = call.workbench.projects.current()
    path = (project or {}).get("base_model")
    if not project or not path:
        return None
    base, prediction, known = bases.base_of(path), _prediction(call, path), bases.vocabularies()
    notices = [*bases.misfits(look, path, prediction), *_tagger_notices(project["tag"]["model"], base)]
    return {
        "title": translate(base.title, call.language) if base else "",
        "suits": look in (*base.suits, *base.also) if base and look else None,
        "tags": [translate(known[code].title, call.language) for code in base.tags] if base else [],
        "clip_skip": base.clip_skip if base else None,
        "notices": [translate(one, call.language) for one in notices],
    }


def _prediction(call: Call, path: str) -> str:
    """What the file says that the model predicts; "" where it may not or can't be read, which the plan tells."""
    try:
        return file_prediction(read_header(call.workbench.rights.may_read(path, "The base model"))).prediction
    except (Refused, CheckpointError, OSError):
        return ""


def _tagger_notices(tagger: str, base: Any) -> list[str]:
    written = bases.vocabulary_of(Path(tagger).name) if tagger else None
    if base is None or written is None or written.code in base.tags or "sentences" in base.tags:
        return []
    known = bases.vocabularies()[base.tags[0]].title
    return [f"The chosen tagger writes {written.title}; {base.title} knows {known}."]


ROUTES = (Route("GET", f"{PREFIX}/bases", get_bases, "base models that suit a look, and the chosen one", query=("looks",)),)
