"""The plan of a training: what will be trained in how many steps, and what is wrong. It trains nothing and needs no torch.

`plan_command.py` shows it; `train` makes the same plan first and refuses to start on an error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .dataset.caption_text import tags_as_trained
from .dataset.items import Ignored, TrainingSet
from .forecasts.forecast import Forecast, forecast_problems, make_forecast
from .models.families import identify
from .models.header import ModelHeader
from .models.prediction import prediction_of
from .networks.choice import Choice
from .output_counts import kept_files
from .planning.advice import settings_problems, sorted_problems
from .planning.balance import balance_problems
from .planning.base_model import base_words, family_problems
from .planning.base_name import base_name_problems
from .planning.captions import Tokens, caption_problems, count_tags, count_tokens_of
from .planning.files import base_model, output_name, sample_problems, vae_problems
from .planning.fixes import marked
from .planning.folder_levels import folder_problems
from .planning.losses import loss_problems
from .planning.network import planned_network
from .planning.own_pace import pace_problems
from .planning.reg_images import reg_image_problems
from .planning.resume import resume_problems
from .planning.sizes import size_problems
from .planning.stages import BucketPlan, StagePlan, SubsetPlan, later_stage_problems, planned_stages
from .planning.subject import subject_problems
from .planning.text import plan_text
from .problems import Problem, UserError
from .settings import Settings

# Hashes and times are known when the file is written; their length is known before.
_TIME = 1_700_000_000.123456
_UNUSED_REG = "it is a regularization picture beyond what the training pictures need"
_HASHES = ("0" * 8, "0" * 64)


@dataclass(frozen=True)
class Plan:
    """Everything that is known before a run. `steps` and `epochs`: of all stages; pictures and rates: of the first one.

    `images`: training pictures, regularization pictures not counted.
    `base`: the base model's name, family and what it predicts, in words; `header`: what its file holds.
    """

    settings: Settings
    stages: tuple[StagePlan, ...]
    training_set: TrainingSet
    steps: int
    epochs: int
    batches_per_epoch: int
    steps_per_epoch: int
    images: int
    subsets: tuple[SubsetPlan, ...]
    ignored: tuple[Ignored, ...]
    buckets: tuple[BucketPlan, ...]
    learning_rates: dict[str, float]
    file_size_bytes: int | None
    files: int
    output_name: str
    tags: dict[str, int]
    tokens: Tokens | None
    problems: tuple[Problem, ...]
    base: str | None = None
    header: ModelHeader | None = None
    forecast: Forecast = Forecast()

    @property
    def errors(self) -> list[Problem]:
        """What keeps the run from starting."""
        return [one for one in self.problems if one.severity == "error"]

    def as_dict(self) -> dict[str, Any]:
        """The plan for programs, as JSON values."""
        return {
            "steps": self.steps,
            "epochs": self.epochs,
            "stages": [one.as_dict() for one in self.stages],
            "batches_per_epoch": self.batches_per_epoch,
            "images": self.images,
            "subsets": [vars(subset) for subset in self.subsets],
            "ignored": [{"path": str(one.path), "reason": one.reason} for one in self.ignored],
            "buckets": [
                {
                    "width": one.width,
                    "height": one.height,
                    "count": one.count,
                    "cut_off": round(one.cut_off, 4),
                    "enlarged": round(one.enlarged, 4),
                }
                for one in self.buckets
            ],
            "learning_rates": self.learning_rates,
            "file_size_bytes": self.file_size_bytes,
            "forecast": self.forecast.as_dict(),
            "problems": [one.as_dict() for one in self.problems],
        }

    def text(self) -> str:
        """The plan for people, as a page for the terminal."""
        return plan_text(self)


def make_plan(settings: Settings, decode: bool = False) -> Plan:
    """Looks at everything that the run will read and write; never raises for what is wrong, but lists it as a problem.

    decode: every picture is decoded once, as before a training; else its first and last bytes tell what it is.
    """
    stages = planned_stages(settings, decode)
    first, training_set, own = stages[0], stages[0].training_set, stages[0].settings
    steps, epochs = stages[-1].stretch.end, sum(one.stretch.epochs for one in stages)

    header, model_problems = base_model(settings)
    network, network_problems = planned_network(own, header)
    name, output_problems = output_name(settings)
    (tokens, *later_tokens), token_problems = _tokens(settings, stages)
    plan = Plan(
        settings=settings,
        stages=stages,
        training_set=training_set,
        steps=steps,
        epochs=epochs,
        batches_per_epoch=first.batches_per_epoch,
        steps_per_epoch=first.stretch.steps_per_epoch,
        images=first.images,
        subsets=first.subsets,
        ignored=(*training_set.ignored, *(Ignored(path, _UNUSED_REG) for path in training_set.unused_reg)),
        buckets=first.buckets,
        learning_rates=first.learning_rates,
        file_size_bytes=None,
        files=kept_files(settings, steps, epochs),
        output_name=name,
        tags=count_tags(training_set.items),
        tokens=tokens,
        problems=(),
        base=base_words(header, settings) if header else None,
        header=header,
    )
    size = _file_size(plan, header, network)
    forecast = make_forecast(plan, network, size)
    sizes_unknown = any(one.code == "resolution-missing" for one in training_set.problems)
    problems = sorted_problems(
        [
            *model_problems,
            *vae_problems(settings, header),
            *network_problems,
            *training_set.problems,
            *folder_problems(own, training_set),
            *([] if sizes_unknown else size_problems(own, training_set)),
            *balance_problems(own, training_set),
            *(family_problems(own, header, training_set) if header else []),
            *(base_name_problems(own, header, plan.tags, plan.images) if header else []),
            *subject_problems(own, training_set, header, steps),
            *pace_problems(own, steps),
            *reg_image_problems(own, training_set, header is not None),
            *loss_problems(own, training_set, header),
            *resume_problems(settings, [one.stretch for one in stages], header is not None),
            *sample_problems(settings),
            *output_problems,
            *forecast_problems(settings, forecast, can_write=not _blocks(output_problems)),
            *settings_problems(own),
            *token_problems,
            *caption_problems(own, training_set.items, tokens),
            *settings.notices,
        ]
    )
    plan = replace(plan, file_size_bytes=size, forecast=forecast, problems=problems)
    later = later_stage_problems(stages, header, (tokens, *later_tokens), problems)
    return replace(plan, problems=sorted_problems([*marked(plan), *later]))


def _blocks(problems: Sequence[Problem]) -> bool:
    return any(one.severity == "error" for one in problems)


def _tokens(settings: Settings, stages: Sequence[StagePlan]) -> tuple[list[Tokens | None], list[Problem]]:
    """The captions' tokens, by stage; those with the same pictures have the same."""
    counted: dict[int, Tokens | None] = {}
    try:
        for one in stages:
            if id(one.training_set) not in counted:
                counted[id(one.training_set)] = count_tokens_of(one.training_set.items, settings.max_token_length or 75)
    except UserError as error:
        return [None] * len(stages), [Problem("error", "vocabulary-missing", str(error))]
    return [counted[id(one.training_set)] for one in stages], []


