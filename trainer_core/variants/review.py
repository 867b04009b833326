"""The folder in which variants wait for a look, and the JSON file that says of each where it is from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..files import data_folder, read_json, write_json
from ..problems import UserError

NAME = "variants.json"
PLANNED, WAITING, ACCEPTED, REJECTED = "planned", "waiting", "accepted", "rejected"
_VERSION = 1
_OF_ITSELF = ("state", "infotext", "sha256", "accepted")  # what does not say what was asked for


@dataclass
class Variant:
    """One picture. `source` and `accepted["file"]` are relative to the dataset, or whole paths where they lie elsewhere.

    A planned one has no file yet. `accepted`: {"by", "time", "file", "caption"} once it is in the dataset.
    """

    state: str
    source: str
    source_sha256: str
    denoise: float
    request: dict[str, Any]
    model: str
    model_sha256: str
    mask: str = ""
    mask_sha256: str = ""
    only_masked: bool = False
    lora: str = ""
    lora_sha256: str = ""
    strength: float | None = None
    caption_extension: str = ".txt"
    infotext: str = ""
    sha256: str = ""
    accepted: dict[str, str] = field(default_factory=dict)

    def asked(self) -> dict[str, Any]:
        """All that the picture depends on: two of the same are one."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_ITSELF}


@dataclass
class Review:
    """The content of variants.json. `dataset`: the folder of pictures that the variants are of."""

    folder: Path
    dataset: Path
    variants: dict[str, Variant] = field(default_factory=dict)

    def save(self) -> None:
        shown = {name: _said(one) for name, one in self.variants.items()}
        write_json(self.folder / NAME, {"version": _VERSION, "dataset": str(self.dataset), "variants": shown})

    def in_state(self, *states: str) -> dict[str, Variant]:
        return {name: one for name, one in self.variants.items() if one.state in states}

    def named(self, name: str) -> Variant:
        if name not in self.variants:
            raise UserError(f"There is no variant {name} in {self.folder}: --status names those that wait.")
        return self.variants[name]

    def add(self, variant: Variant) -> str | None:
        """Its new name; None where the very same was asked for before."""
        wanted = _key(variant)
        if any(_key(one) == wanted for one in self.variants.values()):
            return None
        stem, number = Path(variant.source).stem, 1
        while (name := f"{stem}-v{number:03d}.png") in self.variants:
            number += 1
        self.variants[name] = variant
        return name


def _key(variant: Variant) -> str:
    return json.dumps(variant.asked(), sort_keys=True)  # lists that were tuples before they were written are the same


def _said(variant: Variant) -> dict[str, Any]:
    """Without what is empty, so that a person finds what is there."""
    return {key: value for key, value in asdict(variant).items() if value not in ("", None, {})}


def review_folder(dataset: Path, given: Path | None = None) -> Path:
    """Where a dataset's variants wait; never within it, since all that lies there is trained."""
    if given is not None:
        folder = given.expanduser().absolute()
        if folder == dataset or dataset in folder.parents:
            raise UserError(f"{folder} lies in the dataset, and what lies there is trained: give another --review.")
        return folder
    mark = hashlib.sha256(str(dataset).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return data_folder().absolute() / "variants" / f"{dataset.name}-{mark}"


def read_review(dataset: Path, given: Path | None = None) -> Review:
    """The review of a dataset, an empty one where there is none; UserError where its file is damaged or another's."""
    folder = review_folder(dataset, given)
    path = folder / NAME
    if not path.is_file():
        return Review(folder, dataset)
    try:
        content = read_json(path)
        if content["version"] != _VERSION:
            raise ValueError(f"its version is {content['version']!r}")
        known = {one.name for one in fields(Variant)}
        variants = {
            name: Variant(**{key: value for key, value in one.items() if key in known})
            for name, one in content["variants"].items()
        }
        of = Path(content["dataset"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} can't be read ({error}): put its last good state back, or give another --review.") from error
    if of != dataset:
        raise UserError(f"{folder} holds variants of {of}: give another --review.")
    return Review(folder, dataset, variants)


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
