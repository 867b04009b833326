"""What the base model already draws for an activation tag, before anything is trained.

    python -m trainer_core prior --config_file run.toml --activation penny [--count 8]

Pictures of the tag alone, a sheet of them, and what to look for. Run again, it draws only what is missing or changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ..command_errors import system_sentence
from ..dataset.buckets import fits
from ..dataset.scan import scan
from ..generate.base_model import Base
from ..generate.folder_lock import drawing_in
from ..generate.infotext import infotext, save_png
from ..generate.request import Request, check
from ..generate.telling import Told, ToldInTerminal, drawn_words, steps_told
from ..problems import UserError
from ..reg.find import base_of
from ..reg.prompts import as_prompt, folder_name
from ..settings import Settings, read_settings
from .words import PriorOptions, read_words

SHEET = "sheet.png"
_COLUMNS = 4


@dataclass(frozen=True)
class Prior:
    """The pictures to draw, their files, and those of them that are there as they should be."""

    settings: Settings
    options: PriorOptions
    base: Base
    folder: Path
    requests: dict[Path, Request]
    fresh: list[Path]

    @property
    def missing(self) -> list[Path]:
        return [path for path in self.requests if path not in self.fresh]

    @property
    def sheet(self) -> Path:
        return self.folder / SHEET


def main(argv: Sequence[str]) -> int:
    """`python -m trainer_core prior …`: 0 where the pictures are there, 1 where they can't be, 2 where words are wrong."""
    options, words = read_words(argv)
    prior = find_prior(read_settings(words, "prior"), options)
    made = draw_prior(prior, ToldInTerminal())
    told = {"made": made, "kept": len(prior.fresh), "folder": str(prior.folder), "sheet": str(prior.sheet)}
    if options.as_json:
        print(json.dumps({**told, "look_for": look_for(prior)}, indent=2, ensure_ascii=False))
    else:
        print(drawn_words(made, len(prior.fresh), prior.sheet))
        print(look_for(prior))
    return 0


def find_prior(settings: Settings, options: PriorOptions, folder: Path | None = None) -> Prior:
    """Which pictures are to be drawn. `folder`: where they go if the options don't say. UserError with what can't be."""
    base = base_of(settings)
    folder = _folder(settings, options, folder)
    if folder.is_file():
        raise UserError(f"{folder} is a file, not a folder: give another --out.")
    width, height = _size(settings)
    seed = (settings.seed or 0) if options.seed is None else options.seed
    digits = max(4, len(str(options.count)))
    requests = {}
    for number in range(options.count):
        request = Request(
            prompt=as_prompt(options.activation),
            width=width,
            height=height,
            seed=seed + number,
            steps=options.steps,
            cfg=options.cfg,
            sampler=options.sampler,
            schedule=options.schedule,
            clip_skip=settings.clip_skip or 1,
        )
        check(request)
        requests[folder / f"{number + 1:0{digits}d}.png"] = request
    fresh = [path for path, request in requests.items() if _parameters(path) == infotext(request, base)]
    return Prior(settings, options, base, folder, requests, fresh)


def _folder(settings: Settings, options: PriorOptions, folder: Path | None) -> Path:
    if options.out is not None:
        return options.out.expanduser()
    if folder is not None:
        return folder
    if settings.output_dir is None:
        raise UserError("There is no folder for the pictures: give --out, or output_dir in the settings.")
    return Path(settings.output_dir).expanduser() / "prior" / folder_name(options.activation).removeprefix("1_")


def _size(settings: Settings) -> tuple[int, int]:
    """The training resolution's bucket."""
    dataset = scan(settings.replaced(reg_data_dir=None, resolution=settings.resolution or "512")).datasets[0]
    (place,) = fits(dataset, [dataset.resolution])
    if isinstance(place, str):
        raise UserError(f"The training's resolution has no bucket: {place}.")
    return place.bucket


def _parameters(path: Path) -> str | None:
    """The picture's infotext; None where there is no such picture."""
    try:
        with Image.open(path) as image:
            return image.info.get("parameters")
    except (OSError, SyntaxError, ValueError):  # not there, or not whole: it is drawn
        return None


def look_for(prior: Prior) -> str:
    """What the pictures say about the tag, in words."""
    tag = prior.options.activation
    return (
        f"These are what {prior.base.name} draws for {tag!r} alone. If they differ freely, the tag is free: train with it. If "
        "they show one thing again and again, the model knows the tag: keep it if that is your subject (it then needs fewer "
        "steps), else take another tag, or what it shows will mix with what you teach."
    )


def draw_prior(prior: Prior, told: Told) -> int:
    """Draws what is missing and the sheet; how many pictures. What was drawn stays, whatever comes after."""
    try:
        with drawing_in(prior.folder):
            made = _draw(prior, told) if prior.missing else 0
            if made or not prior.sheet.is_file():
                save_png(prior.sheet, _sheet(prior))
    except OSError as error:
        raise UserError(f"{system_sentence(error)} The pictures drawn until then stay; the same again goes on.") from error
    return made


def _draw(prior: Prior, told: Told) -> int:
    from ..generate.sample import drawn_batches
    from ..reg.draw import loaded

    model, device = loaded(prior.settings)
    missing, made = prior.missing, 0
    requests, steps = [prior.requests[path] for path in missing], steps_told(told.between, 0, len(missing), len(missing))
    batch_size = prior.options.batch_size
    for places, images in drawn_batches(model, requests, device=device, batch_size=batch_size, progress=steps):
        for place, image in zip(places, images, strict=True):
            save_png(missing[place], image, infotext(requests[place], prior.base))
        made += len(places)
        told(made, len(missing), missing[places[-1]])
    return made


def _sheet(prior: Prior) -> Image.Image:
    from ..generate.grid import draw_grid

    pictures: list[Image.Image | None] = []
    for path in prior.requests:
        with Image.open(path) as image:
            pictures.append(image.convert("RGB"))
    columns = min(_COLUMNS, len(pictures))
    pictures += [None] * (-len(pictures) % columns)
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    seed = next(iter(prior.requests.values())).seed
    labels = [f"seeds {seed + start} …" for start in range(0, len(pictures), columns)]
    return draw_grid(rows, labels, (), f"{prior.base.name}: {prior.options.activation}")


def summary(prior: Prior, made: int) -> dict[str, Any]:
    """What was done, for a job's last event."""
    return {
        "summary": drawn_words(made, len(prior.fresh), prior.folder),
        "folder": str(prior.folder),
        "sheet": str(prior.sheet),
        "pictures": [str(path) for path in prior.requests],
        "look_for": look_for(prior),
        "made": made,
        "kept": len(prior.fresh),
    }
