"""What a run will take: memory, time, disk, and the size of its file. Arithmetic over a plan; no torch, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..files import data_folder
from ..generate.prompts_file import sample_requests
from ..models.families import identify
from ..models.header import ModelHeader
from ..networks.choice import Choice, choose_network
from ..output_counts import kept_states
from ..planning.advice import trained_parts
from ..planning.stages import BucketPlan, StagePlan
from ..problems import Problem, UserError
from ..settings import Settings
from .architecture import architecture_of
from .cards import COMMON, GIBIBYTE, RESERVE, Card, common_cards, found_card
from .disk import Disk, disk_problems, forecast_disk, megabytes
from .lighter import Lighter, lighter
from .memory import Load, Memory, forecast_memory
from .times import NOT_KNOWN, Signature, StepTimes, Time, forecast_time, signature

if TYPE_CHECKING:
    from ..plan import Plan

Buckets = Sequence[BucketPlan]
SAMPLE_BATCH = 4  # sample pictures of one size that are drawn at once (generate/during_training.py)

_FOR_A_PROCESSOR = GIBIBYTE  # a run that takes more is of a full-size model
_USUAL_WIDTH = 320  # of the first level of every full-size UNet
_CHUNK = 75  # tokens that a text encoder takes at once
_CHOOSE = ("network_dim", "network_train_unet_only")  # of what `lighter` changes, what makes another network


@dataclass(frozen=True)
class Forecast:
    """What a run will take. None where it can't be said: without a base model, or without pictures.

    card: the GPU found here; lighter: what to change where the run doesn't fit it; lora_bytes: the finished file's, exact.
    """

    lora_bytes: int | None = None
    memory: Memory | None = None
    card: Card | None = None
    lighter: tuple[Lighter, ...] = ()
    time: Time = NOT_KNOWN
    disk: Disk | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "memory": self._memory() if self.memory else None,
            "seconds": self.time.seconds,
            "seconds_known": self.time.known,
            "seconds_words": self.time.words,
            "lora_bytes": self.lora_bytes,
            "disk_bytes": self.disk.total if self.disk else None,
            "disk": self.disk.as_dict() if self.disk else None,
        }

    def _memory(self) -> dict[str, Any]:
        memory, card = self.memory, self.card
        assert memory is not None
        return {
            **memory.as_dict(),
            "reserve": RESERVE,
            "card": {"name": card.name, "bytes": card.memory, "fits": card.fits(memory.peak)} if card else None,
            "cards": [{"gb": size, "fits": one.fits(memory.peak)} for size, one in zip(COMMON, common_cards(), strict=True)],
            "lighter": [{"settings": one.settings, "cost": one.cost, "bytes": one.peak} for one in self.lighter],
        }

    def lines(self, steps: int) -> list[str]:
        """The forecast for people, for the plan's page in the terminal."""
        if self.memory is None:
            return []
        rows = [("memory", self._memory_words(self.memory)), ("time", self._time_words(steps))]
        if self.disk is not None:
            rows.append(("disk", self._disk_words(self.disk)))
        return ["Forecast", *(f"  {name:<6}  {words}" for name, words in rows)]

    def _memory_words(self, memory: Memory) -> str:
        parts = ", ".join(f"{name} {size / GIBIBYTE:.2f}" for name, size in memory.parts.items() if size >= 5e6)
        words = f"about {gibibytes(memory.peak)} of tensors on a GPU"
        if memory.peak == memory.training:
            words += f" ({parts})"
        else:
            words += f" while pictures are {'encoded' if memory.peak == memory.encoding else 'drawn'}; in training "
            words += f"{gibibytes(memory.training)} ({parts})"
        if self.card:
            fits = "fits" if self.card.fits(memory.peak) else "does not fit"
            return f"{words}; {fits} {self.card.name} ({gibibytes(self.card.memory)})"
        fitting = [one.name for one in common_cards() if one.fits(memory.peak)]
        return f"{words}; fits a GPU of {fitting[0]} and more" if fitting else f"{words}; fits no GPU up to {COMMON[-1]} GB"

    def _time_words(self, steps: int) -> str:
        if self.time.seconds is None:
            return self.time.words
        return f"about {duration(self.time.seconds)} for {steps:,} steps, {self.time.words}"

    def _disk_words(self, disk: Disk) -> str:
        parts = {"LoRA files": disk.loras, "states": disk.states, "encoded pictures and captions": disk.caches}
        return f"{megabytes(disk.total)}: " + ", ".join(f"{megabytes(size)} of {name}" for name, size in parts.items() if size)


def gibibytes(size: int) -> str:
    """As cards are sold: a "8 GB" card has 8 GiB."""
    return f"{size / GIBIBYTE:.2f} GiB"


