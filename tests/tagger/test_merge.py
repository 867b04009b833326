"""Merging: the guide's example, 200 cases made by rule, 60 pairs that must not merge, the user's map, and suggestions."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from lora_workbench.tagger.captions import read_caption, split_tags
from lora_workbench.tagger.folder import Entry
from lora_workbench.tagger.merge import Rule, merge_edit, proposals, read_rules, rule_of
from lora_workbench.tagger.suggestions import suggested
from lora_workbench.trainer_core.problems import UserError, WordsError


def merged(text: str, **options: object) -> str:
    return ", ".join(merge_edit(**options)(split_tags(text)))


def test_the_guides_example() -> None:
    assert merged("boots, red footwear, red boots") == "red boots"
    assert (
        merged("laetitia, 1girl, boots, smile, red footwear, red boots, red hair")
        == "laetitia, 1girl, smile, red boots, red hair"
    )


# Independent of the product's tables: kinds and things as they are, so that a case's outcome is known by how it is made.
KINDS = {
    "footwear": ("boots", "sneakers", "sandals", "loafers"),
    "headwear": ("beret", "helmet"),
    "legwear": ("thighhighs", "kneehighs", "pantyhose"),
    "eyewear": ("sunglasses", "goggles"),
}
COLOURS = ("red", "black", "green", "white", "purple", "blue")
NEVER_LISTED = ("zorble", "space ferret", "quill", "mantle piece", "frobnicator")


def cases() -> list[tuple[str, str]]:
    """(caption, what it is to become)."""
    found = []
    for (kind, things), colour in itertools.product(KINDS.items(), COLOURS):
        for thing in things:
            found.append((f"a, {thing}, b, {colour} {kind}, {colour} {thing}, c", f"a, b, {colour} {thing}, c"))
            found.append((f"{colour} {thing}, {thing}, x", f"{colour} {thing}, x"))
    for thing, colour in itertools.product(NEVER_LISTED, COLOURS):
        found.append((f"{thing}, {colour} {thing}, y", f"{colour} {thing}, y"))
        found.append((f"z, dark {colour} {thing}, {colour} {thing}, {thing}", f"z, dark {colour} {thing}"))
    for length, colour in itertools.product(("long", "short"), COLOURS):
        found.append((f"very {length} hair, {length} hair, {colour} hair", f"very {length} hair, {colour} hair"))
        found.append((f"skirt, {length} skirt, {colour} {length} skirt, {colour} skirt", f"{colour} {length} skirt"))
    for thing in ("cat", "dog", "fox", "rabbit", "wolf"):
        found.append((f"{thing} ears, animal ears, {thing} tail, tail", f"{thing} ears, {thing} tail"))
        found.append((f"white {thing} ears, animal ears, {thing} ears", f"white {thing} ears"))
    return found


CASES = cases()


def test_there_are_two_hundred_cases() -> None:
    assert len(set(CASES)) >= 200


@pytest.mark.parametrize("part", range(10))
def test_cases_made_by_rule(part: int) -> None:
    wrong = [(before, merged(before), after) for before, after in CASES[part::10] if merged(before) != after]
    assert not wrong
    again = [after for _, after in CASES[part::10] if merged(after) != after]
    assert not again, "what is merged is not merged further"


NEVER = """
black hair | black eyes
boots | red gloves
red boots | blue footwear
red boots | red gloves
red hair | red eyes
long hair | short hair
long hair | black hair
long sleeves | short sleeves
red hat | blue hat
red hat | hat ribbon
white dress | white dress shirt
dress | dress shirt
black hair | black hair ornament
hair ornament | hair
cat | cat ears
cat girl | cat ears
cat ears | dog ears
cat ears | cat tail
no hat | hat
hat | hat removed
unworn hat | hat
unworn headwear | hat
fake animal ears | animal ears
toy sword | sword
holding sword | sword
red panda | panda
open mouth | closed mouth
smile | open mouth
closed eyes | blue eyes
one eye closed | closed eyes
blue sky | night sky
white background | simple background
simple background | gradient background
two-tone hair | black hair
multicolored hair | red hair
red-framed eyewear | red eyewear
red-framed eyewear | sunglasses
light brown hair | dark brown hair
light blue hair | blue eyes
pleated skirt | red skirt
striped shirt | red shirt
t-shirt | white shirt
thighhighs | black legwear
black thighhighs | white legwear
boots | black footwear
red bow | hair bow
red ribbon | hair ribbon
single glove | gloves
torn clothes | clothes
open jacket | jacket
sitting | standing
1girl | solo
1girl | 1boy
2girls | 1girl
small breasts | large breasts
looking at viewer | looking back
outdoors | indoors
from above | from behind
hair over one eye | hair between eyes
star (symbol) | star (sky)
hatsune miku | miku (cosplay)
orange | orange hair
rose | red hair
blue archive | archive
black rock shooter | rock
high heels | high ponytail
glass | glasses
"""
PAIRS = [tuple(part.strip() for part in line.split("|")) for line in NEVER.strip().splitlines()]


@pytest.mark.parametrize("pair", PAIRS, ids=" | ".join)
def test_pairs_that_must_not_merge(pair: tuple[str, str]) -> None:
    assert len(set(PAIRS)) >= 60
    for order in (pair, pair[::-1]):
        for around in ([], ["penny", "smiling cat", "forest"]):
            tags = [*around[:1], order[0], *around[1:], order[1]]
            assert merge_edit()(tags) == tags


@pytest.mark.parametrize(
    "caption",
    [
        "red boots, blue boots, boots",  # which of them is it?
        "red boots, sandals, red footwear",  # the sandals may be red
        "red hat, blue hat, hat, headwear",
        "red boots, black footwear",
        "dark red boots, light red boots",
        "white cat ears, black cat ears, cat ears",
    ],
)
def test_what_is_not_clear_is_left_alone(caption: str) -> None:
    assert merged(caption) == caption


def test_words_meaning_the_same_are_not_lost() -> None:
    """Every word of a caption that is not a kind's name is still there after it was merged."""
    for before, _ in CASES:
        words = set(before.replace(",", "").split()) - {"footwear", "headwear", "legwear", "eyewear", "animal"}
        assert words <= set(merged(before).replace(",", "").split())


