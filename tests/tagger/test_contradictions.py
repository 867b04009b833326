"""What can't both be right, and what can."""

from __future__ import annotations

import pytest

from lora_workbench.tagger.captions import split_tags
from lora_workbench.tagger.contradictions import contradictions


@pytest.mark.parametrize(
    ("caption", "pair"),
    [
        ("penny, blonde hair, brown hair", ("blonde hair", "brown hair")),
        ("blue eyes, red eyes", ("blue eyes", "red eyes")),
        ("light brown hair, dark brown hair", ("light brown hair", "dark brown hair")),
        ("red zorble, blue zorble", ("red zorble", "blue zorble")),
        ("red boots, blue footwear", ("red boots", "blue footwear")),
        ("long hair, short hair", ("long hair", "short hair")),
        ("smile, closed mouth", ("smile", "closed mouth")),
        ("open mouth, closed mouth", ("open mouth", "closed mouth")),
        ("smile, frown", ("smile", "frown")),
        ("indoors, outdoors", ("indoors", "outdoors")),
        ("1girl, 2girls", ("1girl", "2girls")),
        ("solo, multiple girls", ("solo", "multiple girls")),
        ("hat, no hat", ("no hat", "hat")),
        ("barefoot, boots", ("barefoot", "boots")),
        ("sitting, standing", ("sitting", "standing")),
        ("forest, simple background", ("forest", "simple background")),
        ("Long_Hair, Short_Hair", ("Long_Hair", "Short_Hair")),
    ],
)
def test_contradictions(caption: str, pair: tuple[str, str]) -> None:
    (found,) = contradictions(split_tags(caption))
    assert set(found[:2]) == set(pair) and found[2]


@pytest.mark.parametrize(
    "caption",
    [
        "black hair, black eyes, red hat, blue scarf",
        "very long hair, long hair",
        "light blue hair, blue hair",
        "multicolored hair, red hair, blue hair",
        "two-tone hair, black hair, white hair",
        "heterochromia, red eyes, blue eyes",
        "2girls, black hair, blonde hair, long hair, short hair",
        "boots, socks",
        "forest, outdoors, night sky",
        "smile, open mouth",
        "1girl, solo, 1boy",
        "red boots, red footwear",
        "night, night sky",
        "penny",
    ],
)
def test_what_goes_together(caption: str) -> None:
    assert contradictions(split_tags(caption)) == []
