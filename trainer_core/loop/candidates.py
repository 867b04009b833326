"""A round's candidates: planned with prompt and seed before anything is drawn, then drawn batch by batch.

What is planned is in loop.json first, and a picture's file is there as a whole or not at all. So a loop that is killed at any
moment draws the very pictures that are missing, and none twice.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..command_errors import system_sentence
from ..files import file_sha256
from ..generate.base_model import Base, base_model
from ..generate.infotext import infotext, save_png
from ..generate.request import Lora, Request
from ..generate.run_snapshots import read_snapshot
from ..generate.telling import Between, steps_told
from ..models.hashes import model_hashes
from ..problems import UserError
from ..randomness import uniform_int
from ..settings import Settings
from .beginning import prompts
from .likeness import nearest, small
from .options import style_parts
from .project import CANDIDATES, LEFT_OUT, PLANNED, WAITING, Picture, Project, Round

_USUAL = 512
Drawn = Callable[[str, Picture], None]


def plan(project: Project, current: Round) -> None:
    """Notes what the round's next candidates are to be: prompts in turn, a seed for each, checkpoint and style by round."""
    options, settings = project.options, Settings.from_dict(project.training)
    asked = prompts(project, _defaults(project, settings))
    before = sum(one.kind == "drawn" for one in project.pictures.values())
    checkpoint = _in_turn(options.checkpoints or (str(settings.pretrained_model_name_or_path),), current.number)
    style = _in_turn(options.styles or ("",), current.number)
    first = len(project.of_round(current.number)) + 1
    for place in range(options.candidates):
        number = first + place
        seed = uniform_int(0, 2**32, settings.seed or 0, "loop candidate", current.number, number)
        request = replace(asked[(before + place) % len(asked)], seed=seed)
        name = f"r{current.number:02d}-{number:03d}.png"
        file = (project.round_folder(current.number) / CANDIDATES / name).relative_to(project.folder).as_posix()
        project.pictures[name] = Picture(
            kind="drawn", state=PLANNED, file=file, round=current.number, request=asdict(request), checkpoint=checkpoint,
            lora=current.lora, lora_sha256=current.lora_sha256, strength=options.strength, style=style,
        )  # fmt: skip
    current.attempts += 1


def draw_planned(project: Project, current: Round, stop: Callable[[], bool], drawn: Drawn, between: Between) -> bool:
    """Draws the planned pictures that have no file; False where `stop` came first. What was drawn is told to `drawn`."""
    planned = project.of_round(current.number, PLANNED)
    there = {name: one for name, one in planned.items() if project.path(name).is_file()}
    trained = _trained(project, current)
    for name, one in there.items():  # drawn by a process that was killed before it could say so
        _note(project, name, one, trained)
        drawn(name, one)
    missing = {name: one for name, one in planned.items() if name not in there}
    if missing:
        project.save()
        for names in _drawn_batches(project, current, missing, stop, between):
            for name in names:
                _note(project, name, missing[name], trained)
                drawn(name, missing[name])
            project.save()
    else:
        project.save()
    return not project.of_round(current.number, PLANNED)


def _defaults(project: Project, settings: Settings) -> Request:
    options = project.options
    width, height = settings.resolution or (_USUAL, _USUAL)
    return Request(
        "",
        options.negative,
        options.width or options.height or max(64, width - width % 8),
        options.height or options.width or max(64, height - height % 8),
        steps=options.steps,
        cfg=options.cfg,
        sampler=options.sampler,
        clip_skip=settings.clip_skip or 1,
    )


def _in_turn(several: Sequence[str], number: int) -> str:
    return several[(number - 1) % len(several)]


def _drawn_batches(
    project: Project, current: Round, missing: dict[str, Picture], stop: Callable[[], bool], between: Between
) -> Iterator[list[str]]:
    """Draws and writes the pictures batch by batch; the model's memory is free again at the end."""
    import torch

    from ..generate.sample import generate
    from ..models.checkpoint import load_model
    from ..networks.apply import applied

    first = next(iter(missing.values()))
    settings = Settings.from_dict(project.training)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    half = device == "cuda" and settings.mixed_precision != "no"
    model: Any = load_model(
        first.checkpoint,
        settings.vae,
        torch.float16 if half else torch.float32,
        v_parameterization=settings.v_parameterization,
        zero_terminal_snr=settings.zero_terminal_snr,
    )
    try:
        for part in model.parts().values():
            part.to(device)
        base = base_model(Path(first.checkpoint), settings.vae, settings.data_dir)
        with applied(model, _loras(project, first)):
            made = 0
            for names in _batches(list(missing), project.options.batch_size):
                if stop():
                    return
                images = generate(
                    model, [Request(**missing[name].request) for name in names], device=device, batch_size=len(names),
                    progress=steps_told(between, made, len(names), len(missing)),
                )  # fmt: skip
                made += len(names)
                for name, image in zip(names, images, strict=True):
                    one = missing[name]
                    one.checkpoint_sha256, one.infotext = base.sha256, _infotext(project, one, base)
                    _save(project.path(name), image, one.infotext)
                yield names
    finally:
        del model
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()


def _loras(project: Project, one: Picture) -> list[tuple[Path, float, float]]:
    style, weight = style_parts(one.style) if one.style else ("", 0.0)
    found = [(project.folder / one.lora, one.strength, one.strength)]
    return [*found, (Path(style).expanduser(), weight, weight)] if style else found


def _infotext(project: Project, one: Picture, base: Base) -> str:
    """As webui writes it; its prompt names the LoRAs."""
    found = [(read_snapshot(path), strength) for path, strength, _ in _loras(project, one)]
    loras = tuple(Lora(snapshot.name, snapshot.digest, strength, strength) for snapshot, strength in found)
    return infotext(replace(Request(**one.request), loras=loras), base)


def _batches(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield list(names[start : start + size])


def _save(path: Path, image: Any, text: str) -> None:
    try:
        save_png(path, image, text)
    except OSError as error:
        why = system_sentence(error).removesuffix(".")
        raise UserError(f"{why}; the candidates drawn before stay, and the same command goes on.") from error


def _trained(project: Project, current: Round) -> dict[str, Any]:
    return {name: small(project.path(name)) for name in current.pictures if project.path(name).is_file()}


def _note(project: Project, name: str, one: Picture, trained: dict[str, Any]) -> None:
    """A drawn picture's file becomes known: its hash, its infotext, which training picture it is most like."""
    path = project.path(name)
    one.sha256 = file_sha256(path)
    if not one.infotext:
        one.infotext = _read_infotext(path)
        one.checkpoint_sha256 = model_hashes(one.checkpoint)[1]
    one.source, one.distance = nearest(small(path), trained)
    one.state = WAITING
    if one.distance is not None and one.distance < project.options.copy_limit:
        one.state = LEFT_OUT
        one.decided = {"by": "rule", "how": f"near copy of {one.source}"}


def _read_infotext(path: Path) -> str:
    from PIL import Image

    with Image.open(path) as image:
        return str(image.info.get("parameters", ""))