def _file_size(plan: Plan, header: ModelHeader | None, network: Choice | None) -> int | None:
    """Bytes of the LoRA file, computed from the shapes of all its tensors and its metadata; None without a base model."""
    from .networks.targets import file_bytes

    if header is None or network is None:
        return None
    shapes = {name: shape for one in network.placed for name, shape in one.file_shapes().items()}
    return file_bytes(shapes, plan.settings.save_precision, _metadata_bytes(plan, header))


def _metadata_bytes(plan: Plan, header: ModelHeader) -> int:
    """Length of the metadata that the run will write, as JSON; numbers that aren't known yet stand in with their length."""
    from .networks.metadata import at_save, parent_of, training_metadata

    if not plan.training_set.subsets:
        return 0
    weights = plan.settings.network_weights
    parent = {"network_weights": weights.name, "network_weights_hash": "0" * 64} if weights else {}
    facts = prediction_of(header, plan.settings.v_parameterization, plan.settings.zero_terminal_snr)
    metadata = training_metadata(
        plan.stages[0].settings,
        plan,
        started_at=_TIME,
        session_id=2**31,
        seed=plan.settings.seed if plan.settings.seed is not None else 2**31,
        output_name=plan.output_name,
        model_hashes=_HASHES,
        vae_hashes=_HASHES if plan.settings.vae else None,
        tags_of=tags_as_trained,
        family=identify(header),
        prediction=facts.prediction,
        zero_terminal=facts.zero_terminal,
        parent=parent_of(parent),
    )
    metadata = at_save(metadata, finished_at=_TIME, epoch=plan.epochs, step=plan.steps)
    metadata |= {"sshs_model_hash": "0" * 64, "sshs_legacy_hash": "0" * 8}
    return len(json.dumps(metadata, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))
