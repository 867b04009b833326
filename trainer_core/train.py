"""Trains a LoRA: plan, load, cache, loop, save. Read it from top to bottom.

    python -m trainer_core train --config_file run.toml
    python -m trainer_core train --pretrained_model_name_or_path base.safetensors --train_data_dir pictures \
        --resolution 512 --output_dir out --preset new_project
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .between_steps import carry_out_requests, draw_samples, samples_due, samples_there, warn_of_full_gpu
from .claimed_names import claim_name
from .dataset.batches import Batch, epoch_batches, share_of
from .endings import StopSignal, endings_told, stop_signals
from .events import JOB, EventLog, Unheard, hold_job, new_job_folder
from .files import data_folder, read_json, write_json
from .forecasts.forecast import step_times
from .plan import Plan, make_plan
from .problems import UserError, WordsError
from .processes import ALONE, Processes, processes, require_processes
from .publish import publish_job
from .randomness import integer_seed
from .requests import clear
from .resuming import resumed_state
from .run import Run, prepare
from .settings import Settings, read_settings
from .settings.toml_files import config_path, write_config
from .validation import validate, validation_due


def main(argv: Sequence[str]) -> int:
    """`python -m trainer_core train`; the exit status."""
    settings = read_settings(list(argv), "train")
    if settings.output_config:
        if settings.config_file is None:
            raise WordsError("output_config needs config_file, the file to write the settings to.")
        path = config_path(settings.config_file)
        write_config(path, {name: value for name, value in settings.as_dict().items() if name != "output_config"})
        print(f"The settings are in {path}.")
        return 0
    train(settings)
    return 0


def train(settings: Settings) -> Path:
    """Plans and trains in a job folder of its own; returns the finished LoRA. Raises UserError with one sentence.

    Under torchrun or accelerate all processes come here, and train together.
    """
    with processes(settings.ddp_timeout) as those, those.one_voice():
        require_processes(settings.num_processes, those.world)
        plan = checked_plan(settings)
        with _own_job(settings, those) as events:
            return train_in(events.folder, events, settings, plan, those=those)


@contextmanager
def _own_job(settings: Settings, those: Processes) -> Iterator[EventLog]:
    """The run's job folder, held, as its events; the first process alone writes there."""
    folder = those.of_first(lambda: settings.job_dir or new_job_folder(data_folder(settings.data_dir) / "jobs", "train"))
    if not those.is_first:
        yield Unheard(folder)
        return
    lock = hold_job(folder)
    events = EventLog(folder)
    try:
        there = read_json(folder / JOB) if (folder / JOB).is_file() else {}
        write_json(folder / JOB, {**there, "kind": "train", "settings": settings.as_dict(only_given=True)})
        with endings_told(folder, events):
            yield events
    finally:
        events.close()
        lock.release()


def checked_plan(settings: Settings) -> Plan:
    """The plan, printed; UserError where something in it keeps the run from starting."""
    plan = make_plan(settings, decode=True)
    print(plan.text(), flush=True)
    if plan.errors:
        raise UserError(
            "The plan has errors, nothing was trained: " + " ".join(f"{one.message} {one.fix}".strip() for one in plan.errors)
        )
    return plan


def train_in(
    folder: Path,
    events: EventLog,
    settings: Settings,
    plan: Plan,
    publication: Mapping[str, Any] | None = None,
    those: Processes = ALONE,
) -> Path:
    """Trains in a job's folder whose lock is held; returns the finished LoRA.

    `publication`: where a copy of it goes, as in `publish.publish_job`; `those`: the processes that train together. Raises
    Stopped where the run is asked to stop.
    """
    from .machine import fit_to_machine
    from .state import clear_leftovers, load_state

    require_processes(settings.num_processes, those.world)
    settings, replaced = fit_to_machine(settings)
    for notice in replaced:
        _tell(events, notice.code, notice.message)
    lengths = [stage.stretch for stage in plan.stages]
    resumed = resumed_state(settings, lengths, load_state, lambda sentence: _tell(events, "state-passed-over", sentence))
    claimed = claim_name(settings, resumed) if those.is_first else None
    if claimed:
        clear_leftovers(Path(settings.output_dir).expanduser(), claimed.name)
    try:
        name, anew = those.of_first(lambda: (claimed.name, claimed.anew))
        if anew:
            resumed.state.move(name)
        run, state, saver = prepare(settings, plan, resumed, name, folder, events, those)
        of_axis = {"steps": plan.steps, "step": state.step, "epochs": plan.epochs, "stages": len(plan.stages)}
        events.write("start", **of_axis, stage=state.stage, output_name=name, seed=run.seed, job=str(folder))
        path = _loop(run, state, saver, events)
    finally:
        if claimed:
            clear(folder)
            claimed.lock.release(remove=True)
    published = publish_job(path, folder, events, publication, run.model.facts.webui) if publication else None
    events.write(
        "done",
        path=str(path),
        steps=state.step,
        loss_first=state.first_loss,
        loss_last=state.losses[-1],
        published=str(published) if published else None,
    )
    print(f"Done: {published or path}", flush=True)
    return path


