"""The plan as a page for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..optimizer_table import sets_own_rate, sets_own_schedule
from ..settings.network_kinds import kind_of
from .files import megabytes

if TYPE_CHECKING:
    from ..plan import Plan
    from ..problems import Problem

_SHOWN_TAGS, _SHOWN_FILES = 30, 40
_RATES = (("UNet", "unet_lr"), ("text encoder", "text_encoder_lr"), ("second text encoder", "text_encoder_2_lr"))


def plan_text(plan: Plan) -> str:
    """All of the plan, the problems last, where the eye is."""
    blocks = [
        _block("Pictures", _subset_rows(plan)),
        _block("Sizes", _bucket_rows(plan)),
        ["Steps", f"  {steps_formula(plan)}"],
        _settings_lines(plan),
        _caption_lines(plan),
        _ignored_lines(plan),
        _problem_lines(plan),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def steps_formula(plan: Plan) -> str:
    """How the number of steps comes about, in one line."""
    training, reg = plan.seen_per_epoch(is_reg=False), plan.seen_per_epoch(is_reg=True)
    repeats = {subset.repeats for subset in plan.training_set.subsets if not subset.is_reg}
    words = f"{plan.images} pictures × {repeats.pop()} repeats" if len(repeats) == 1 else f"{plan.images} pictures with repeats"
    words = f"{words} = {training}"
    if reg:
        words += f", + {reg} regularization = {training + reg}"
    sizes = sorted({dataset.batch_size for dataset in plan.training_set.datasets})
    words += f" an epoch → {plan.batches_per_epoch} batches of {' or '.join(map(str, sizes))}"
    if plan.training_set.processes > 1:
        words += f" × {plan.training_set.processes} processes"
    if any(bucket.count % bucket.batch_size for bucket in plan.buckets):
        words += " (each size rounded up)"
    accumulation = plan.settings.gradient_accumulation_steps
    if accumulation > 1:
        words += f" ÷ {accumulation} accumulated"
    words += f" → {plan.steps_per_epoch} steps an epoch"
    if plan.settings.max_train_epochs:
        return f"{words} × {plan.epochs} epochs = {plan.steps} steps"
    return f"{words}; {plan.steps} steps in {plan.epochs} epochs"


def _subset_rows(plan: Plan) -> list[list[str]]:
    rows = [["folder", "", "pictures", "repeats", "an epoch", "caption of those without"]]
    for row in plan.subsets:
        kind = "regularization" if row.is_reg else "subject"
        repeats = f"×{row.repeats}" if not row.is_reg else "matched"
        rows.append([row.name, kind, str(row.images), repeats, str(row.copies), row.class_tokens or "(none)"])
    return rows


def _bucket_rows(plan: Plan) -> list[list[str]]:
    rows = [["size", "pictures", "an epoch", "batches"]]
    for bucket in plan.buckets:
        rows.append([f"{bucket.width}×{bucket.height}", str(bucket.images), str(bucket.count), str(bucket.batches)])
    return rows


def _settings_lines(plan: Plan) -> list[str]:
    settings, rates = plan.settings, plan.learning_rates
    lines = ["Training", *([f"  {plan.base}"] if plan.base else [])]
    if sets_own_rate(settings):
        lines.append(f"  {settings.optimizer_type} sets its own learning rate")
    else:
        shown = ", ".join(
            f"{title} {rates[name]:g}" if rates[name] else f"{title} not trained" for title, name in _RATES if name in rates
        )
        schedule = "no schedule" if sets_own_schedule(settings) else settings.lr_scheduler_type or settings.lr_scheduler
        lines.append(f"  {settings.optimizer_type}, {schedule}; learning rates: {shown}")
    lines.append(f"  {_network_words(plan)}")
    if plan.file_size_bytes is not None:
        precision = settings.save_precision or "float"
        lines.append(
            f"  {plan.output_name}.safetensors: {megabytes(plan.file_size_bytes)} in {precision}, {plan.files} × saved"
        )
    return lines


def _network_words(plan: Plan) -> str:
    """Kind, rank, alpha and blocks of what is trained."""
    settings, options = plan.settings, plan.settings.network_options()
    if settings.dim_from_weights:
        return f"as in {settings.network_weights}"
    kind = kind_of(settings.network_module, options["algo"])
    words = [kind.title]
    if kind.has_rank:
        words.append(f"rank {settings.network_dim}")
    if kind.has_alpha:
        words.append(f"alpha {settings.network_alpha:g} (acts with ×{settings.network_alpha / (settings.network_dim or 4):g})")
    if options["block_weights"]:
        words.append(f"blocks {options['block_weights']}")
    return ", ".join(words)


def _caption_lines(plan: Plan) -> list[str]:
    if not plan.tags:
        return []
    lines = ["Captions"]
    tags = list(plan.tags.items())
    shown = ", ".join(f"{tag} ({count})" for tag, count in tags[:_SHOWN_TAGS])
    more = f", … and {len(tags) - _SHOWN_TAGS} more" if len(tags) > _SHOWN_TAGS else ""
    lines.append(f"  {len(tags)} tags: {shown}{more}")
    if plan.tokens:
        lines.append(f"  longest caption: {plan.tokens.longest} of {plan.tokens.limit} tokens")
    for long in plan.tokens.too_long[:_SHOWN_FILES] if plan.tokens else ():
        lines.append(f"  {long.path}: {long.tokens} tokens, cut: {', '.join(long.cut)}")
    return lines


def _ignored_lines(plan: Plan) -> list[str]:
    left_out = [*((one.path, one.reason) for one in plan.ignored)]
    if not left_out:
        return []
    lines = [f"Not trained ({len(left_out)})"]
    lines += [f"  {path}: {reason}" for path, reason in left_out[:_SHOWN_FILES]]
    if len(left_out) > _SHOWN_FILES:
        lines.append(f"  … and {len(left_out) - _SHOWN_FILES} more (--json lists all)")
    return lines


def _problem_lines(plan: Plan) -> list[str]:
    return [f"{one.severity}: {one.message} {one.fix}{_fix_words(one)}".rstrip() for one in plan.problems]


def _fix_words(problem: Problem) -> str:
    return f" (--fix {problem.code})" if problem.fixable else ""


def _block(title: str, rows: Sequence[Sequence[str]]) -> list[str]:
    return [title, *(f"  {line}" for line in table(rows))] if len(rows) > 1 else []


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns aligned: numbers to the right, words to the left."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = []
        for text, width, sample in zip(row, widths, rows[-1], strict=True):
            gap = " " * (width - _width(text))
            cells.append(gap + text if sample.lstrip("×").isdecimal() else text + gap)
        lines.append("  ".join(cells).rstrip())
    return lines


def _width(text: str) -> int:
    """Columns that the text takes in a terminal; Chinese and Japanese letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def fixes_text(plan: Plan) -> str:
    """The problems that `--fix` mends, by code; a sentence where there are none."""
    found = [one for one in plan.problems if one.fixable]
    if not found:
        return "Nothing in this plan can be mended by --fix.\n"
    return "\n".join(f"--fix {one.code}\n  {one.severity}: {one.message} {one.fix}".rstrip() for one in found) + "\n"
