"""Draws the variants that are asked for: planned in the review's file first, each file whole or not there at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ...tagger.captions import caption_file, read_caption
from ..command_errors import system_sentence
from ..dataset.pictures import told_cfg
from ..files import file_sha256
from ..generate.base_model import base_model
from ..generate.infotext import infotext, save_png
from ..generate.request import Lora, Request, check, check_strength
from ..generate.run_snapshots import read_snapshot
from ..generate.telling import Told, steps_told
from ..models.families import require_base
from ..models.hashes import model_hashes
from ..models.header import read_header
from ..picture_names import is_picture
from ..problems import UserError
from ..reg.prompts import as_prompt
from ..settings import Settings
from .masks import upright_picture
from .review import PLANNED, WAITING, Review, Variant
from .words import VariantOptions

_USUAL, _STEP = 512, 8  # pixels; sizes are multiples of 8
HIGHEST_CFG = 7.0


def plan(review: Review, options: VariantOptions, settings: Settings) -> list[str]:
    """Notes what is to be drawn; the names of what isn't there yet. UserError with what is missing."""
    model = settings.pretrained_model_name_or_path
    if not model:
        raise UserError("There is no model to draw with: give pretrained_model_name_or_path, or a --config_file that has it.")
    require_base(read_header(model))
    check_strength(options.denoise)
    digest = model_hashes(model, settings.data_dir)[1]
    lora = str(options.lora.expanduser().absolute()) if options.lora else ""
    lora_digest = read_snapshot(Path(lora)).digest if lora else ""
    mask = str(options.mask.expanduser().absolute()) if options.mask else ""
    if mask:
        upright_picture(Path(mask))
    extension = settings.caption_extension if "caption_extension" in settings.given else ".txt"
    names = []
    for path, over in _begun(review, options):
        size = _size(upright_picture(review.folder / over if over else path).size, settings)
        prompt = options.prompt or (review.named(over).request["prompt"] if over else _prompt(path, extension))
        for number in range(options.count):
            request = Request(
                prompt, options.negative, *size, seed=(settings.seed or 0) + number, steps=options.steps, cfg=options.cfg,
                sampler=options.sampler, clip_skip=settings.clip_skip or 1, schedule=options.schedule,
            )  # fmt: skip
            check(request)
            variant = Variant(
                PLANNED, path.relative_to(review.dataset).as_posix(), file_sha256(path), options.denoise, asdict(request),
                str(model), digest, mask, file_sha256(Path(mask)) if mask else "", options.only_masked, lora, lora_digest,
                options.strength if lora else None, extension, over,
            )  # fmt: skip
            names.append(review.add(variant))
    return [name for name in names if review.variants[name].state == PLANNED]


def _begun(review: Review, options: VariantOptions) -> list[tuple[Path, str]]:
    """(the picture in the dataset, the variant of it that is drawn over or "") of each; UserError for what isn't there."""
    if not options.over:
        return [(path, "") for path in chosen(review.dataset, options)]
    one = review.named(options.over)
    path = review.dataset / one.source
    if one.state == PLANNED or not (review.folder / options.over).is_file() or not path.is_file():
        raise UserError(f"{options.over} or the picture that it is a variant of is not there: draw over another one.")
    return [(path, options.over)]


def chosen(dataset: Path, options: VariantOptions) -> list[Path]:
    """The pictures' paths; UserError for one that isn't there."""
    if not dataset.is_dir():
        raise UserError(f"The folder {dataset} is missing: give the folder that the pictures are in.")
    if options.all:
        found = sorted(path for path in dataset.rglob("*") if is_picture(path.name) and not _is_hidden(path, dataset))
        if not found:
            raise UserError(f"There are no pictures in {dataset}.")
        return found
    paths = [dataset / name for name in options.pictures]
    for path in paths:
        if not path.is_file() or dataset not in path.resolve().parents:
            raise UserError(f"There is no picture {path.name} in {dataset}.")
    return paths


def glaring(paths: Sequence[Path]) -> list[str]:
    """Names of pictures that were drawn with a high CFG, as webui's text in them says: their variants will be glaring too."""
    from PIL import Image

    found = []
    for path in paths:
        with Image.open(path) as image:
            cfg = told_cfg(image.info.get("parameters"))
        found += [path.name] if cfg is not None and cfg > HIGHEST_CFG else []
    return found


