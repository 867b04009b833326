"""Advice on the network: its kind, rank, alpha and blocks."""

from __future__ import annotations

from collections.abc import Iterator

from . import tables
from .facts import USUAL_WIDTH, Answers, BaseFacts, DatasetFacts, Reasoned, guide, rank_for_width
from .subject import Subject

_NAMES = {"lora": "LierLa", "locon": "LierLa", "lokr": "LoKr", "loha": "LoHa"}


def network(
    facts: DatasetFacts, one: Subject, answers: Answers, base: BaseFacts, optimizer: str, notices: list[str]
) -> Iterator[Reasoned]:
    """The network's settings. Where no kind was asked for, an ordinary LoRA, with convolutions for styles."""
    rank, why, source = _rank(facts, one, base)
    kind = answers.network or ("locon" if one.kind == "style" else "lora")
    alpha = 1.0 if optimizer.lower().startswith("dadapt") else float(rank)
    _tell_kind(kind, one, answers, notices)
    words = [f"conv_dim={rank}", f"conv_alpha={alpha:g}"]
    if kind in ("lora", "locon"):
        yield Reasoned("network_module", "networks.lora", "The ordinary LoRA holds every class of subject.", guide("307"))
    else:
        yield Reasoned("network_module", "lycoris.kohya", f"{kind}, as answered.", guide("580-586"))
        words.insert(0, f"algo={kind}")
    if kind == "locon":
        row = {one.code: one for one in tables.lycoris()}["locon"]
        yield Reasoned("network_args", words, "With convolutions it carries a style more strongly.", guide(row.line))
    elif kind != "lora":
        yield Reasoned("network_args", words if kind != "ia3" else words[:1], "The kind, and its rank in convolutions.", "")
    if kind != "ia3":
        yield Reasoned("network_dim", rank, why, source)
        yield Reasoned("network_alpha", alpha, *_alpha_words(alpha, rank, optimizer))
    if one.use.code == "humanize":
        blocks = tables.block_uses()["humanize"]
        notices.append(f"{blocks.about} Try `network_args block_weights={blocks.preset}` (guide l. {blocks.line}).")


def _alpha_words(alpha: float, rank: int, optimizer: str) -> tuple[str, str]:
    if alpha == rank:
        return "The same as the rank: nothing is damped, and it is never above it.", guide("327, 331")
    return f"{optimizer} finds a rate for alpha 1 (×{alpha / rank:g}).", guide("360, 492")


def _tell_kind(kind: str, one: Subject, answers: Answers, notices: list[str]) -> None:
    rows = {row.code: row for row in tables.lycoris()}
    if answers.network is None or kind not in rows:
        return
    row = rows[kind]
    if row.drawback:
        notices.append(f"{kind}: {row.drawback} (guide l. {row.line})")
    if answers.vram_gb is not None and answers.vram_gb < row.least_gb:
        notices.append(
            f"{kind} wants {row.least_gb} GB of GPU memory, and there are {answers.vram_gb:g} (guide l. {row.line})."
        )
    if one.row is not None and kind in _NAMES and _NAMES[kind] not in one.row.types:
        notices.append(f"{kind} can't hold a subject of class {one.row.code} (guide l. {one.row.line}): take an ordinary LoRA.")


def _rank(facts: DatasetFacts, one: Subject, base: BaseFacts) -> tuple[int, str, str]:
    """(rank, why, source) for this base model: the guide's are for Stable Diffusion 1.x."""
    rank, why, source = _usual_rank(facts, one)
    if base.family == "sdxl":
        times = tables.sdxl_shifts()["rank"]
        new = max(4, rank // times.value)
        return (
            new,
            f"{why}; SDXL's ranks hold about {times.value} times as much as the {rank} elsewhere.",
            f"{source}, {times.line}",
        )
    if base.width < USUAL_WIDTH:
        new = rank_for_width(rank, base.width)
        return new, f"{why}: {rank} for {USUAL_WIDTH} channels, and this UNet begins with {base.width}.", source
    return rank, f"{why}.", source


def _usual_rank(facts: DatasetFacts, one: Subject) -> tuple[int, str, str]:
    pictures = f"{facts.pictures} picture{'' if facts.pictures == 1 else 's'}"
    if one.row is None:
        row = tables.rank_for(one.kind, facts.pictures)
        return row.rank, f"a {one.kind} in {pictures}", guide(row.line)
    place, low, high = one.use.rank_end, *one.row.rank
    if facts.pictures < tables.fact("kinds", "pictures", "usual").value:
        place -= 0.5
    rank = _between(low, high, place)
    why, source = f"class {one.row.code}, {pictures}", guide(one.row.line)
    if one.use.code != "usual":
        why = f"{why}; for {one.use.code}"
    if one.harder:
        shift = tables.shift("male")
        after = {row.code: row for row in tables.difficulty_classes()}[chr(ord(one.row.code) + 1)]
        rank = _between(rank, _between(*after.rank, place), 0.5)
        why, source = f"{why}, half a class harder for a man", f"{source}, {shift['line']}"
    return rank, why, source


def _between(low: int, high: int, place: float) -> int:
    """Between two ranks, 0 the lower and 1 the higher, by factors, and a multiple of 4 from there on."""
    rank = low * (high / low) ** min(max(place, 0.0), 1.0)
    return max(round(rank / 4) * 4, 4) if rank >= 4 else max(round(rank), 1)
