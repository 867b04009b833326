"""What a tagger's outputs mean: the tag list beside the model, by category and never by position."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..trainer_core.problems import UserError
from ..trainer_core.text_files import decode

RATING, GENERAL, CHARACTER = "rating", "general", "character"
# The numbers of Danbooru's tag categories as the WD taggers use them.
_NUMBERS = {"0": GENERAL, "1": "artist", "3": "copyright", "4": CHARACTER, "5": "meta", "9": RATING}
# e621's: told by its species (5 there) and lore (8), which Danbooru's lists lack.
_E621_NUMBERS = {**_NUMBERS, "5": "species", "7": "meta", "8": "lore"}
_SERIES = re.compile(r"(.+?)[ _]*\(([^()]+)\)")
# Tags that are faces: their underscores are eyes and mouths.
KAOMOJI = frozenset(
    "0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||".split()  # noqa: SIM905
)


RATINGS = frozenset({"general", "sensitive", "questionable", "explicit", "safe"})


@dataclass(frozen=True)
class Label:
    """One output of a tagger: the tag as captions have it, its category, and the tag as the model's list has it.

    `threshold`: the one that the list suggests for this tag alone, if it does.
    """

    name: str
    category: str
    raw: str
    threshold: float | None = None


def spaced(tag: str) -> str:
    """The tag with spaces in place of underscores, unless it is a face such as `>_<`; commas would make it two tags."""
    return tag if tag in KAOMOJI else " ".join(tag.replace("_", " ").replace(",", " ").split())


def series_apart(tag: str) -> list[str]:
    """`name (costume) (series)` as `name (costume)` and `series`; a tag without brackets at its end as it is."""
    found = None if tag in KAOMOJI else _SERIES.fullmatch(tag)
    return [found[1], found[2]] if found else [tag]


def rating_of(tags: Iterable[str]) -> str:
    """The rating among a caption's tags, such as `sensitive` or `rating:safe`, or ""."""
    for tag in tags:
        name = tag.lower().removeprefix("rating:").strip()
        if name in RATINGS:
            return name
    return ""


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
    found = []
    for row in rows:
        if not row["name"] or row["category"] is None:
            raise ValueError(f"line {rows.line_num} is not complete")
        found.append((row["name"], row["category"].strip(), row.get("best_threshold")))
    numbers = _E621_NUMBERS if {"7", "8"} & {category for _, category, _ in found} else _NUMBERS
    return [
        Label(spaced(name), numbers.get(category, category.lower() if not category.isdigit() else GENERAL), name, _share(own))
        for name, category, own in found
    ]


def _share(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < 1 else None


def _from_json(text: str) -> list[Label]:
    """{"0": {"tag": …, "category": "General"}, …}: the keys are the places of the outputs. Or the same in two tables,
    {"idx_to_tag": {"0": …}, "tag_to_category": {…: …}}."""
    content = json.loads(text)
    if "idx_to_tag" in content:
        kinds = content["tag_to_category"]
        content = {place: {"tag": tag, "category": kinds[tag]} for place, tag in content["idx_to_tag"].items()}
    entries = {int(place): entry for place, entry in content.items()}
    if sorted(entries) != list(range(len(entries))):
        raise ValueError("its places are not 0, 1, 2, …")
    return [_label(entries[place]["tag"], entries[place]["category"].lower()) for place in range(len(entries))]


def _label(raw: str, category: str) -> Label:
    return Label(spaced(raw), category, raw)
