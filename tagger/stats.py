"""Counts of a folder's captions: tags, how many a picture has, and how often each is in which folder. Stdlib only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from .check import by_place
from .folder import Dataset


@dataclass(frozen=True)
class Stats:
    """`tags`: pictures that have each; `places`: the same by folder; `sizes`: pictures by number of tags."""

    pictures: int
    captioned: int
    tags: Counter[str]
    places: dict[str, tuple[int, Counter[str]]]
    sizes: Counter[int]
    ratings: Counter[str]

    @property
    def once(self) -> list[str]:
        return [tag for tag, count in self.tags.items() if count == 1]

    def as_dict(self) -> dict[str, Any]:
        return {
            "pictures": self.pictures,
            "captioned": self.captioned,
            "different_tags": len(self.tags),
            "once": len(self.once),
            "tags": dict(self.tags.most_common()),
            "tags_per_picture": {str(size): self.sizes[size] for size in sorted(self.sizes)},
            "ratings": dict(self.ratings),
            "folders": {
                place: {"pictures": pictures, "tags": dict(counts.most_common())}
                for place, (pictures, counts) in self.places.items()
            },
        }


def stats(dataset: Dataset) -> Stats:
    filled = [entry for entry in dataset.entries if not entry.caption.empty]
    places = {place: (len(group), _counted(group)) for place, group in by_place(filled).items()}
    tags: Counter[str] = Counter()
    for _, counts in places.values():
        tags.update(counts)
    sizes = Counter(len(entry.tags) for entry in filled)
    ratings = Counter(entry.rating for entry in filled if entry.rating)
    return Stats(len(dataset.entries), len(filled), tags, places, sizes, ratings)


def _counted(entries: list[Any]) -> Counter[str]:
    return Counter(tag for entry in entries for tag in dict.fromkeys(entry.tags))
