"""Captions: listed, filtered, counted, edited one by one and in batches with a preview. Only in datasets of projects."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ...tagger.captions import Change, join_tags, same_tag, split_tags
from ...tagger.edit import Planned
from ...tagger.folder import Dataset, Entry
from ...tagger.stats import stats
from ..caption_edits import read_edits
from ..caption_shelf import View
from ..errors import NOT_NOW, Refused
from . import caption_review
from .calls import PREFIX, Answer, Call, Route
from .caption_calls import TARGET, activation, editable, filtered, mark_of, meant, planned, substitute, view_of, write
from .general import translated

_MOST_LISTED, _SAMPLES, _MOST_TAGS, _LONGEST = 500, 30, 1000, 20_000
LINE = "\n"  # stands among tags where a caption goes on in a new line


def get_captions(call: Call) -> Answer:
    """Captions by place or by number; with `since` only those that changed after that revision, as far as `limit` goes."""
    view = view_of(call, call.query)
    since = call.number("since", -1, -1, 1 << 60)
    offset, limit = call.number("offset", 0, 0, 1 << 30), call.number("limit", 100, 1, _MOST_LISTED)
    chosen = _numbers(call.query.get("numbers", ""), len(view.entries))
    if chosen is None:
        chosen = [number for number, revision in enumerate(view.revisions) if revision > since]
    page = chosen[offset : offset + limit]
    return {
        "listing": view.listing,
        "revision": view.revision,
        "count": len(view.entries),
        "captions": [_listed(view, number) for number in page],
        "more": len(chosen) > offset + len(page),
    }


def _numbers(text: str, count: int) -> list[int] | None:
    """Numbers from "3,5,8"; those of pictures that are no longer there are passed over."""
    if not text:
        return None
    words = text.split(",")
    if len(words) > _MOST_LISTED or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise Refused(f"numbers must be up to {_MOST_LISTED} numbers of pictures, with commas between them.")
    return [number for number in map(int, words) if number < count]


def _listed(view: View, number: int) -> dict[str, Any]:
    listed = {"number": number, "name": view.names[number], "tags": with_lines(view.entries[number])}
    return {**listed, "locked": True} if number in view.locked else listed


def with_lines(entry: Entry) -> list[str]:
    """The tags, with a line's end between lines where the caption has several."""
    lines = [tags for line in entry.caption.text.splitlines() if (tags := split_tags(line))]
    return entry.tags if len(lines) < 2 else [tag for tags in lines for tag in (LINE, *tags)][1:]


def post_query(call: Call) -> Answer:
    """The filter's pictures and their tags with counts; `since`: also which captions changed after that revision."""
    call.only(*TARGET, "since")
    view = view_of(call, call.body)
    numbers = meant(call, view)
    since = call.body.get("since")
    everything = len(numbers) == len(view.entries)
    entries = view.entries if everything else [view.entries[number] for number in numbers]
    own = activation(call, view)
    return {
        "listing": view.listing,
        "revision": view.revision,
        "pictures": len(view.entries),
        "captioned": sum(not entry.caption.empty for entry in view.entries),
        "numbers": None if everything else numbers,
        "filled": sum(not entry.caption.empty for entry in entries),
        "tags": tag_counts(entries),
        "activation": {"tags": own.tags, "given": own.given},
        "changed": [n for n, at in enumerate(view.revisions) if at > since] if isinstance(since, int) else [],
    }


def tag_counts(entries: Iterable[Entry]) -> list[list[Any]]:
    """[tag, pictures], the most frequent first; spellings of one tag are one, called as most captions spell it."""
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    counts: Counter[str] = Counter()
    for entry in entries:
        keys = set()
        for tag in dict.fromkeys(entry.tags):
            key = same_tag(tag)
            spelled[key][tag] += 1
            keys.add(key)
        counts.update(keys)
    named = [(max(spelled[key].items(), key=lambda item: item[1])[0], count) for key, count in counts.items()]
    return [list(one) for one in sorted(named, key=lambda one: (-one[1], one[0].lower()))]


def post_stats(call: Call) -> Answer:
    call.only("folder", "filter")
    view = view_of(call, call.body)
    entries = [view.entries[number] for number in filtered(view, call.body.get("filter"))]
    return stats(Dataset(view.folder, entries)).as_dict()


