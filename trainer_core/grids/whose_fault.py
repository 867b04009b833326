"""Whose fault is what a grid's cell shows: the training pictures most like it, and tags that come along unasked.

A WD tagger looks at the cell, at the base's picture of the same seed and at the training pictures; what it saw is kept, so that
a tagged dataset costs nothing. Without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...tagger.cache import opened_store
from ...tagger.captions import same_tag
from ...tagger.folder import Entry, open_folder
from ...tagger.labels import CHARACTER, RATING, spaced
from ...tagger.pipeline import Pipeline
from ...tagger.preview import loaded_tagger
from ...tagger.results import Choice
from ..files import data_folder
from ..problems import UserError
from .axes import BASE
from .likeness import evenly, nearest_among, prompt_tags, unit
from .read import read_manifest

MOST_PICTURES = 2000  # of the training set
MOST_LIKE = 8
_PLACE = (
    "checkpoint", "prompt", "negative", "width", "height", "seed", "steps", "cfg", "sampler", "schedule", "clip_skip", "loras",
)  # fmt: skip
MEND = (
    "What many pictures show and few captions name is learnt by the activation tag: add the tag to their captions, or add "
    "pictures without it."
)
_NAMED = 50  # pictures told for a tag


@dataclass(frozen=True)
class _Looks:
    """Scores of the cell and, where it is drawn, of the base's picture, [tags]; of the training pictures [pictures, tags]."""

    cell: np.ndarray
    base: np.ndarray | None
    trained: np.ndarray


def whose_fault(
    folder: Path, cell: str, tagger: Path, pictures: Path | None = None, extension: str = ".txt", count: int = MOST_LIKE
) -> dict[str, Any]:
    """For a cell of the grid in `folder`, as JSON values.

    `pictures`: [{path, likeness, caption}], the most like first, with `likeness_among`: how like training pictures are to each
    other. `tags`: what the tagger sees in the cell and its prompt doesn't name: {tag, score, captions: in how many of them it
    stands, seen: in how many training pictures the tagger sees it, of, in_base: whether the base's picture has it, pictures}.
    UserError where there is no such cell, model or dataset.
    """
    content = read_manifest(folder)
    id_, drawn, base = _drawn(folder, content["cells"], cell)
    known = pictures or (Path(content["pictures"]) if content.get("pictures") else None)
    if known is None:
        raise UserError("The training pictures are not known: give their folder with --pictures.")
    entries = evenly(open_folder(known, recursive=True, extension=extension).entries, MOST_PICTURES)
    model = loaded_tagger(str(tagger))
    looks, entries = _look(model, drawn, base, entries)
    wanted = prompt_tags(str(content["cells"][id_]["prompt"]), _names(model.labels))
    likeness = unit(looks.trained) @ unit(looks.cell[None])[0]
    first = np.argsort(-likeness, kind="stable")[:count]
    among = nearest_among(unit(looks.trained)) if len(entries) > 1 else None
    return {
        "cell": id_,
        "pictures": [
            {
                "path": str(entries[place].picture),
                "likeness": round(float(likeness[place]), 3),
                "caption": entries[place].caption.text,
            }
            for place in first
        ],
        "likeness_among": None if among is None else round(among, 3),
        "tags": _stuck(model.labels, looks, entries, wanted),
    }


def _drawn(folder: Path, cells: Mapping[str, Any], wanted: str) -> tuple[str, Path, Path | None]:
    """The cell's id, its picture and the base's of the same place."""
    id_ = next((one for one in (wanted, *cells) if one in cells and (one == wanted or one.startswith(f"{wanted}/"))), None)
    if id_ is None:
        raise UserError(f"The grid in {folder} has no cell {wanted!r}; its cells are such as {', '.join(list(cells)[:4])}.")
    picture = folder / str(cells[id_]["file"])
    if not picture.is_file():
        raise UserError(f"{id_} is not drawn yet: draw the grid first.")
    place = {name: value for name, value in cells[id_].items() if name in _PLACE}
    same = (
        folder / str(one["file"])
        for other, one in cells.items()
        if other.split("/", 1)[0] == BASE and {name: value for name, value in one.items() if name in _PLACE} == place
    )
    base = next((path for path in same if path.is_file() and path != picture), None)
    return id_, picture, base


