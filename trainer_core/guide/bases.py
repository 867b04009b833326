"""Which base model suits which kind of subject, told by a model's name as it is passed around. Light: standard library only."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from .entries import Base, Look, Vocabulary
from .tables import content, rows

_SOME = 0.3  # of the pictures: from here on a tag is the captions' habit
VELOCITY = "v_prediction"


@functools.cache
def looks() -> dict[str, Look]:
    """How subjects look: drawn, real, furry."""
    return {one.code: one for one in rows("bases", "looks", Look)}


@functools.cache
def bases() -> tuple[Base, ...]:
    """The known kinds of base models; of several whose names fit the first is meant."""
    return rows("bases", "bases", Base)


@functools.cache
def vocabularies() -> dict[str, Vocabulary]:
    """Tags that one vocabulary has for what is in nearly every picture, and the others have not."""
    return {one.code: one for one in rows("bases", "vocabularies", Vocabulary)}


def base_of(name: str) -> Base | None:
    """The kind that a model's file name tells; None where it tells none."""
    stem = PurePath(name).name.lower()
    return next((one for one in bases() if re.search(one.names, stem)), None)


def is_mix(name: str) -> bool:
    """Whether a file name tells of a mix of models."""
    return bool(re.search(content("bases")["mixes"][0]["names"], PurePath(name).name.lower()))


def suited(look: str) -> list[Base]:
    """The kinds that are recommended for a look, the guide's own first."""
    return sorted((one for one in bases() if look in one.suits), key=lambda one: bool(one.truth))


def look_of_tags(tags: Mapping[str, int], pictures: int) -> str:
    """How the subject looks by the captions' vocabulary: furry where e621's tags are, drawn where Danbooru's are, "" else."""
    shares = {code: share_of(tags, one.tags, pictures) for code, one in vocabularies().items()}
    if max(shares.values()) <= _SOME:
        return ""
    return "furry" if shares["e621"] > shares["danbooru"] else "drawn"


def share_of(tags: Mapping[str, int], words: Sequence[str], pictures: int) -> float:
    """The share of the pictures that the most frequent of the words is in."""
    return max((tags.get(word, 0) for word in words), default=0) / max(pictures, 1)


def vocabulary_of(tagger: str) -> Vocabulary | None:
    """Which vocabulary a tagger writes, by its name; None where the name tells it not."""
    name = tagger.lower()
    return next((one for one in reversed(vocabularies().values()) if re.search(one.taggers, name)), None)


def recommendation(look: str) -> str:
    """What a look is best trained on, with the guide's lines."""
    guides, newer = ([one for one in suited(look) if bool(one.truth) == is_newer] for is_newer in (False, True))
    words = f"Base models that suit it (guide l. {looks()[look].line}): {'; '.join(one.title for one in guides)}."
    if newer:
        words += f" Newer than the guide: {'; '.join(one.title for one in newer)}."
    return words


def misfits(look: str, name: str, prediction: str = "") -> list[str]:
    """What speaks against training such a subject on the model of that name; `prediction`: what the model's file says."""
    base, found = base_of(name), []
    if base is not None and look and look not in (*base.suits, *base.also):
        best = suited(look)[0]
        found.append(f"{base.title} doesn't suit it: {best.title} does. {best.about}")
    if is_mix(name):
        found.append(content("bases")["mixes"][0]["about"])
    if prediction == VELOCITY:
        found.append("This base predicts velocity: what is trained on it goes with models that do so too.")
    return found
