"""The folder in which variants wait for a look, and the JSON file that says of each where it is from."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..events import JobLock
from ..files import data_folder, read_json, write_json
from ..problems import UserError

NAME = "variants.json"
PLANNED, WAITING, ACCEPTED, REJECTED = "planned", "waiting", "accepted", "rejected"
MASKS = "masks"  # the folder of masks that were painted for them
_VERSION = 1
_CHANGING, _DECIDING, _PATIENCE = ".changing", ".deciding", 10.0
_OF_ITSELF = ("state", "infotext", "sha256", "accepted")  # what does not say what was asked for


@dataclass
class Variant:
    """One picture. `source` and `accepted["file"]` are relative to the dataset.

    over: the variant that it is drawn over in place of the source, whose variant that one is; "" for the source itself.
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
    over: str = ""
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

    def save(self, *names: str) -> None:
        """Writes these variants and takes all others as the file has them by now: one may draw while another decides."""
        with _alone(self.folder / _CHANGING):
            newest = _read(self.folder, self.dataset)
            self.variants = {**newest, **{name: self.variants[name] for name in names}}
            shown = {name: _said(one) for name, one in self.variants.items()}
            write_json(self.folder / NAME, {"version": _VERSION, "dataset": str(self.dataset), "variants": shown})

    def in_state(self, *states: str) -> dict[str, Variant]:
        return {name: one for name, one in self.variants.items() if one.state in states}

    def named(self, name: str) -> Variant:
        if name not in self.variants:
            raise UserError(f"There is no variant {name} in {self.folder}: --status names those that wait.")
        return self.variants[name]

    def drawn_over(self, variant: Variant) -> Path:
        """The picture that it is drawn over."""
        return self.folder / variant.over if variant.over else self.dataset / variant.source

    def add(self, variant: Variant) -> str:
        """Its name: a new one, or the one that it has where the very same was asked for before."""
        wanted = _key(variant)
        known = next((name for name, one in self.variants.items() if _key(one) == wanted), None)
        if known is not None:
            return known
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


def review_folder(dataset: Path, given: Path | None = None, data: Path | None = None) -> Path:
    """Where a dataset's variants wait; never within it, since all that lies there is trained. data: the users' data folder."""
    if given is not None:
        folder = given.expanduser().absolute()
        if folder == dataset or dataset in folder.parents:
            raise UserError(f"{folder} lies in the dataset, and what lies there is trained: give another --review.")
        return folder
    mark = hashlib.sha256(str(dataset).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return data_folder(data).absolute() / "variants" / f"{dataset.name}-{mark}"


def read_review(dataset: Path, given: Path | None = None) -> Review:
    """The review of a dataset, an empty one where there is none; UserError where its file is damaged or another's."""
    folder = review_folder(dataset, given)
    return Review(folder, dataset, _read(folder, dataset))


def _read(folder: Path, dataset: Path) -> dict[str, Variant]:
    path = folder / NAME
    if not path.is_file():
        return {}
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
    return variants


def reject(review: Review, names: Sequence[str]) -> None:
    """Says that these are no good; their files stay, so that it can be taken back."""
    for name in names:
        one = review.named(name)
        if one.state == ACCEPTED:
            raise UserError(f"{name} is in the dataset already, as {one.accepted['file']}: take that back first.")
        if one.state == PLANNED:
            raise UserError(f"{name} is not drawn yet: there is nothing to decide.")
    for name in names:
        review.variants[name].state = REJECTED
    if names:
        review.save(*names)


def deciding(review: Review) -> contextlib.AbstractContextManager[None]:
    """Holds the review for decisions, while another process may go on drawing into it."""
    return _alone(review.folder / _DECIDING)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process holds the lock; UserError where that takes too long."""
    lock, end = JobLock(path), time.monotonic() + _PATIENCE
    while not lock.acquire():
        if time.monotonic() > end:
            raise UserError(f"Another run decides on variants in {path.parent}: wait for it, then do the same again.")
        time.sleep(0.02)
    try:
        yield
    finally:
        lock.release(remove=True)


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