def test_protected_tags_and_rejected_merges_stay() -> None:
    caption = "boots, red boots, red footwear"
    assert merged(caption, protected=["Boots"]) == "boots, red boots"
    assert merged(caption, keep_first=1) == "boots, red boots"
    assert merged(caption, rejected=["red footwear -> red boots"]) == "red boots, red footwear"
    assert merged("Red_Boots, BOOTS") == "Red_Boots"


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("sneaker, trainers -> sneakers", "a, sneaker, trainers, b", "a, sneakers, b"),
        ("sneaker -> sneakers", "sneakers, sneaker", "sneakers"),
        ("boots + red footwear -> red boots", "a, boots, b, red footwear", "a, red boots, b"),
        ("boots + red footwear -> red boots", "boots, b", "boots, b"),
        ("boots + red footwear -> red boots", "boots, red footwear, blue footwear", "boots, red footwear, blue footwear"),
        ("brown hair -> blonde hair", "brown hair, smile", "blonde hair, smile"),
        ("brown hair -> blonde hair", "brown hair, black hair", "brown hair, black hair"),
        ("tall -> short hair", "tall, long hair", "tall, long hair"),
        ("penny -> person", "penny, a", "person, a"),
    ],
)
def test_the_users_own_rules(rule: str, before: str, after: str) -> None:
    assert merged(before, rules=[rule_of(rule)], implications=False) == after


def test_own_rules_come_before_what_is_implied() -> None:
    assert merged("shoe, red footwear, boots, red boots", rules=[rule_of("shoe -> boots")]) == "red boots"
    assert merged("penny, a", rules=[rule_of("penny -> person")], keep_first=1) == "penny, a"


def test_maps_in_both_forms(tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text("# mine\nsneaker, trainers -> sneakers  # alike\n\na + b -> c\n", encoding="utf-8")
    assert read_rules(tmp_path / "map.txt") == [Rule(("sneaker", "trainers"), "sneakers"), Rule(("a", "b"), "c", True)]
    (tmp_path / "map.json").write_text('{"sneakers": ["sneaker", "trainers"]}', encoding="utf-8")
    assert read_rules(tmp_path / "map.json") == [Rule(("sneaker", "trainers"), "sneakers")]
    (tmp_path / "bad.json").write_text('{"sneakers": 3}', encoding="utf-8")
    with pytest.raises(UserError, match="no map of tags"):
        read_rules(tmp_path / "bad.json")
    for wrong in ("a b", "-> c", "a ->", "a -> b, c"):
        with pytest.raises(WordsError, match="is no rule"):
            rule_of(wrong)


def entries(tmp_path: Path, *texts: str) -> list[Entry]:
    found = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number:03d}.txt"
        path.write_text(text, encoding="utf-8")
        found.append(Entry(path.with_suffix(".png"), "", read_caption(path)))
    return found


def test_proposals_have_counts_and_examples(tmp_path: Path) -> None:
    made = entries(tmp_path, *["boots, red boots"] * 10, "boots, footwear", "smile")
    found = [(one.key, one.source, one.count, len(one.examples)) for one in proposals(made)]
    assert found == [("boots -> red boots", "implication", 10, 8), ("footwear -> boots", "implication", 1, 1)]
    found = proposals(made, [rule_of("smile -> grin")], implications=False)
    assert [(one.key, one.source, one.examples[0].name) for one in found] == [("smile -> grin", "map", "011.png")]


def test_suggestions_have_numbers_and_never_contradict(tmp_path: Path) -> None:
    made = entries(
        tmp_path,
        *["penny, jacket, open jacket, black hair, black eyes"] * 9,
        "penny, open jacket, smile",
        *["penny, no hat, blue hat, black hair"] * 2,
        *["penny, smile, thing"] * 8,
    )
    found = suggested(made)
    assert [one.key for one in found] == ["jacket -> open jacket"]
    assert found[0].numbers == {"gone": 9, "kept": 10, "both": 9, "with_kept": 1.0, "lift": 2.0} and len(found[0].examples) == 8
    keys = [one.key for one in suggested(made, everything=True)]
    assert "black eyes -> open jacket" not in keys and "jacket -> open jacket" in keys  # a colour is never proposed away
    assert not any("penny" in key for key in keys)  # always there: it says nothing of what goes with it
    assert not suggested(made, protected=["jacket"])
