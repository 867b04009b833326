"""What tags say about a picture's faults: text, watermarks, heads that the border cuts, more people than one.

There is no text detector in the environment: known ones are for photographs, or large. What taggers saw in the pictures is
kept already (tagger/store.py), and boorus have tags for just these faults; captions are read as well. Faces are detectors'
(faces.py), where one is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...tagger.captions import caption_file, read_caption, same_tag
from ...tagger.store import Store, content_key

# code: the tags that mean it, as WD taggers and boorus spell them, without underscores.
FAULTS: dict[str, frozenset[str]] = {
    "watermark": frozenset((
        "watermark", "sample watermark", "web address", "signature", "artist name", "twitter username", "patreon username",
        "pixiv username", "instagram username", "fanbox username", "patreon logo", "artist logo", "copyright notice", "dated",
    )),
    "text": frozenset((
        "text", "english text", "chinese text", "japanese text", "korean text", "translated", "translation request",
        "speech bubble", "thought bubble", "sound effects", "text focus", "subtitled", "logo", "title", "caption",
        "fake screenshot",
    )),
    "cut-head": frozenset((
        "head out of frame", "eyes out of frame", "out of frame", "cropped head", "face out of frame", "headless",
    )),
    "several-people": frozenset((
        "2girls", "3girls", "4girls", "5girls", "6+girls", "multiple girls", "2boys", "3boys", "4boys", "multiple boys",
        "couple", "group", "crowd", "everyone",
    )),
    "artifacts": frozenset(("jpeg artifacts", "lowres", "blurry", "scan artifacts", "pixelated")),
}  # fmt: skip
_LIKELY = 0.35  # a tagger's score from which a tag is believed


class Hints:
    """Asked picture by picture; without a store, or where the tagger hasn't seen a picture, its caption alone tells."""

    def __init__(self, store: Store | None, extension: str) -> None:
        self._store, self._extension = store, extension
        model = store.last_model() if store else None
        self._key = model[0] if model else ""
        self._names = [same_tag(tag) for tag in model[1]] if model else []

    def of(self, picture: Path) -> tuple[dict[str, str], bool]:
        """{code: the tags that tell of it}, and whether the tagger had seen the picture."""
        seen = self._seen(picture)
        caption = read_caption(caption_file(picture, self._extension))
        tags = {**(seen or {}), **dict.fromkeys(map(same_tag, caption.tags), 1.0)}
        found = {}
        for code, names in FAULTS.items():
            told = [name if score == 1.0 else f"{name} {score:.2f}" for name, score in tags.items() if name in names]
            if told:
                found[code] = ", ".join(sorted(told))
        return found, seen is not None

    def _seen(self, picture: Path) -> dict[str, float] | None:
        """The tagger's likely tags with their scores; None where it hasn't seen the picture."""
        if self._store is None or not self._key:
            return None
        content = self._store.content_of(picture) or content_key(picture.read_bytes())
        scores = self._store.scores(content, self._key)
        if scores is None:
            return None
        pairs = zip(scores.places, scores.scores, strict=True)
        return {self._names[place]: round(score, 2) for place, score in pairs if score >= _LIKELY}


def collected(pictures: Sequence[Path], hints: Hints) -> tuple[dict[str, list[tuple[Path, str]]], list[Path]]:
    """{code: [(picture, the tags)]}, and the pictures that no tagger has seen."""
    found: dict[str, list[tuple[Path, str]]] = {}
    unseen = []
    for picture in pictures:
        told, was_seen = hints.of(picture)
        for code, tags in told.items():
            found.setdefault(code, []).append((picture, tags))
        unseen += [] if was_seen else [picture]
    return found, unseen
