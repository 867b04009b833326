"""A run that is ready for its first step, so that tests can begin it again and again without reading a model each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.planning.stages import StagePlan, planned_stages
from lora_workbench.trainer_core.run import Run, _moving_average, prepare
from lora_workbench.trainer_core.run_model import Pictures
from lora_workbench.trainer_core.settings import Settings
from lora_workbench.trainer_core.stages import make_trainer, train_parts_of

STEPS, SAVED_AT = 3, 2


@dataclass(frozen=True)
class Prepared:
    """A run that is ready, and what its network is before the first step."""

    run: Run
    state: Any
    saver: Any
    events: EventLog
    network: dict[str, torch.Tensor]


class Unmasked:
    """In place of masks where a case has none."""

    def batch(self, *_: Any) -> None:
        return None


def prepared_run(base: Path, folder: Path, **changes: Any) -> Prepared:
    """A run of three steps on two pictures of 64×64 px, with a third that is kept for validation, and masks for all."""
    pictures, masks = folder / "pictures", folder / "masks"
    pictures.mkdir()
    masks.mkdir()
    for number in range(3):
        shade = Image.linear_gradient("L").resize((64, 64)).rotate(90 * number)
        shade.convert("RGB").save(pictures / f"{number}.png")
        shade.save(masks / f"{number}.png")
        (pictures / f"{number}.txt").write_text(f"penny, {number}", encoding="utf-8")
    settings = Settings.of(
        pretrained_model_name_or_path=base,
        train_data_dir=pictures,
        output_dir=folder / "out",
        resolution=64,
        caption_extension=".txt",
        network_dim=2,
        network_alpha=2,
        learning_rate=1e-3,
        max_train_steps=STEPS,
        save_state=True,
        seed=3,
        cache_latents=True,
        data_dir=folder / "data",
        masked_loss=True,
        conditioning_data_dir=masks,
        validation_split=0.34,
        **{"max_validation_steps": 1, "save_every_n_steps": SAVED_AT, **changes},
    )
    plan = make_plan(settings)
    assert not plan.errors
    events = EventLog(folder / "job")
    run, state, saver = prepare(settings, plan, None, "penny", folder / "job", events)
    return Prepared(run, state, saver, events, {name: one.clone() for name, one in run.network.tensors().items()})


def begun(
    prepared: Prepared, out: Path, *, velocity: bool = False, measured: bool = False, number: int = 1, **changes: Any
) -> tuple[Run, Any, Any]:
    """The run as it is before the first step of stage `number`, with changed settings and a folder of its own.

    velocity: as if the model predicted velocity, down to zero SNR. measured: under masks, and with validation.
    """
    old = prepared.run
    settings = old.settings.replaced(output_dir=out, **changes)
    with torch.no_grad():
        old.network.load(prepared.network)
    old.network.train()
    stages: tuple[StagePlan, ...] = (replace(old.stage, settings=settings),)
    if settings.stages:
        stages = tuple(replace(one, training_set=old.stage.training_set) for one in planned_stages(settings))
    trained = train_parts_of(stages[number - 1].settings, old.network)
    optimizer, schedule = make_trainer(stages, number, old.network, old.accelerator)
    kind = (
        {"prediction": "v_prediction", "zero_terminal": True} if velocity else {"prediction": "epsilon", "zero_terminal": False}
    )
    run = replace(
        old,
        settings=stages[number - 1].settings,
        stages=stages,
        stage=stages[number - 1],
        trained=trained,
        model=replace(old.model, **kind),
        optimizer=optimizer,
        schedule=schedule,
        average=_moving_average(stages, old.network),
        plan=replace(old.plan, steps=stages[-1].stretch.end, stages=stages, epochs=sum(one.stretch.epochs for one in stages)),
        pictures=old.pictures if measured else Pictures(old.latents, Unmasked(), None),
    )
    run = replace(run, pictures_by_stage=(run.pictures,) * len(stages))
    state = replace(prepared.state, step=0, first_loss=None, losses=[], saved=[], stretch=run.stage.stretch, stage=number)
    saver = replace(prepared.saver, settings=settings, output_dir=out, steps=run.plan.steps, epochs=run.plan.epochs)
    return run, state, saver
