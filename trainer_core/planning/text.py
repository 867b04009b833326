"""The plan as a page for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..optimizer_table import sets_own_rate
from ..settings.network_kinds import kind_of
from .files import megabytes

if TYPE_CHECKING:
    from ..plan import Plan
    from ..problems import Problem
    from .stages import StagePlan

_SHOWN_TAGS, _SHOWN_FILES = 30, 40
_RATES = (("UNet", "unet_lr"), ("text encoder", "text_encoder_lr"), ("second text encoder", "text_encoder_2_lr"))


def plan_text(plan: Plan) -> str:
    """All of the plan, the problems last, where the eye is."""
    blocks = [
        *(block for stage in _with_own_pictures(plan) for block in _picture_blocks(stage)),
        ["Steps", *_step_lines(plan)],
        _settings_lines(plan),
        plan.forecast.lines(plan.steps),
        _caption_lines(plan),
        _ignored_lines(plan),
        _problem_lines(plan),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _step_lines(plan: Plan) -> list[str]:
    """How the number of steps comes about: in one line where there is one stage, else with a table of the stages."""
    first, *later = plan.stages
    if not later:
        of = f" × {plan.epochs} epochs = {plan.steps} steps" if first.settings.max_train_epochs else ""
        return [f"  {epoch_formula(first)}{of or f'; {plan.steps} steps in {plan.epochs} epochs'}"]
    lines = []
    for stage in plan.stages:
        formula = epoch_formula(stage)
        if formula not in lines:
            lines.append(formula)
    rows = [["stage", "steps", "epochs", "optimizer and schedule", "learning rates"], *map(_stage_row, plan.stages)]
    total = f"{plan.steps} steps in {plan.epochs} epochs of {len(plan.stages)} stages"
    return [*(f"  {line}" for line in (*lines, total)), "", "Stages", *(f"  {line}" for line in table(rows))]


def _stage_row(stage: StagePlan) -> list[str]:
    stretch = stage.stretch
    return [
        str(stage.number),
        f"{stretch.first_step + 1}–{stretch.end}",
        f"{stretch.first_epoch + 1}–{stretch.first_epoch + stretch.epochs}",
        _schedule_words(stage),
        _rate_words(stage),
    ]


def epoch_formula(stage: StagePlan) -> str:
    """How many steps an epoch of the stage has, and why."""
    training, reg = stage.seen_per_epoch(is_reg=False), stage.seen_per_epoch(is_reg=True)
    repeats = {subset.repeats for subset in stage.training_set.subsets if not subset.is_reg}
    repeated = f"× {repeats.pop()} repeats" if len(repeats) == 1 else "with repeats"
    words = f"{stage.images} pictures {repeated} = {training}"
    if reg:
        words += f", + {reg} regularization = {training + reg}"
    sizes = sorted({dataset.batch_size for dataset in stage.training_set.datasets})
    words += f" an epoch → {stage.batches_per_epoch} batches of {' or '.join(map(str, sizes))}"
    if stage.training_set.processes > 1:
        words += f" × {stage.training_set.processes} processes"
    if any(bucket.count % bucket.batch_size for bucket in stage.buckets):
        words += " (each size rounded up)"
    accumulation = stage.settings.gradient_accumulation_steps
    if accumulation > 1:
        words += f" ÷ {accumulation} accumulated"
    return f"{words} → {stage.stretch.steps_per_epoch} steps an epoch"


def _with_own_pictures(plan: Plan) -> list[StagePlan]:
    """The first stage, and those that have other pictures than all before."""
    first: dict[int, StagePlan] = {}
    for stage in plan.stages:
        first.setdefault(id(stage.training_set), stage)
    return list(first.values())


def _picture_blocks(stage: StagePlan) -> list[list[str]]:
    where = f" of stage {stage.number}" if stage.number > 1 else ""
    return [_block(f"Pictures{where}", _subset_rows(stage)), _block(f"Sizes{where}", _bucket_rows(stage))]


def _subset_rows(stage: StagePlan) -> list[list[str]]:
    rows = [["folder", "", "pictures", "repeats", "an epoch", "caption of those without"]]
    for row in stage.subsets:
        kind = "regularization" if row.is_reg else "subject"
        repeats = f"×{row.repeats}" if not row.is_reg else "matched"
        rows.append([row.name, kind, str(row.images), repeats, str(row.copies), row.class_tokens or "(none)"])
    return rows


def _bucket_rows(stage: StagePlan) -> list[list[str]]:
    rows = [["size", "pictures", "an epoch", "batches", "cut off", "enlarged up to"]]
    for bucket in stage.buckets:
        counts = [str(bucket.images), str(bucket.count), str(bucket.batches)]
        rows.append([f"{bucket.width}×{bucket.height}", *counts, f"{bucket.cut_off:.0%}", f"×{bucket.enlarged:.2g}"])
    return rows


def _settings_lines(plan: Plan) -> list[str]:
    settings, lines = plan.settings, ["Training", *([f"  {plan.base}"] if plan.base else [])]
    if len(plan.stages) == 1:
        schedule, rates = _schedule_words(plan.stages[0]), _rate_words(plan.stages[0])
        lines.append(f"  {schedule}{'; learning rates: ' if rates else ''}{rates}")
    lines.append(f"  {_network_words(plan)}")
    if plan.file_size_bytes is not None:
        precision = settings.save_precision or "float"
        lines.append(
            f"  {plan.output_name}.safetensors: {megabytes(plan.file_size_bytes)} in {precision}, {plan.files} × saved"
        )
    return lines


def _schedule_words(stage: StagePlan) -> str:
    """The optimizer, and its schedule where it takes one."""
    if sets_own_rate(stage.settings):
        return f"{stage.settings.optimizer_type} sets its own learning rate"
    return f"{stage.settings.optimizer_type}, {stage.schedule() or 'no schedule'}"


def _rate_words(stage: StagePlan) -> str:
    """The rates by part; empty where the optimizer sets its own."""
    if sets_own_rate(stage.settings):
        return ""
    rates = stage.learning_rates
    return ", ".join(
        f"{title} {rates[name]:g}" if rates[name] else f"{title} not trained" for title, name in _RATES if name in rates
    )


def _network_words(plan: Plan) -> str:
    """Kind, rank, alpha and blocks of what is trained."""
    settings, options = plan.settings, plan.settings.network_options()
    if settings.dim_from_weights:
        return f"as in {settings.network_weights}"
    kind = kind_of(settings.network_module, options["algo"])
    words = [kind.title]
    whole = bool(options["full_matrix"])
    if whole:
        words.append("whole factors, without a rank")
    if kind.has_rank and not whole:
        words.append(f"rank {settings.network_dim}")
    if kind.has_alpha and not whole:
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
            cells.append(gap + text if sample.strip("×%").replace(".", "").isdecimal() else text + gap)
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