def draw_planned(
    review: Review, names: Sequence[str], settings: Settings, batch_size: int, stop: Callable[[], bool], told: Told
) -> bool:
    """Draws the planned variants of these names; False where `stop` came first. What was drawn stays, whatever comes after."""
    for name in names:
        if (review.folder / name).is_file():  # drawn by a process that was ended before it could say so
            _note(review, name, review.variants[name], settings)
    review.save(*names)
    missing = [name for name in names if review.variants[name].state == PLANNED]
    done = 0
    for done, newest in _drawn(review, {name: review.variants[name] for name in missing}, settings, batch_size, stop, told):
        for name in newest:
            _note(review, name, review.variants[name], settings)
        review.save(*newest)
        told(done, len(missing), review.folder / newest[-1])
    return done == len(missing)


def _drawn(
    review: Review, missing: dict[str, Variant], settings: Settings, batch_size: int, stop: Callable[[], bool], told: Told
) -> Iterator[tuple[int, list[str]]]:
    """(how many are drawn, names of the newest) batch by batch; those of one model, LoRA, source and mask together."""
    import torch

    from ..models.checkpoint import load_model
    from ..networks.apply import applied

    device = "cuda" if torch.cuda.is_available() else "cpu"
    half = device == "cuda" and settings.mixed_precision != "no"
    done = 0
    for (model_path, lora, strength), of_model in _grouped(missing, lambda one: (one.model, one.lora, one.strength)).items():
        model = load_model(
            model_path,
            settings.vae,
            torch.float16 if half else torch.float32,
            v_parameterization=settings.v_parameterization,
            zero_terminal_snr=settings.zero_terminal_snr,
        )
        with applied(model, [(lora, strength, strength)]) if lora else nullcontext():
            for names in _alike(of_model, batch_size):
                if stop():
                    return
                _redraw(review, model, names, settings, device, steps_told(told.between, done, len(names), len(missing)))
                done += len(names)
                yield done, names


def _redraw(
    review: Review, model: Any, names: list[str], settings: Settings, device: str, progress: Callable[[int, int], None]
) -> None:
    """Draws and writes a batch of variants of one picture."""
    from ..generate.img2img import redraw

    first = review.variants[names[0]]
    mask = upright_picture(Path(first.mask)) if first.mask else None
    requests = [Request(**review.variants[name].request) for name in names]
    images = redraw(
        model, upright_picture(review.drawn_over(first)), requests, first.denoise, mask=mask,
        only_masked=first.only_masked, device=device, batch_size=len(names), progress=progress,
    )  # fmt: skip
    for name, image in zip(names, images, strict=True):
        one = review.variants[name]
        one.infotext = _infotext(one, settings)
        try:
            save_png(review.folder / name, image, one.infotext)
        except OSError as error:
            why = system_sentence(error).removesuffix(".")
            raise UserError(f"{why}; the variants drawn before stay, and the same command goes on.") from error


def _grouped(variants: dict[str, Variant], key: Callable[[Variant], Any]) -> dict[Any, dict[str, Variant]]:
    groups: dict[Any, dict[str, Variant]] = {}
    for name, one in variants.items():
        groups.setdefault(key(one), {})[name] = one
    return groups


def _alike(variants: dict[str, Variant], batch_size: int) -> Iterator[list[str]]:
    """Batches of variants that differ in their seed alone."""
    for group in _grouped(variants, lambda one: repr({**one.asked(), "request": {**one.request, "seed": 0}})).values():
        names = list(group)
        yield from (names[start : start + batch_size] for start in range(0, len(names), batch_size))


def _note(review: Review, name: str, one: Variant, settings: Settings) -> None:
    one.state, one.sha256 = WAITING, file_sha256(review.folder / name)
    one.infotext = one.infotext or _infotext(one, settings)


def _infotext(one: Variant, settings: Settings) -> str:
    """webui's text of an img2img picture; its prompt names the LoRA."""
    request = Request(**one.request)
    if one.lora:
        strength = one.strength or 0.0
        request = replace(request, loras=(Lora(Path(one.lora).stem, one.lora_sha256, strength, strength),))
    base = base_model(Path(one.model), settings.vae, settings.data_dir)
    text = f"{infotext(request, base)}, Denoising strength: {one.denoise:g}"
    return f"{text}, Inpaint area: Only masked" if one.only_masked else text


def _prompt(path: Path, extension: str) -> str:
    text = read_caption(caption_file(path, extension)).text.strip()
    if not text:
        raise UserError(f"{path.name} has no caption to draw by: tag it first, or give --prompt.")
    return as_prompt(text)


def _size(size: tuple[int, int], settings: Settings) -> tuple[int, int]:
    """The picture's shape at the training's resolution, in multiples of 8: what is trained should be drawn at that size."""
    width, height = settings.resolution or (_USUAL, _USUAL)
    scale = (width * height / (size[0] * size[1])) ** 0.5
    return tuple(max(64, round(side * scale / _STEP) * _STEP) for side in size)  # type: ignore[return-value]


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
