"""What a tool has done, in lines: how many modules it acted on, and how much changed. Terminals and jobs show the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..models.families import FAMILIES

if TYPE_CHECKING:
    from .bake import Baked
    from .convert import Converted
    from .cut import Cut
    from .extract import Extracted
    from .merge_checkpoint import MergedCheckpoint
    from .merge_loras import Merged
    from .resize import Resized
    from .weighted import Weighted


def baked_lines(done: Baked) -> list[str]:
    elsewhere = f", {done.elsewhere} in no block, which no weight changes" if done.elsewhere else ""
    return [
        f"{done.modules} modules: {done.scaled} scaled, {done.left_out} left out{elsewhere}",
        f"length of the change: {done.before:.4g} → {done.after:.4g}; {done.change:.1%} of it was taken away or turned",
    ]


def extracted_lines(done: Extracted) -> list[str]:
    parts = ", ".join(f"{part.replace('_', ' ')} {count}" for part, count in done.by_part.items())
    return [
        f"{done.modules} of {done.candidates} modules differ and were extracted: {parts}",
        f"length of the difference: {done.difference:.4g}; in these modules {done.reached:.4g}",
        f"error left: {done.error:.4g} in these modules ({done.error / done.reached:.2%}), "
        f"{done.left:.4g} of all that differs ({done.left / done.difference:.2%})",
    ]


def extracted_hints(done: Extracted, *, conv: bool, unet: bool) -> list[str]:
    """What is to be known of the result; conv, unet: whether these were asked for."""
    outside = max(0.0, done.difference**2 - done.reached**2) ** 0.5
    hints = []
    if outside > 0.1 * done.difference:
        mend = "" if conv else ": --conv_dim takes the convolutions of the resnets too"
        hints.append(f"A part of the difference, {outside:.4g}, is in modules that this LoRA doesn't go to{mend}.")
    if "unet" not in done.by_part and unet:
        hints.append("The UNets are alike where this LoRA goes: only the text encoder differs.")
    return hints


def merged_lines(done: Merged, loras: Sequence[Weighted]) -> list[str]:
    return [
        f"{done.modules} modules, {done.alike} of them in all {len(loras)} LoRAs; {_ranks(done.ranks)}",
        *(f"  {one.path.name} at {one.ratio:g}: length {length:.4g}" for one, length in zip(loras, done.lengths, strict=True)),
        f"length of the merged change: {done.length:.4g}; error left: {done.error:.4g} ({done.error / done.length:.2%})",
    ]


def merged_checkpoint_lines(done: MergedCheckpoint, loras: Sequence[Weighted]) -> list[str]:
    return [
        *(
            f"  {one.path.name} at {one.ratio:g}: {matched} modules matched"
            for one, matched in zip(loras, done.matched, strict=True)
        ),
        f"{done.tensors} tensors changed by a length of {done.change:.4g}, {done.relative:.3%} of their own",
    ]


def resized_lines(done: Resized) -> list[str]:
    kept = f", {done.others} of kinds without ranks kept as they are" if done.others else ""
    share = f"{done.error / done.before:.2%}" if done.before else "of nothing"
    return [
        f"{done.modules} modules: {done.shortened} shortened{kept}; now {_ranks(done.ranks)}",
        f"length of the change: {done.before:.4g}; error left: {done.error:.4g} ({share}), "
        f"of which these ranks allow {done.allowed:.4g} at best",
    ]


def converted_lines(done: Converted) -> list[str]:
    return [f"{done.modules} modules for {FAMILIES[done.family].title}, {_ranks(done.ranks)}; alphas {done.alphas}"]


def cut_lines(done: Cut, rank: int) -> list[str]:
    return [
        f"{done.modules} modules: {done.cut} cut to rank {rank}",
        f"length of the change: {done.before:.4g} → {done.after:.4g}; the difference is {done.change:.1%} of it",
    ]


def _ranks(ranks: tuple[int, int]) -> str:
    low, high = ranks
    return f"rank {low}" if low == high else f"ranks {low} to {high}"
