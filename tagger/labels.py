"""What a tagger's outputs mean: the tag list beside the model, by category and never by position."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

from ..trainer_core.problems import UserError
from ..trainer_core.text_files import decode

RATING, GENERAL, CHARACTER = "rating", "general", "character"
# The numbers of Danbooru's tag categories as the WD taggers use them.
_NUMBERS = {"0": GENERAL, "1": "artist", "3": "copyright", "4": CHARACTER, "5": "meta", "9": RATING}
# Tags that are faces: their underscores are eyes and mouths.
KAOMOJI = frozenset(
    "0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Label:
    """One output of a tagger: the tag as captions have it, its category, and the tag as the model's list has it."""

    name: str
    category: str
    raw: str


def spaced(tag: str) -> str:
    """The tag with spaces in place of underscores, unless it is a face such as `>_<`."""
    return tag if tag in KAOMOJI else tag.replace("_", " ")


def read_labels(path: Path) -> list[Label]:
    """The labels of `selected_tags.csv` or `tag_mapping.json` in the order of the model's outputs; else UserError."""
    try:
        text, _ = decode(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"The tagger's tag list {path} is missing: get it from where the model is from.") from None
    try:
        labels = _from_json(text) if path.suffix.lower() == ".json" else _from_csv(text)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} is not the tag list of a tagger ({error}): get it again from where the model is from."
        ) from None
    if not labels:
        raise UserError(f"{path} holds no tags: get it again from where the model is from.")
    return labels


def _from_csv(text: str) -> list[Label]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    wanted = {"name", "category"}
    if not wanted <= set(rows.fieldnames or ()):
        raise ValueError("its first line lacks the columns name and category")
    labels = []
    for row in rows:
        if not row["name"] or row["category"] is None:
            raise ValueError(f"line {rows.line_num} is not complete")
        labels.append(_label(row["name"], _NUMBERS.get(row["category"].strip(), GENERAL)))
    return labels


def _from_json(text: str) -> list[Label]:
    """{"0": {"tag": …, "category": "General"}, …}: the keys are the places of the outputs."""
    entries = {int(place): entry for place, entry in json.loads(text).items()}
    if sorted(entries) != list(range(len(entries))):
        raise ValueError("its places are not 0, 1, 2, …")
    return [_label(entries[place]["tag"], entries[place]["category"].lower()) for place in range(len(entries))]


def _label(raw: str, category: str) -> Label:
    return Label(spaced(raw), category, raw)
