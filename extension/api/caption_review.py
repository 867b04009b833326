"""What the captions need a look at: merges to accept, findings to mend, tags that the tagger was not sure of, tokens."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from ...tagger.cache import opened_store
from ...tagger.captions import same_tag
from ...tagger.confidence import doubts
from ...tagger.merge import Proposal, proposals
from ...tagger.store import FILE
from ...tagger.suggestions import suggested
from ..caption_checks import MENDS, findings
from ..caption_edits import Edits
from ..caption_shelf import View
from ..errors import BROKEN, NOT_NOW, Refused
from ..reviewed import change_reviewed, read_reviewed
from ..rights import shown
from .calls import PREFIX, Answer, Call, Route
from .caption_calls import activation, counted, filtered, planned, view_of, write
from .general import translated

_MOST_MERGES, _EXAMPLES, _MOST_DOUBTS, _MOST_TEXTS, _LONGEST = 300, 6, 2000, 100, 20_000
_LIMITS = (0, 75, 150, 225)


def post_merges(call: Call) -> Answer:
    """Merges that lose nothing, then those that the pictures suggest; without what the user said no to."""
    call.only("folder", "filter", "first")
    view = view_of(call, call.body)
    entries = [view.entries[number] for number in filtered(view, call.body.get("filter")) if number not in view.locked]
    protected = activation(call, view).tags
    found = [*proposals(entries, protected=protected), *suggested(entries, protected)]
    said = read_reviewed(_project(call))["merges"]
    wanted = [one for one in found if one.key not in said]
    numbers = {entry.picture: number for number, entry in enumerate(view.entries)}
    return {
        "listing": view.listing,
        "revision": view.revision,
        "merges": [_merge(one, view, numbers) for one in wanted[:_MOST_MERGES]],
        "count": len(wanted),
        "skipped": len(found) - len(wanted),
    }


def _merge(one: Proposal, view: View, numbers: dict[Path, int]) -> dict[str, Any]:
    return {
        "key": one.key,
        "gone": list(one.gone),
        "kept": one.kept,
        "source": one.source,
        "count": one.count,
        "numbers": one.numbers,
        "examples": [view.names[numbers[path]] for path in one.examples[:_EXAMPLES]],
    }


def post_check(call: Call) -> Answer:
    """All findings; `tokens` 75, 150 or 225 also asks which captions are longer than that."""
    call.only("folder", "first", "tokens")
    view = view_of(call, call.body)
    limit = call.body.get("tokens", 0)
    if limit not in _LIMITS or isinstance(limit, bool):
        raise Refused("tokens must be 75, 150 or 225.")
    own = activation(call, view)
    found = findings(view, own, limit, lambda texts: counted(call, texts))
    if (call.workbench.projects.current() or {}).get("settings", {}).get("weighted_captions"):
        found = [one for one in found if one["code"] != "escapes"]  # there they keep brackets from being weights
    answer = {
        "listing": view.listing,
        "revision": view.revision,
        "activation": {"tags": own.tags, "given": own.given},
        "findings": found,
    }
    return translated(answer, call)


def post_mend(call: Call) -> Answer:
    """Mends one kind of finding in the captions that have it, as one change that can be undone."""
    call.only("folder", "code", "first")
    view = view_of(call, call.body)
    code = call.body.get("code")
    if not isinstance(code, str) or code not in MENDS:
        raise Refused(f"{shown(code)} can't be mended by itself; there are {', '.join(MENDS)}.")
    own = activation(call, view)
    if code == "activation-tag" and not own.tags:
        raise Refused("Which tag is to be the first is not known: give the activation tag.", NOT_NOW)
    what = {
        "activation-tag": f"put {', '.join(own.tags)} in front",
        "escapes": "took backslashes before brackets out",
        "repeated": "took repeated tags out",
        "wide-commas": "made wide commas plain",
    }[code]
    edits = Edits(tuple(MENDS[code](own.tags)), what, fills=False)
    found = findings(view, own, 0, lambda texts: [])
    plan = planned(view, next((one["numbers"] for one in found if one["code"] == code), []), edits)
    return translated(write(call, view, plan, what), call)


def post_doubts(call: Call) -> Answer:
    """Tags to which the tagger gave less than `below`, least sure first, without those that the user said are right."""
    call.only("folder", "filter", "below")
    view = view_of(call, call.body)
    below = call.body.get("below", 0.5)
    if not isinstance(below, (int, float)) or isinstance(below, bool) or not 0 < below <= 1:
        raise Refused("below must be a number above 0, up to 1.")
    cache = call.workbench.host.data / "cache"
    if not (cache / FILE).is_file():
        return {"known": 0, "count": 0, "doubts": []}
    entries = [view.entries[number] for number in filtered(view, call.body.get("filter")) if number not in view.locked]
    try:
        with opened_store(cache) as store:
            seen = [entry for entry in entries if store and store.content_of(entry.picture)]  # others would have to be read
            found, known = doubts(seen, store, below) if store else ([], 0)
    except sqlite3.Error as error:
        raise Refused(f"What the tagger saw can't be read ({error}): remove {cache / FILE}.", BROKEN) from None
    names = {entry.picture: (number, view.names[number]) for number, entry in enumerate(view.entries)}
    first = {same_tag(tag) for tag in activation(call, view).tags}  # a word of the user's own, which no tagger can judge
    said = read_reviewed(_project(call))["tags"]
    found = [one for one in found if same_tag(one.tag) not in first]
    listed = [(*names[one.picture], one.tag, one.score) for one in found if f"{names[one.picture][1]}: {one.tag}" not in said]
    shown_ = [
        {"number": number, "name": name, "tag": tag, "score": score} for number, name, tag, score in listed[:_MOST_DOUBTS]
    ]
    return {"known": known, "count": len(listed), "doubts": shown_, "listing": view.listing}


def post_reviewed(call: Call) -> Answer:
    """Remembers for the open project, or `project`, what is not to be asked again: keys of merges, or `picture: tag`."""
    call.only("kind", "add", "remove", "project")
    name = call.body.get("project")
    project = _project(call) if name is None else call.workbench.projects.path(call.workbench.projects.read(name)["name"])
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    kept = change_reviewed(project, call.body.get("kind"), call.body.get("add", []), call.body.get("remove", []))
    return {"kept": kept}


def _project(call: Call) -> Path | None:
    project = call.workbench.projects.current()
    return call.workbench.projects.path(project["name"]) if project else None


def post_tokens(call: Call) -> Answer:
    call.only("texts")
    texts = call.body.get("texts")
    good = isinstance(texts, list) and len(texts) <= _MOST_TEXTS
    if not good or not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts):
        raise Refused(f"texts must be up to {_MOST_TEXTS} texts.")
    return {"counts": counted(call, texts)}


_CAPTIONS = f"{PREFIX}/captions"
ROUTES = (
    Route(
        "POST",
        f"{_CAPTIONS}/merges",
        post_merges,
        "merges to accept or skip, with example pictures",
        body=("folder", "filter", "first"),
    ),
    Route("POST", f"{_CAPTIONS}/check", post_check, "what is wrong with captions", body=("folder", "first", "tokens")),
    Route("POST", f"{_CAPTIONS}/mend", post_mend, "mends one kind of finding", body=("folder", "code", "first")),
    Route(
        "POST",
        f"{_CAPTIONS}/doubts",
        post_doubts,
        "tags of captions that the tagger was not sure of",
        body=("folder", "filter", "below"),
    ),
    Route(
        "POST",
        f"{_CAPTIONS}/reviewed",
        post_reviewed,
        "remembers merges not wanted and doubtful tags that are right",
        body=("kind", "add", "remove", "project"),
    ),
    Route("POST", f"{_CAPTIONS}/tokens", post_tokens, "how many tokens texts take", body=("texts",)),
)
