"""The automatic first sort: the tagger accepts candidates that show all the wanted tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...tagger.captions import same_tag
from ...tagger.hub import find_or_download
from ..files import data_folder
from ..problems import UserError
from .likeness import distance, small
from .project import ACCEPTED, REJECTED, WAITING, Picture, Project, Round, now


def decide(project: Project, current: Round) -> None:
    """Accepts the best of those that wait, at most `accept_most` a round, and none that are alike; rejects the others.

    What it rejected before in this round it looks at again: the user may have changed what is wanted.
    """
    from ...tagger.model import Tagger
    from ...tagger.pictures import load_picture

    options = project.options
    rejected = project.of_round(current.number, REJECTED)
    waiting = project.of_round(current.number, WAITING) | {
        name: one for name, one in rejected.items() if one.decided.get("by") == "rule"
    }
    if not waiting:
        return
    tagger = Tagger.load(find_or_download(options.tagger, data_folder() / "models" / "taggers"))
    places = _places(tagger.labels, options.wanted, tagger.path)
    seen = tagger.probabilities([_image(load_picture(project.path(name))) for name in waiting])
    for one, row in zip(waiting.values(), seen, strict=True):
        one.scores = {tag: round(float(row[place]), 4) for tag, place in places.items()}
    taken = [small(project.path(name)) for name in project.of_round(current.number, ACCEPTED)]
    for name, one in sorted(waiting.items(), key=lambda item: (-min(item[1].scores.values()), item[0])):
        picture = small(project.path(name))
        why = _why_not(project, one, picture, taken)
        how = why or f"{Path(options.tagger).name} sees all wanted tags above {options.wanted_above:g}"
        one.state, one.decided = REJECTED if why else ACCEPTED, {"by": "rule", "how": how, "time": now()}
        if not why:
            taken.append(picture)


def _why_not(project: Project, one: Picture, picture: Any, taken: list[Any]) -> str:
    options = project.options
    tag, lowest = min(one.scores.items(), key=lambda item: item[1])
    if lowest < options.wanted_above:
        return f"{Path(options.tagger).name} sees {tag} with {lowest:g} only"
    if len(taken) >= options.accept_most:
        return f"{options.accept_most} better ones were accepted"
    if any(distance(picture, other) < options.copy_limit for other in taken):
        return "an accepted one is like it"
    return ""


def _places(labels: Any, wanted: tuple[str, ...], path: Path) -> dict[str, int]:
    known = {same_tag(label.raw): place for place, label in enumerate(labels)}
    unknown = [tag for tag in wanted if same_tag(tag) not in known]
    if unknown:
        raise UserError(f"The tagger {path} doesn't know {', '.join(unknown)}: give other tags with --wanted.")
    return {tag: known[same_tag(tag)] for tag in wanted}


def _image(found: Any) -> Any:
    if isinstance(found, str):
        raise UserError(f"A candidate can't be read: {found}.")
    return found
