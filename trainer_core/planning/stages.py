"""The stages of a run as they are planned: which pictures, rates and schedule each has, and its place on the run's axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...tagger.shares import share
from ..axis import Stretch
from ..dataset.batches import batches_per_epoch, bucket_items, pictures_of_a_batch
from ..dataset.items import TrainingSet
from ..dataset.scan import scan
from ..models.header import ModelHeader
from ..optimizer_table import WITHOUT_WARM_UP, sets_own_rate, sets_own_schedule
from ..problems import Problem
from ..settings import Settings
from ..settings.stages import PICTURES
from .advice import resolved_rates, settings_problems
from .balance import balance_problems
from .base_model import family_problems
from .captions import Tokens, caption_problems
from .folder_levels import folder_problems
from .losses import loss_problems
from .reg_images import reg_image_problems
from .sizes import crop_loss, enlargement, size_problems


@dataclass(frozen=True)
class SubsetPlan:
    """A folder: its pictures that are trained, and how often they are seen in an epoch, all together (`copies`)."""

    name: str
    folder: str
    images: int
    repeats: int
    copies: int
    is_reg: bool
    class_tokens: str | None


@dataclass(frozen=True)
class BucketPlan:
    """A size: its pictures, the same with repeats (`count`), and the batches that they make in an epoch.

    cut_off: the share of a picture's area that the crop takes away, on average. enlarged: the most that one is enlarged.
    """

    width: int
    height: int
    images: int
    count: int
    batch_size: int
    cut_off: float
    enlarged: float

    @property
    def batches(self) -> int:
        return -(-self.count // self.batch_size)


@dataclass(frozen=True)
class StagePlan:
    """A stage, `number` counted from 1. `settings`: the run's with its own; stages with the same pictures share a set."""

    number: int
    settings: Settings
    training_set: TrainingSet
    stretch: Stretch
    batches_per_epoch: int

    @property
    def learning_rates(self) -> dict[str, float]:
        return resolved_rates(self.settings)

    @property
    def images(self) -> int:
        """Training pictures, regularization pictures not counted."""
        return sum(not item.subset.is_reg for item in self.training_set.items)

    @property
    def subsets(self) -> tuple[SubsetPlan, ...]:
        return tuple(_subset_plans(self.training_set))

    @property
    def buckets(self) -> tuple[BucketPlan, ...]:
        return tuple(
            BucketPlan(
                width,
                height,
                len(items),
                sum(item.copies for item in items),
                pictures_of_a_batch(self.training_set, dataset),
                sum(map(crop_loss, items)) / len(items),
                max(map(enlargement, items)),
            )
            for (dataset, (width, height)), items in sorted(bucket_items(self.training_set).items())
        )

    def seen_per_epoch(self, is_reg: bool) -> int:
        """How many pictures an epoch shows, repeats counted."""
        return sum(item.copies for item in self.training_set.items if item.subset.is_reg == is_reg)

    def schedule(self) -> str:
        """The schedule's name, with its warm-up; empty where the optimizer has none or its own."""
        if sets_own_schedule(self.settings):
            return ""
        name, warmup = self.settings.lr_scheduler_type or self.settings.lr_scheduler, self.settings.lr_warmup_steps
        if not warmup or self.settings.lr_scheduler_type or name in WITHOUT_WARM_UP:
            return name
        return f"{name}, {warmup:.0%} warm-up" if warmup < 1 else f"{name}, {warmup} steps warm-up"

    def as_dict(self) -> dict[str, Any]:
        """The stage for programs, as JSON values."""
        stretch = self.stretch
        return {
            "number": self.number,
            "first_step": stretch.first_step,
            "steps": stretch.steps,
            "first_epoch": stretch.first_epoch,
            "epochs": stretch.epochs,
            "steps_per_epoch": stretch.steps_per_epoch,
            "images": self.images,
            "optimizer": self.settings.optimizer_type,
            "schedule": self.schedule(),
            "learning_rates": {} if sets_own_rate(self.settings) else self.learning_rates,
        }


def planned_stages(settings: Settings, decode: bool = False) -> tuple[StagePlan, ...]:
    """The run's stages in their order, each scanned unless an earlier one has the same pictures; `decode`: as in `scan`."""
    made: list[StagePlan] = []
    for number, own in enumerate(settings.stage_settings(), 1):
        like = next((one for one in made if _same_pictures(one.settings, own)), None)
        pictures = like.training_set if like else replace(scan(own, decode), processes=settings.num_processes or share()[1])
        batches = batches_per_epoch(pictures)
        per_epoch = -(-batches // own.gradient_accumulation_steps)
        before = made[-1].stretch if made else Stretch(0, per_epoch)
        steps = own.max_train_epochs * per_epoch if own.max_train_epochs else own.max_train_steps if per_epoch else 0
        stretch = Stretch(steps, per_epoch, before.end, before.first_epoch + before.epochs)
        made.append(StagePlan(number, own, pictures, stretch, batches))
    return tuple(made)


def _same_pictures(one: Settings, other: Settings) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in PICTURES)


def later_stage_problems(
    stages: Sequence[StagePlan], header: ModelHeader | None, tokens: Sequence[Tokens | None], known: Sequence[Problem]
) -> list[Problem]:
    """What is wrong or worth knowing in the stages after the first, and isn't known of the run already.

    tokens: those of each stage's captions; known: what is told of the run.
    """
    found: list[Problem] = []
    for stage, counted in zip(stages[1:], tokens[1:], strict=True):
        own, pictures = stage.settings, stage.training_set
        unsized = any(one.code == "resolution-missing" for one in pictures.problems)
        told = [
            *pictures.problems,
            *folder_problems(own, pictures),
            *([] if unsized else size_problems(own, pictures)),
            *balance_problems(own, pictures),
            *(family_problems(own, header, pictures) if header else []),
            *reg_image_problems(own, pictures, header is not None),
            *loss_problems(own, pictures, header),
            *settings_problems(own),
            *caption_problems(own, pictures.items, counted),
        ]
        found += [replace(one, message=f"Stage {stage.number}: {one.message}") for one in told if one not in known]
    return found


def _subset_plans(training_set: TrainingSet) -> list[SubsetPlan]:
    plans = []
    for subset in training_set.subsets:
        copies = [item.copies for item in training_set.items if item.subset.index == subset.index]
        plans.append(
            SubsetPlan(
                subset.name,
                str(subset.folder),
                len(copies),
                subset.repeats,
                sum(copies),
                subset.is_reg,
                subset.class_tokens,
            )
        )
    return plans