def _tell(events: EventLog, code: str, message: str) -> None:
    print(f"note: {message}", flush=True)
    events.write("warning", code=code, message=message)


def _loop(run: Run, state: Any, saver: Any, events: EventLog) -> Path:
    from .machine import device_name, memory_in_use
    from .optimizers import shown_rates
    from .progress import Progress
    from .stages import next_stage

    plan, those = run.plan, run.processes
    times = step_times(plan, device_name(), those.is_first)
    batches: list[Batch] = []
    began_at = state.step
    with Progress(run.settings, events, state.step, plan.steps, those.is_first) as progress, stop_signals() as stop:
        if state.step:
            _catch_up(run, state, saver, events, progress, stop)
        else:
            _look_first(run, state, events, progress, stop)
        while state.step < plan.steps:
            if state.step == run.stage.stretch.end:
                run = next_stage(run, state)
                progress.stage(run.stage.number, len(plan.stages), state.step)
            begun = time.monotonic()
            epoch, group = run.stage.stretch.place(state.step)
            if group == 0 or not batches:
                batches = epoch_batches(run.stage.training_set, run.seed, epoch)
            first = group * run.settings.gradient_accumulation_steps
            taken = batches[first : first + run.settings.gradient_accumulation_steps]
            _seed_generators(integer_seed(run.seed, "step", state.step, *([] if those.is_first else [those.rank])))

            loss = those.total(sum(_backward(run, state, batch, epoch, len(taken)) for batch in taken))
            rates = shown_rates(run.optimizer.optimizer)
            norms = _optimizer_step(run, state.step)

            state.step += 1
            average = state.record(loss)
            progress.step(state.step, epoch + 1, loss, average, rates, memory_in_use(), **norms)
            times.took(run.stage.number, time.monotonic() - begun)
            warn_of_full_gpu(state.step - began_at, events)
            if saver.due(state):
                state.saved = those.of_first(lambda run=run: saver.save_due(state, run.learnt()))
            if validation_due(run, state):
                progress.validation(state.step, epoch + 1, validate(run))
            if samples_due(run.settings, state):
                draw_samples(run, state, events, stop)
            carry_out_requests(run, state, saver, events, progress, stop)
    return those.of_first(lambda: saver.save_final(state, run.learnt()))


def _look_first(run: Run, state: Any, events: EventLog, progress: Any, stop: StopSignal) -> None:
    """Samples and the validation's loss before the first step, where they are wanted."""
    if run.settings.sample_at_first and run.settings.sample_prompts:
        draw_samples(run, state, events, stop)
    if run.measured:
        progress.validation(0, 0, validate(run))


def _catch_up(run: Run, state: Any, saver: Any, events: EventLog, progress: Any, stop: StopSignal) -> None:
    """Does what was due with the state that the run goes on from: a killed run may not have come to it."""
    settings = run.settings
    state.saved = run.processes.of_first(lambda: saver.save_missed(state, run.learnt))
    if validation_due(run, state):
        progress.validation(state.step, state.epoch, validate(run))
    if samples_due(settings, state) and not run.processes.of_first(lambda: samples_there(settings, state)):
        draw_samples(run, state, events, stop)


