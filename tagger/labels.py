"""A tagger's labels: selected_tags.csv of the WD taggers and tag_mapping.json of cl_tagger."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

from ..trainer_core.problems import UserError

FILES = ("selected_tags.csv", "tag_mapping.json")
RATING, GENERAL, CHARACTER = "rating", "general", "character"
# Danbooru's numbers, and 9, which the WD taggers gave to the ratings; e621's further kinds count as general.
_CATEGORIES = {"0": GENERAL, "1": "artist", "3": "copyright", "4": CHARACTER, "9": RATING}
_KAOMOJI = (
    *("0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3", "6_9", ">_o", "@_@", "^_^"),
    *("o_o", "u_u", "x_x", "|_|", "||_||"),
)


@dataclass(frozen=True)
class Label:
    """What one output of the model means: its name as captions have it, as the model's file has it, and its category."""

    name: str
    raw: str
    category: str


def readable(raw: str) -> str:
    """Underscores are spaces, but in faces such as ^_^."""
    return raw if raw in _KAOMOJI else raw.replace("_", " ")


def read_labels(folder: Path) -> list[Label]:
    """The labels in the order of the model's outputs; UserError where their file is missing or damaged."""
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        raise UserError(
            f"{folder} has no {FILES[0]} (or {FILES[1]}): it belongs beside the tagger's .onnx file; download it too."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
        labels = _from_csv(text) if path.suffix == ".csv" else _from_json(text)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise UserError(f"{path} can't be read as a tagger's labels ({error}): download it again.") from error
    if not labels:
        raise UserError(f"{path} names no tags: download it again.")
    return labels


def _from_csv(text: str) -> list[Label]:
    """Rows tag_id, name, category, count in the order of the outputs. The category says what a row is, not its place."""
    rows = list(csv.DictReader(io.StringIO(text)))
    return [Label(readable(row["name"]), row["name"], _CATEGORIES.get(row["category"].strip(), GENERAL)) for row in rows]


def _from_json(text: str) -> list[Label]:
    """{output: {"tag", "category"}}; outputs that no label has stay nameless."""
    mapping = {int(number): entry for number, entry in json.loads(text).items()}
    if mapping and not 0 <= min(mapping) <= max(mapping) < 1_000_000:
        raise ValueError(f"output number {max(mapping)}")
    unnamed = {"tag": "", "category": "none"}
    entries = [mapping.get(number, unnamed) for number in range(max(mapping, default=-1) + 1)]
    return [Label(readable(entry["tag"]), entry["tag"], entry["category"].lower()) for entry in entries]
