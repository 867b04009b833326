"""Advice on the optimizer, its rates, the length, and what the GPU's memory allows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..optimizer_table import TABLE
from . import tables
from .entries import MemoryRow
from .facts import Answers, BaseFacts, DatasetFacts, Reasoned, guide
from .subject import Subject

_HARDER_RATE = 1.5  # for class E and harder, where the rate is the user's
_SEED = 420


def memory_row(answers: Answers, base: BaseFacts, notices: list[str]) -> MemoryRow:
    """The row of the GPU's memory, and a notice where that isn't known or is too small."""
    if answers.vram_gb is None:
        assumed = tables.fact("memory", "assumed")
        notices.append(f"The GPU's memory isn't known: {assumed.value} GB are assumed (--vram).")
        return tables.memory_row(base.family, assumed.value)
    least = tables.fact("memory", "least_sdxl" if base.family == "sdxl" else "least")
    if answers.vram_gb < least.value:
        notices.append(f"{answers.vram_gb:g} GB are less than the {least.value} that this takes (guide l. {least.line}).")
    return tables.memory_row(base.family, answers.vram_gb)


def optimizer(answers: Answers, row: MemoryRow) -> list[Reasoned]:
    """The optimizer and its arguments; the first is optimizer_type."""
    known = {name.lower(): name for name in TABLE}
    name = known.get((answers.optimizer or row.optimizer).lower(), answers.optimizer or row.optimizer)
    found = tables.optimizer(name)
    if answers.optimizer:
        why, source = "As answered.", guide(found.line) if found else ""
    else:
        why, source = row.about, guide(row.line)
    values = [Reasoned("optimizer_type", name, why, source)]
    if found and found.arguments:
        arguments, words, lines = list(found.arguments), f"What {name} needs.", found.line
        if answers.network == "ia3" and name == "Prodigy":
            row_of_ia3 = next(one for one in tables.lycoris() if one.code == "ia3")
            arguments = [f"d_coef={row_of_ia3.rate:g}" if one.startswith("d_coef=") else one for one in arguments]
            words, lines = f"{words} (IA)^3 wants a high d_coef.", f"{lines}, {row_of_ia3.line}"
        values.append(Reasoned("optimizer_args", arguments, words, guide(lines)))
    return values


def rates(one: Subject, name: str, unet_only: bool, notices: list[str]) -> Iterator[Reasoned]:
    """Rates and schedule: 1 where the optimizer finds its own, the guide's table elsewhere."""
    spec = TABLE.get(name)
    if spec is not None and spec.adaptive:
        rate = one.use.rate
        words = f"{name} finds the rate, of which this is a multiple"
        words = f"{words}." if rate == 1 else f"{words}; lower, because it is for {one.use.code}."
        source = guide("327, 441") if rate == 1 else guide(one.use.line)
        yield from _three(rate, rate, words, source, unet_only)
        if spec.averages:
            yield Reasoned("lr_scheduler", "constant", "A schedule-free optimizer takes no schedule.", guide("359"))
        elif one.initial.adaptive_scheduler == "constant":
            words = "The found rate is kept to the end: with a cosine the toy world's style was learnt less well."
            yield Reasoned("lr_scheduler", "constant", words, guide("359"))
        else:
            words = "The found rate fades out: kept to the end it broke long runs of the toy world; the guide says constant."
            yield Reasoned("lr_scheduler", "cosine", words, guide("359"))
        return
    unet, text = one.initial.unet_lr or 1e-4, one.initial.text_encoder_lr or 5e-5
    factor, words = one.use.rate, f"The guide's rates for a {one.kind}"
    if one.is_hard:
        factor, words = factor * _HARDER_RATE, f"{words}, half as high again from class E on"
    if factor < 1:
        words = f"{words}, lower for {one.use.code}"
    if name.startswith("Lion"):
        factor, words = factor / 3, f"{words}, a third of them for Lion"
    yield from _three(_short(unet * factor), _short(text * factor), f"{words}.", guide(one.initial.line), unet_only)
    yield Reasoned("lr_scheduler", "cosine_with_restarts", "One cosine from the rate to 0.", guide("1211"))
    if name.startswith("SGD"):
        notices.append(f"{name} learns very slowly: the steps below are far too few for it (guide l. 493).")