def _backward(run: Run, state: Any, batch: Batch, epoch: int, batches: int) -> float:
    """The gradients of this process's pictures of a batch, one of `batches` of a step; their share of the step's loss.

    Summed over processes and batches that is the loss, and the gradients are those, of one process that has all pictures.
    """
    mine = share_of(batch, run.processes.mine)
    if not mine.draws:
        return 0.0
    part = _batch_loss(run, mine, epoch, state.step)
    value = part.item()
    if value != value or value in (float("inf"), float("-inf")):
        raise UserError(_not_finite(run, state, mine, epoch))
    share = len(mine.draws) / len(batch.draws) / batches
    run.accelerator.backward(part * share)
    return value * share


def _batch_loss(run: Run, batch: Batch, epoch: int, step: int) -> Any:
    """The loss of one batch at optimizer step `step`, a scalar with gradients."""
    import torch

    from .dataset.caption_text import caption_at
    from .dataset.sizes import shown_sizes
    from .losses import batch_loss
    from .models.noise import training_target
    from .models.predict import predict
    from .noising import draw_noise, draw_timesteps, noisy_latents
    from .preservation import prior_loss

    settings, device = run.settings, run.accelerator.device
    items = [run.stage.training_set.items[draw.item] for draw in batch.draws]
    keys = [(epoch, draw.item, draw.copy) for draw in batch.draws]
    captions = [
        caption_at(item, run.seed, epoch, draw.copy, step, run.plan.steps)
        for item, draw in zip(items, batch.draws, strict=True)
    ]

    kind = run.model.prediction, run.model.zero_terminal
    latents = run.latents.batch(batch, epoch)
    noise = draw_noise(latents, keys, settings, run.seed).to(device)
    latents = latents.to(device)
    timesteps = draw_timesteps(keys, settings, run.seed).to(device)
    noisy = noisy_latents(latents, noise, timesteps, keys, settings, run.seed, run.model.zero_terminal)
    is_reg = torch.tensor([item.subset.is_reg for item in items], device=device)

    sizes = shown_sizes(run.stage.training_set, batch, epoch, run.seed)
    with run.accelerator.autocast():
        answer = predict(run.model, noisy, timesteps, run.text.of(captions), sizes)
    target = training_target(latents, noise, timesteps, *kind)
    loss = batch_loss(answer, target, timesteps, is_reg, settings, *kind, run.masks.batch(batch, epoch))
    return loss + prior_loss(run, noisy, timesteps, sizes) if settings.prior_preservation else loss


def _optimizer_step(run: Run, step: int) -> dict[str, float]:
    """Sums the processes' gradients, clips, steps and schedules; returns what scale_weight_norms did."""
    settings, parameters = run.settings, [one for part in run.trained for one in run.network.trainable(part)]
    if run.processes.world > 1:
        run.processes.sum_gradients(parameters)
        _seed_generators(integer_seed(run.seed, "optimizer", step))  # what an optimizer draws is the same in all
    if settings.max_grad_norm:
        run.accelerator.clip_grad_norm_(parameters, settings.max_grad_norm)
    run.optimizer.step()
    if run.schedule and not run.optimizer.step_was_skipped:
        run.schedule.step()
    run.optimizer.zero_grad(set_to_none=True)
    norms = run.network.scale_weight_norms(settings.scale_weight_norms) if settings.scale_weight_norms else {}
    if run.average:
        run.average.update()
    return norms


def _seed_generators(seed: int) -> None:
    """Dropout inside networks draws from the global generators: each step has its own seed for them."""
    import torch

    torch.manual_seed(seed)


def _not_finite(run: Run, state: Any, batch: Batch, epoch: int) -> str:
    """The sentence for a loss that is NaN or infinite: step, pictures, the setting to change and what is kept."""
    names = ", ".join(str(run.stage.training_set.items[draw.item].path) for draw in batch.draws)
    kept = next((f" {one['file']} is the last good save." for one in reversed(state.saved)), " Nothing was saved yet.")
    if not bool(run.latents.batch(batch, epoch).isfinite().all()):
        why = "the VAE gave no finite latents: give another one with --vae"
    elif run.accelerator.mixed_precision == "fp16":
        why = "fp16 may have overflowed: set mixed_precision bf16 or no, or lower the learning rates"
    else:
        rates = run.settings.learning_rates()
        why = f"unet_lr {rates['unet_lr']:g} and text_encoder_lr {rates['text_encoder_lr']:g} are probably too high: lower them"
    return f"The loss is not a number at step {state.step + 1} (epoch {epoch + 1}) on {names}; {why}.{kept}"