def post_edit(call: Call) -> Answer:
    """One picture's tags, where they are still what the page shows as `before`."""
    call.only("folder", "name", "before", "after")
    view = view_of(call, call.body)
    number = view.number_of(call.body.get("name"))
    before, after = (_tags(call.body.get(name), name) for name in ("before", "after"))
    entry = view.entries[number]
    if number in view.locked:
        raise Refused(f"The caption of {entry.name} can't be read, so it is left alone.", NOT_NOW)
    if with_lines(entry) != before:
        raise Refused(f"The caption of {entry.name} was changed elsewhere meanwhile; it is shown as it is now.", NOT_NOW)
    text = _text(after)
    if not text:
        raise Refused("A caption is never emptied: leave one tag, or put another in first.")
    content = (text + ("\n" if entry.caption.text.endswith("\n") else "")).encode("utf-8")
    changes = [] if content == entry.caption.content else [Change(entry.caption.path, entry.caption.content, content)]
    return {**write(call, view, Planned(changes), f"edited {entry.name}"), **_now(call)}


def _tags(value: Any, name: str) -> list[str]:
    good = isinstance(value, list) and len(value) <= _MOST_TAGS
    if not good or not all(isinstance(tag, str) and len(tag) <= _LONGEST for tag in value):
        raise Refused(f"{name} must be a list of tags.")
    return value


def _text(tags: Sequence[str]) -> str:
    """A caption's text: a comma within a tag makes it two, as it would when it is read."""
    lines: list[list[str]] = [[]]
    for tag in tags:
        if tag == LINE:
            lines.append([])
        else:
            lines[-1] += split_tags(tag.replace("\r", "\n"))
    return "\n".join(join_tags(line) for line in lines if line)


def post_preview(call: Call) -> Answer:
    """What edits would change: how many files, tags put in and taken out, and some captions before and after."""
    call.only(*TARGET, "edits")
    view = view_of(call, call.body)
    numbers, plan, what = _planned(call, view)
    names = {entry.picture: name for name, entry in zip(view.names, view.entries, strict=True)}
    samples = [{"name": names[entry.picture], "before": old, "after": new} for entry, old, new in plan.entries[:_SAMPLES]]
    return translated(
        {
            "listing": view.listing,
            "revision": view.revision,
            "what": what,
            "looked_at": len(numbers),
            "changed": len(plan.changes),
            "added": plan.added.most_common(_SAMPLES),
            "removed": plan.removed.most_common(_SAMPLES),
            "left_alone": [names[entry.picture] for entry in plan.emptied[:_SAMPLES]],
            "left_alone_count": len(plan.emptied),
            "samples": samples,
            "mark": mark_of(plan),
        },
        call,
    )


def post_apply(call: Call) -> Answer:
    """Does edits as one change that can be undone. With the preview's `mark` only what was seen there is done."""
    call.only(*TARGET, "edits", "mark")
    view = view_of(call, call.body)
    _, plan, what = _planned(call, view)
    if call.body.get("mark") not in (None, mark_of(plan)):
        raise Refused("Captions were changed since the preview: look at it again.", NOT_NOW)
    return translated({**write(call, view, plan, what), **_now(call)}, call)


def _planned(call: Call, view: View) -> tuple[list[int], Planned, str]:
    numbers = meant(call, view)
    edits = read_edits(
        call.body.get("edits"), editable(view, numbers), lambda pattern, new, tags: substitute(call, pattern, new, tags)
    )
    return numbers, planned(view, numbers, edits), edits.what


def _now(call: Call) -> dict[str, Any]:
    view = view_of(call, call.body)
    return {"listing": view.listing, "revision": view.revision}


_CAPTIONS = f"{PREFIX}/captions"
_LARGEST = 8 << 20
ROUTES = (
    Route(
        "GET",
        _CAPTIONS,
        get_captions,
        "captions by place, by number, or those that changed since a revision",
        query=("folder", "offset", "limit", "numbers", "since"),
    ),
    Route(
        "POST",
        f"{_CAPTIONS}/query",
        post_query,
        "the pictures for which a filter holds, and their tags with counts",
        body=(*TARGET, "since"),
    ),
    Route("POST", f"{_CAPTIONS}/stats", post_stats, "frequency tables, as a whole and by folder", body=("folder", "filter")),
    Route("POST", f"{_CAPTIONS}/edit", post_edit, "changes one picture's tags", body=("folder", "name", "before", "after")),
    Route(
        "POST",
        f"{_CAPTIONS}/preview",
        post_preview,
        "what edits of many captions would change",
        body=(*TARGET, "edits"),
        largest=_LARGEST,
    ),
    Route(
        "POST",
        f"{_CAPTIONS}/apply",
        post_apply,
        "edits many captions as one change that can be undone",
        body=(*TARGET, "edits", "mark"),
        largest=_LARGEST,
    ),
    *caption_review.ROUTES,
)
