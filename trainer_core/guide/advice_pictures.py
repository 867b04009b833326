"""Advice on folders, sizes and captions."""

from __future__ import annotations

from collections.abc import Iterator

from . import tables
from .facts import BaseFacts, DatasetFacts, Reasoned, guide
from .subject import Subject

STEP = 64  # sizes of buckets are multiples of it
_LOW, _HIGH = 320 / 512, 768 / 512  # the guide's bucket sides for 512


def folders(facts: DatasetFacts, one: Subject, notices: list[str]) -> Iterator[Reasoned]:
    """Repeats and how the folders balance; whether regularization pictures are wanted."""
    rule = tables.fact("kinds", "rules", "repeats")
    if facts.is_plain:
        number = facts.folders[0].repeats
        why = "One folder needs no repeats: epochs make the length."
        yield Reasoned("dataset_repeats", number, why if number == 1 else "The folder's own name says so.", guide(rule.line))
    else:
        shown = ", ".join(f"{folder.name} {folder.repeats}" for folder in facts.folders)
        notices.append(f"Repeats come from the folders' names: {shown}.")
    _balance(facts, one, notices)
    least = tables.fact("kinds", "pictures", "least")
    if facts.pictures < least.value:
        notices.append(
            f"{facts.pictures} pictures are very few (guide l. {least.line}): "
            "`loop` makes more of them in rounds, `variants` redraws them."
        )
    if one.reg and not one.initial.reg:
        notices.append(
            f"Regularization pictures double the steps, and a {one.kind} of good pictures does without (guide l. 323-325)."
        )
    elif one.reg:
        notices.append("Regularization pictures keep the faults of the pictures out of the LoRA (guide l. 324, 536).")


def _balance(facts: DatasetFacts, one: Subject, notices: list[str]) -> None:
    limit = tables.fact("kinds", "rules", "balance")
    seen: dict[str, int] = {}
    for folder in facts.folders:
        seen[folder.subject] = seen.get(folder.subject, 0) + folder.pictures * folder.repeats
    if one.kind != "style" and len(seen) > 1 and max(seen.values()) > limit.value * min(seen.values()):
        shown = ", ".join(f"{name} {count}" for name, count in seen.items())
        notices.append(
            f"Subjects aren't shown equally often in an epoch ({shown}; guide l. {limit.line}): "
            "`plan --fix unbalanced` makes their repeats equal."
        )


def sizes(facts: DatasetFacts, one: Subject, base: BaseFacts, notices: list[str]) -> Iterator[Reasoned]:
    """Resolution and buckets: the base's own side, more where the kind wants it and the pictures have it."""
    side = resolution(facts, one, base)
    if side > base.resolution:
        words = f"A {one.kind} gains from more than {base.resolution}, and most pictures have it."
        source = guide(one.initial.line)
    elif base.resolution == 512:
        words, source = "What the base model draws at.", guide(tables.content("damping")["options"][0]["line"])
    else:
        words, source = f"The base model draws at {base.resolution}.", ""
        if base.family == "sdxl":
            source = guide(tables.sdxl_shifts()["resolution"].line)
    yield Reasoned("resolution", str(side), words, source)
    buckets = "The guide's 320 to 768 for 512" + ("." if side == 512 else f", in proportion for {side}.")
    yield Reasoned("enable_bucket", True, "Pictures keep their shapes.", guide("780"))
    yield Reasoned("min_bucket_reso", _multiple(side * _LOW), buckets, guide("363, 784"))
    yield Reasoned("max_bucket_reso", _multiple(side * _HIGH), buckets, guide("363, 784"))
    small = sum(1 for one_side in facts.sides if one_side < side / 1.5)
    if small:
        notices.append(
            f"{small} of {len(facts.sides)} pictures are far smaller than {side} and would teach blur (guide l. 744)."
        )


def resolution(facts: DatasetFacts, one: Subject, base: BaseFacts) -> int:
    """Styles and subjects with fine details want more than the base's side; never more than the pictures have."""
    wanted = one.initial.resolution[0] / 512
    if one.row is not None and one.row.code >= "C":
        wanted = max(wanted, 576 / 512)
    side = min(_multiple(base.resolution * wanted), (facts.side or base.resolution) // STEP * STEP)
    return max(side, base.resolution)


def _multiple(side: float) -> int:
    return max(STEP, round(side / STEP) * STEP)


def captions(facts: DatasetFacts, cached_text: bool, notices: list[str]) -> Iterator[Reasoned]:
    """How captions are read; the activation tag stays first."""
    if not facts.captioned:
        word = facts.folders[0].subject if facts.folders else ""
        notices.append(f"No picture has a caption: all are trained with their folder's word, “{word}” (guide l. 543).")
    yield Reasoned("caption_extension", ".txt", "What taggers write.", guide("510"))
    if facts.captioned < facts.pictures and facts.captioned:
        notices.append(f"{facts.pictures - facts.captioned} pictures have no caption, and get their folder's word alone.")
    if facts.activation and facts.without_activation:
        notices.append(
            f"{facts.without_activation} captions don't begin with “{facts.activation}” (guide l. 857): "
            "put it first in all, or what it draws is a matter of luck."
        )
    if facts.everywhere:
        notices.append(
            f"Tags of every caption, or nearly, can't be switched off: {', '.join(facts.everywhere[:8])} (guide l. 770-777). "
            "Those that make the subject itself are better taken out: then the activation tag stands for them."
        )
    if not cached_text:
        yield Reasoned("shuffle_caption", True, "No tag gains by its place.", guide("1222"))
        first = f"“{facts.activation}”, the activation tag," if facts.activation else "the activation tag"
        yield Reasoned("keep_tokens", 1, f"But {first} stays first.", guide("857, 1222"))
    if facts.max_token_length:
        words = "The shortest that cuts no caption."
        yield Reasoned("max_token_length", facts.max_token_length, words, guide("365"))