_PLACE = (
    "checkpoint",
    "prompt",
    "negative",
    "width",
    "height",
    "seed",
    "steps",
    "cfg",
    "sampler",
    "schedule",
    "clip_skip",
    "loras",
)


def _look(model: Any, cell: Path, base: Path | None, entries: Sequence[Entry]) -> tuple[_Looks, list[Entry]]:
    """What the tagger sees; training pictures that can't be read are left out."""
    own = [cell, *([base] if base else [])]
    with opened_store(data_folder() / "cache") as store:
        seen = list(Pipeline([model], store)([*own, *(one.picture for one in entries)]))
    rows = [None if one.reason else one.rows[0] for one in seen]
    if rows[0] is None:
        raise UserError(f"{cell} can't be read: {seen[0].reason}.")
    of_pictures = list(zip(entries, rows[len(own) :], strict=True))
    kept = [(entry, row) for entry, row in of_pictures if row is not None]
    if not kept:
        raise UserError(f"None of the training pictures can be read, such as {entries[0].picture}.")
    looks = _Looks(rows[0], rows[1] if base else None, np.stack([row for _, row in kept]))
    return looks, [entry for entry, _ in kept]


def _names(labels: Sequence[Any]) -> dict[str, int]:
    return {spaced(label.name).lower(): place for place, label in enumerate(labels) if label.category != RATING}


def _stuck(labels: Sequence[Any], looks: _Looks, entries: Sequence[Entry], wanted: Sequence[int]) -> list[dict[str, Any]]:
    """Those that the base doesn't draw by itself first, and of these what most training pictures show."""
    limits = np.array([Choice.character_threshold if one.category == CHARACTER else Choice.threshold for one in labels])
    of_captions = [{same_tag(tag) for tag in entry.tags} for entry in entries]
    found = []
    for place in np.flatnonzero(looks.cell > limits):
        label = labels[place]
        if label.category == RATING or place in wanted:
            continue
        tag = spaced(label.name)
        named = [same_tag(tag) in tags for tags in of_captions]
        shown = looks.trained[:, place] > limits[place]
        either = [entry for entry, in_caption, sees in zip(entries, named, shown, strict=True) if in_caption or sees]
        found.append(
            {
                "tag": tag,
                "score": round(float(looks.cell[place]), 3),
                "captions": sum(named),
                "seen": int(shown.sum()),
                "of": len(entries),
                "in_base": None if looks.base is None else bool(looks.base[place] > limits[place]),
                "pictures": [str(entry.picture) for entry in either[:_NAMED]],
            }
        )
    return sorted(found, key=lambda one: (bool(one["in_base"]), -max(one["captions"], one["seen"]), -one["score"]))


def fault_text(told: Mapping[str, Any]) -> str:
    """The same in words."""
    lines = [f"The training pictures most like {told['cell']}:"]
    lines += [f"  {one['likeness']:.2f}  {one['path']}" for one in told["pictures"]]
    if told["likeness_among"] is not None:
        lines.append(f"  ({told['likeness_among']:.2f} is how like training pictures are to each other.)")
    if not told["tags"]:
        return "\n".join([*lines, "The tagger sees nothing in it that the prompt doesn't name."])
    lines.append("Seen in it, though the prompt doesn't name it:")
    for one in told["tags"]:
        own = ", and the base draws it too" if one["in_base"] else ""
        lines.append(
            f"  {one['tag']} ({one['score']:.0%}): in {one['captions']} of {one['of']} captions, seen in {one['seen']} of the "
            f"pictures{own}"
        )
    lines.append(
        "What many pictures show and few captions name is learnt by the activation tag: add the tag, or pictures without."
    )
    return "\n".join(lines)
