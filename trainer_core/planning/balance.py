"""Whether subjects, and subject and class, are seen as often as each other."""

from __future__ import annotations

from functools import reduce
from math import gcd
from pathlib import Path

from ..dataset.items import Item, Subset, TrainingSet
from ..dataset.scan_report import count_of
from ..problems import Problem
from ..settings import Settings

MOST = 1.5  # times as often as another subject
_SEEN_OFTEN = 4  # times an epoch for each regularization picture


def balance_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    return [*_unbalanced(settings, training_set), *_reg_problems(training_set)]


def seen_by_subject(training_set: TrainingSet) -> dict[str, int]:
    """{subject: pictures seen in an epoch}; folders of one name are one subject, whatever their repeats."""
    seen: dict[str, int] = {}
    for item in training_set.items:
        if not item.subset.is_reg:
            name = subject_of(item.subset)
            seen[name] = seen.get(name, 0) + item.copies
    return seen


def subject_of(subset: Subset) -> str:
    return subset.class_tokens or subset.name


def equal_repeats(training_set: TrainingSet) -> dict[Path, int]:
    """{folder: repeats} with which all subjects are seen about as often as each other; the fewest that do."""
    seen = seen_by_subject(training_set)
    most = max(seen.values(), default=0)
    trained = [subset for subset in training_set.subsets if not subset.is_reg and seen.get(subject_of(subset))]
    repeats = {one.folder: max(1, round(one.repeats * most / seen[subject_of(one)])) for one in trained}
    whole = reduce(gcd, repeats.values(), 0) or 1
    return {folder: number // whole for folder, number in repeats.items()}


def _unbalanced(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    """The guide (l. 520): the subject that is seen more comes out where another was meant."""
    seen = seen_by_subject(training_set)
    if len(seen) < 2 or settings.subject_kind == "style" or max(seen.values()) <= MOST * min(seen.values()):
        return []
    most, least = max(seen, key=lambda one: seen[one]), min(seen, key=lambda one: seen[one])
    message = (
        f"“{most}” is seen {seen[most]} times an epoch and “{least}” {seen[least]} times: "
        "the one that is seen more may come out in place of the other."
    )
    wanted = ", ".join(f"{folder.name} × {number}" for folder, number in equal_repeats(training_set).items())
    return [Problem("warning", "unbalanced", message, f"Make the repeats equal them out: {wanted}.")]


def _reg_problems(training_set: TrainingSet) -> list[Problem]:
    folders = [subset for subset in training_set.subsets if subset.is_reg]
    if not folders:
        return []
    reg = [item for item in training_set.items if item.subset.is_reg]
    if not reg:
        message = (
            f"There are no regularization pictures in {', '.join(str(one.folder) for one in folders)}: the run goes without."
        )
        return [Problem("note", "reg-empty", message)]
    return [*_reg_repeats(folders, reg), *_reg_few(reg, len(training_set.items) - len(reg))]


def _reg_repeats(folders: list[Subset], reg: list[Item]) -> list[Problem]:
    """The guide (l. 917) adds them to the steps with their own repeats, which no trainer does."""
    if all(one.repeats == 1 for one in folders):
        return []
    seen = sum(item.copies for item in reg)
    message = (
        f"Regularization pictures are seen as often as the training pictures, {seen} times an epoch all together: "
        f"the repeats of {', '.join(one.name for one in folders)} only share that out among them."
    )
    return [Problem("note", "reg-repeats", message)]


def _reg_few(reg: list[Item], trained: int) -> list[Problem]:
    """One for each training picture, as `reg` makes them, is enough: each is seen as often as that one."""
    seen = sum(item.copies for item in reg)
    if seen < _SEEN_OFTEN * len(reg) or len(reg) >= trained:
        return []
    message = f"{count_of(reg, 'regularization picture')} seen {seen} times an epoch: the class will look like them."
    fix = f"As many as the training pictures with their repeats, {seen}, is usual: draw more with `python -m trainer_core reg`."
    return [Problem("note", "reg-few", message, fix)]
