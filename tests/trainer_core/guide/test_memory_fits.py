"""What is advised for a GPU's memory fits it, as the forecast of full-size models reckons."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from lora_workbench.benchmarks.make_checkpoint import checkpoint_shapes
from lora_workbench.trainer_core.forecasts.architecture import architecture_of
from lora_workbench.trainer_core.forecasts.cards import GIBIBYTE, Card
from lora_workbench.trainer_core.forecasts.memory import Load, forecast_memory
from lora_workbench.trainer_core.guide import tables
from lora_workbench.trainer_core.guide.advice import Answers, BaseFacts, DatasetFacts, FolderFacts, advise
from lora_workbench.trainer_core.models.header import ModelHeader
from lora_workbench.trainer_core.models.tensor_info import TensorInfo
from lora_workbench.trainer_core.networks.choice import choose_network
from lora_workbench.trainer_core.planning.advice import trained_parts
from lora_workbench.trainer_core.settings import Settings

SIZES = {"sd": ("sd15", "sd1", 512), "sdxl": ("sdxl", "sdxl", 1024)}


@functools.cache
def header_of(size):
    return ModelHeader(Path("m"), {name: TensorInfo(shape, "F16") for name, shape in checkpoint_shapes(size).items()})


def memory_of(row, answers):
    """The forecast's peak in bytes for what is advised: the largest bucket is as large as the resolution."""
    size, family, side = SIZES[row.family]
    header = header_of(size)
    facts = DatasetFacts((FolderFacts("1_penny", 60, 1, "penny"),), sides=(1600,) * 60, captioned=60)
    advice = advise(facts, answers, BaseFacts(family, resolution=side))
    settings = Settings.of(pretrained_model_name_or_path="m", **advice.settings())
    width, height = settings.resolution
    load = Load(settings.train_batch_size, height, width, 75, 1)
    return forecast_memory(
        architecture_of(header, settings.clip_skip), settings, choose_network(settings, header), trained_parts(settings), load
    ).peak


@pytest.mark.parametrize("row", tables.memory_rows(), ids=lambda row: f"{row.family}-{row.from_gb:g}")
@pytest.mark.parametrize("kind", ["character", "style"])
def test_the_advised_settings_fit_the_card(row, kind):
    least = tables.fact("memory", "least_sdxl" if row.family == "sdxl" else "least").value
    gigabytes = max(row.from_gb, least)
    answers = Answers(kind=kind, difficulty="D" if kind == "character" else None, vram_gb=gigabytes, quality="good")
    peak = memory_of(row, answers)
    assert Card("", int(gigabytes * GIBIBYTE)).fits(peak), f"{peak / GIBIBYTE:.2f} GB and the reserve don't fit {gigabytes}"