def _three(unet: float, text: float, words: str, source: str, unet_only: bool) -> Iterator[Reasoned]:
    yield Reasoned("learning_rate", unet, words, source)
    yield Reasoned("unet_lr", unet, words, source)
    if not unet_only:
        yield Reasoned("text_encoder_lr", text, words, source)


def _short(rate: float) -> float:
    return float(f"{rate:.3g}")


def steps(one: Subject, answers: Answers, batch: int) -> tuple[int, str, str]:
    """(steps of the run, why, source): the guide counts pictures, and a batch of two makes half as many steps."""
    usual = tables.fact("kinds", "steps", "usual")
    wanted, words, lines = (
        one.initial.steps or usual.value,
        f"{one.initial.steps or usual.value} for a {one.kind}",
        one.initial.line,
    )
    if one.initial.steps is None:
        lines = usual.line
    if one.reg:
        twice = tables.fact("kinds", "steps", "with_reg")
        wanted = max(wanted, usual.value * twice.value)
        words, lines = f"{wanted} with regularization pictures, which are seen as often", f"{lines}, {twice.line}"
    if one.is_hard or one.known is False:
        unknown = tables.fact("kinds", "steps", "unknown")
        wanted = max(wanted, unknown.value)
        words, lines = f"{words}, at least {unknown.value} for what the base doesn't know", f"{lines}, {unknown.line}"
    elif one.known:
        least = tables.fact("kinds", "steps", "least")
        enough = least.value * tables.fact("kinds", "steps", "with_reg").value if one.reg else least.value
        wanted = min(wanted, enough)
        words, lines = f"{enough}, because the base knows the subject", f"{least.line}, 290-291"
    if one.use.steps != 1:
        wanted, words = round(wanted * one.use.steps), f"{words}, × {one.use.steps:g} for {one.use.code}"
        lines = f"{lines}, {one.use.line}"
    if answers.network not in (None, "lora", "locon"):
        slow = tables.fact("kinds", "steps", "lycoris")
        wanted, words, lines = wanted * slow.value, f"{words}, twice for LyCORIS", f"{lines}, {slow.line}"
    if batch > 1:
        words, lines = f"{words}; ÷ {batch} a batch", f"{lines}, 915"
    return math.ceil(wanted / batch), words, guide(lines)


def length(facts: DatasetFacts, one: Subject, answers: Answers, batch: int) -> Iterator[Reasoned]:
    """The epochs that the steps take where every batch is full."""
    number, words, source = steps(one, answers, batch)
    seen = facts.seen * (2 if one.reg else 1)
    yield Reasoned("max_train_epochs", max(1, math.ceil(number * batch / max(seen, 1))), f"{words}.", source)


def memory(row: MemoryRow, answers: Answers) -> Iterator[Reasoned]:
    """What the GPU's memory allows, and what saves it without harm."""
    words = row.about if answers.vram_gb is not None else f"As is assumed: {row.about}"
    for name, value in row.settings.items():
        yield Reasoned(name, value, words, guide(row.line))
    yield Reasoned("cache_latents", True, "Pictures are encoded once, not at every step.", guide("1238"))
    yield Reasoned("sdpa", True, "PyTorch's own attention, which needs the least memory.", guide("1230"))


def saving() -> Iterator[Reasoned]:
    yield Reasoned("save_every_n_epochs", 1, "A snapshot an epoch shows where it was best.", guide("337, 1067"))
    yield Reasoned("save_model_as", "safetensors", "What webui reads.", guide("1232"))
    yield Reasoned("seed", _SEED, "A fixed seed makes runs comparable.", guide("1016-1024, 1234"))
    gamma = {one.setting: one for one in tables.damping()}["min_snr_gamma"]
    yield Reasoned("min_snr_gamma", int(gamma.usual), gamma.about, guide(f"364, {gamma.line}"))