def duration(seconds: float) -> str:
    """ "18 min", "2 h 5 min", "40 s"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def make_forecast(plan: Plan, network: Choice | None, lora_bytes: int | None) -> Forecast:
    """The forecast of a plan whose problems aren't told yet."""
    settings, header = plan.settings, plan.header
    card = found_card()
    stages = [(one, one.buckets) for one in plan.stages if one.training_set.items]
    architecture = architecture_of(header, settings.clip_skip) if header else None
    if header is None or network is None or lora_bytes is None or architecture is None or not stages:
        return Forecast(lora_bytes, card=card)

    def ask(others: Settings, own: Load) -> Memory:
        same = all(getattr(others, name) == getattr(settings, name) for name in _CHOOSE)
        return forecast_memory(
            architecture, others, network if same else choose_network(others, header), trained_parts(others), own
        )

    asked = [(one.settings, load_of(plan, one, buckets)) for one, buckets in stages]
    memory, heaviest = max(((ask(*one), one) for one in asked), key=lambda pair: pair[0].peak)
    smaller: tuple[Lighter, ...] = ()
    if card and not card.fits(memory.peak):
        smaller = lighter(*heaviest, memory.peak, card.fits, ask)
    learning = [one for one in network.placed if any(one.target.part in trained_parts(own) for own, _ in asked)]
    counts = plan.files, kept_states(settings, plan.steps, plan.epochs)
    sets = [one.training_set for one, _ in stages]
    disk = forecast_disk(settings, architecture, network.placed, learning, sets, lora_bytes, counts)
    lengths = [(signature_of(plan, one, buckets), one.stretch.steps) for one, buckets in stages]
    time = forecast_time(lengths, data_folder(settings.data_dir), card.name if card else None)
    return Forecast(lora_bytes, memory, card, smaller, time, disk)


def forecast_problems(settings: Settings, forecast: Forecast, can_write: bool) -> list[Problem]:
    """What the machine is too small for. can_write: whether the output folder has no problem of its own."""
    found = _memory_problems(forecast)
    if can_write and forecast.disk is not None and forecast.lora_bytes is not None:
        found += disk_problems(settings, forecast.disk, forecast.lora_bytes)
    return found


def _memory_problems(forecast: Forecast) -> list[Problem]:
    memory, card = forecast.memory, forecast.card
    if memory is not None and card is None and memory.peak > _FOR_A_PROCESSOR:
        message = "No GPU was found: on the processor alone a base model of this size trains very slowly."
        return [Problem("warning", "no-gpu", message, "Install the GPU's driver and look at `python install.py doctor`.")]
    if memory is None or card is None or card.fits(memory.peak):
        return []
    message = (
        f"The run's tensors will take about {gibibytes(memory.peak)} of GPU memory, with {gibibytes(RESERVE)} for CUDA itself "
        f"more than the {gibibytes(card.memory)} of {card.name}."
    )
    shown = "; ".join(", ".join(f"{name} {_shown(value)}" for name, value in one.settings.items()) for one in forecast.lighter)
    if not forecast.lighter:
        fix = "Nothing in the settings makes it small enough: train a smaller base model."
    elif card.fits(forecast.lighter[-1].peak):
        fix = f"Set {shown}: that takes about {gibibytes(forecast.lighter[-1].peak)}."
    else:
        fix = f"Set {shown}; even so it takes about {gibibytes(forecast.lighter[-1].peak)}."
    return [Problem("warning", "memory-above-card", message, fix)]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "on" if value is True else str(value)


def load_of(plan: Plan, stage: StagePlan, buckets: Buckets) -> Load:
    """A stage's heaviest batch: most pixels at once, and the most tokens that a caption may take."""
    processes = stage.training_set.processes

    def weight(bucket: BucketPlan) -> int:
        return _pictures(bucket, processes) * bucket.width * bucket.height

    heaviest = max(buckets, key=weight)
    pictures = _pictures(heaviest, processes)
    pieces = -(-(stage.settings.max_token_length or _CHUNK) // _CHUNK)
    longest = plan.tokens.longest if plan.tokens else _CHUNK
    filled = min(pieces, max(1, -(-longest // _CHUNK)))
    chunks = pictures * filled + (1 if filled < pieces else 0)  # empty ones are all the same
    return Load(pictures, heaviest.height, heaviest.width, pieces * _CHUNK + 2, chunks, _drawn(plan.settings))


def _drawn(settings: Settings) -> int:
    """Pixels of the sample pictures that are drawn at once; 0 without any, or where their file is wrong (told elsewhere)."""
    if not settings.sample_prompts:
        return 0
    try:
        sizes = [one.width * one.height for one in sample_requests(settings).requests]
    except (UserError, OSError):
        return 0
    return max((size * min(SAMPLE_BATCH, sizes.count(size)) for size in sizes), default=0)


def _pictures(bucket: BucketPlan, processes: int) -> int:
    return max(1, min(bucket.count, bucket.batch_size) // processes)


def _narrow(header: ModelHeader) -> str:
    """What tells the toy world's model, whose steps are a hundred times faster, from those of its family: the UNet's width."""
    first = header.tensors.get("model.diffusion_model.input_blocks.0.0.weight")
    return "" if first is None or first.shape[0] == _USUAL_WIDTH else f" {first.shape[0]} wide"


def signature_of(plan: Plan, stage: StagePlan, buckets: Buckets) -> Signature:
    """What the time of a stage's steps depends on."""
    batches = sum(bucket.batches for bucket in buckets)
    pixels = sum(bucket.width * bucket.height * bucket.batches for bucket in buckets) / max(1, batches)
    pictures = max((dataset.batch_size for dataset in stage.training_set.datasets), default=1)
    family = identify(plan.header) + _narrow(plan.header) if plan.header else "unknown"
    return signature(stage.settings, family, pixels, pictures, trained_parts(stage.settings))


def step_times(plan: Plan, device: str, kept: bool) -> StepTimes:
    """What measures a run's steps; `device`: the GPU's name or "cpu"; kept: whether this process writes."""
    what = {stage.number: signature_of(plan, stage, stage.buckets) for stage in plan.stages}
    return StepTimes(what, device, data_folder(plan.settings.data_dir), kept)
