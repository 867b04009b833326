"""Variants of training pictures: what they are made of, the job that draws them, masks, looking through them and deciding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...trainer_core.generate.sampler_names import SAMPLERS, SCHEDULES
from ...trainer_core.variants.review import MASKS, review_folder
from ..errors import MISSING, NOT_NOW, Refused
from ..lora_files import known_loras
from ..rights import file_name, inside, shown
from ..variants_options import checked_variant_options, trainer_variant_options, variant_name
from .calls import PREFIX, Answer, Call, Reply, Route
from .general import as_run, settings_of, translated
from .grids import picture
from .pictures import caption_extension, opened_folder, target_in

VERBS = ("accept", "reject", "undo")
_MOST_NAMES = 500
_PATIENCE = 120.0
_KINDS = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".bmp": "image/bmp",
}  # fmt: skip
_SHOWN = ("name", "state", "source", "over", "denoise", "only_masked", "strength", "there", "infotext")
# Of a project's training what drawing goes by; all else is the training's own.
_USED = (
    "pretrained_model_name_or_path", "vae", "resolution", "clip_skip", "mixed_precision", "v_parameterization", "v2",
    "zero_terminal_snr", "data_dir",
)  # fmt: skip


def variants_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Title and content of a job that draws variants of pictures of the project's dataset."""
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    rights = call.workbench.rights
    options = checked_variant_options(call.body.get("options") or {}, rights)
    run = as_run(call, settings_of(call, call.body.get("settings"), project), project)
    settings = {name: run[name] for name in _USED if name in run}
    if not settings.get("pretrained_model_name_or_path"):
        raise Refused("First choose a base model, at the top.", NOT_NOW)
    dataset = rights.may_hold_pictures(project["dataset"], "The folder of pictures")
    for name in options["pictures"]:
        path = inside(dataset, name, "The picture")
        if rights.restricted:
            rights.may_read(str(path), "The picture")
        if not path.is_file():
            raise Refused(f"There is no picture {path.name} in {dataset.name}; it may have been removed.", MISSING)
    review = _review(call, dataset)
    masks = review / MASKS
    if options["mask"] and not (masks / options["mask"]).is_file():
        raise Refused("The mask is not there any more: paint it again.", MISSING)
    settings |= {"seed": options["seed"], "caption_extension": str(project["tag"]["caption_extension"])}
    content = {
        "dataset": str(dataset),
        "review": str(review),
        "settings": settings,
        "options": trainer_variant_options(options, masks),
        "asked": options,
    }
    first = options["pictures"][0]
    return first if len(options["pictures"]) == 1 else dataset.name, content


def _review(call: Call, dataset: Path) -> Path:
    """Where the dataset's variants wait: in the data folder, where the command line looks for them too."""
    return review_folder(dataset, data=call.workbench.host.data)


def get_variants(call: Call) -> Answer:
    """All variants of the dataset that are drawn; with `more` what others can be drawn with."""
    folder = opened_folder(call, call.query.get("folder"))
    found = _asked(call, folder, "variants_read")
    if not call.query.get("more"):  # a page asks again and again while they are drawn
        return _shown(call, folder, found)
    more = {"loras": list(known_loras(call.workbench)), "samplers": SAMPLERS, "schedules": SCHEDULES}
    return {**_shown(call, folder, found), **more}


def post_decide(call: Call) -> Answer:
    """Takes variants into the dataset, turns them down, or takes such a decision back, also while others are drawn."""
    call.only("folder", "what", "names", "target")
    what, names = call.body.get("what"), call.body.get("names")
    if what not in VERBS:
        raise Refused(f"A decision is one of {', '.join(VERBS)}, not {shown(what)}.")
    if not isinstance(names, list) or not 0 < len(names) <= _MOST_NAMES:
        raise Refused(f"names must be 1 to {_MOST_NAMES} names of variants.")
    checked = [file_name(name, "A variant's name") for name in names]
    folder = opened_folder(call, call.body.get("folder"))
    target = target_in(call, folder, call.body.get("target"), "The variants' folder")
    found = _asked(call, folder, "variants_decide", deed=what, names=checked, target=target)
    told = {"taken": found["taken"], "left": found["left"]}
    return translated({**_shown(call, folder, found), **told}, call)


def _shown(call: Call, folder: Path, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"folder": str(folder), "variants": [_variant(one) for one in found["variants"]]}


def _variant(one: Mapping[str, Any]) -> dict[str, Any]:
    """A variant without paths of this machine."""
    request = one["request"]
    return {
        **{name: one[name] for name in _SHOWN},
        **{name: request.get(name) for name in ("prompt", "negative", "seed", "steps", "cfg", "sampler", "width", "height")},
        "masked": bool(one["mask"]),
        "lora": Path(one["lora"]).stem,
        "file": one["accepted"].get("file", ""),
        "mark": str(one["sha256"])[:16],
    }


def get_picture(call: Call) -> Answer:
    """A variant's picture, or a small copy of it."""
    name = variant_name(call.query.get("name", ""))
    folder = opened_folder(call, call.query.get("folder"))
    return picture(call, inside(_review(call, folder), name, "The picture"))


def get_original(call: Call) -> Answer:
    """A picture of the dataset as it is, for handing it over to the host."""
    folder = opened_folder(call, call.query.get("folder"))
    path = inside(folder, call.query.get("name"), "The picture")
    if call.workbench.rights.restricted:
        call.workbench.rights.may_read(str(path), "The picture")
    kind = _KINDS.get(path.suffix.lower())
    if kind is None or not path.is_file():
        raise Refused(f"There is no picture {path.name} in {folder.name}; it may have been removed.", MISSING)
    stat = path.stat()
    return Reply(path, kind, f"{stat.st_mtime_ns:x}-{stat.st_size:x}")


def post_look(call: Call) -> Answer:
    """What variants of a picture, or of another variant, are made of: size, prompt, and the CFG that it was drawn with."""
    call.only("folder", "name", "over")
    folder, name = _named(call)
    found = _asked(call, folder, "variants_look", name=name, over=_over(call), extension=caption_extension(call))
    return translated(found, call)


def post_mask(call: Call) -> Answer:
    """Keeps a mask for a picture, white where it is to be redrawn; its name goes into the job's options."""
    call.only("folder", "name", "over", "image")
    image = call.body.get("image")
    if not isinstance(image, str) or not image:
        raise Refused("image must be a PNG file in base64.")
    folder, name = _named(call)
    return translated(_asked(call, folder, "variants_mask", name=name, over=_over(call), image=image), call)


def post_alpha(call: Call) -> Answer:
    """The picture's transparent parts as a mask."""
    call.only("folder", "name")
    folder, name = _named(call)
    return translated(_asked(call, folder, "variants_alpha", name=name), call)


def _over(call: Call) -> str:
    """The variant that is drawn over in place of the picture, or ""."""
    over = call.body.get("over")
    return variant_name(over) if over else ""


def _named(call: Call) -> tuple[Path, str]:
    """(the dataset, the name of a picture in it)."""
    folder = opened_folder(call, call.body.get("folder"))
    path = inside(folder, call.body.get("name"), "The picture")
    if call.workbench.rights.restricted:
        call.workbench.rights.may_read(str(path), "The picture")
    return folder, str(call.body.get("name"))


def _asked(call: Call, folder: Path, question: str, **values: Any) -> dict[str, Any]:
    call.workbench.setup.must_be_ready()
    where = {"dataset": str(folder), "review": str(_review(call, folder))}
    return call.workbench.plans.ask(question, **where, patience=_PATIENCE, **values)


_PLACE = f"{PREFIX}/variants"
ROUTES = (
    Route(
        "GET",
        _PLACE,
        get_variants,
        "variants of the dataset's pictures; a job draws them",
        query=("folder", "more"),
    ),
    Route(
        "POST",
        f"{_PLACE}/decide",
        post_decide,
        "accepts, rejects, undoes",
        body=("folder", "what", "names", "target"),
    ),
    Route("GET", f"{_PLACE}/picture", get_picture, "a variant's picture", query=("folder", "name", "size", "mark")),
    Route("GET", f"{_PLACE}/original", get_original, "a picture of the dataset as it is", query=("folder", "name")),
    Route("POST", f"{_PLACE}/look", post_look, "what variants are made of", body=("folder", "name", "over")),
    Route(
        "POST",
        f"{_PLACE}/mask",
        post_mask,
        "keeps a mask for a picture",
        body=("folder", "name", "over", "image"),
        largest=16 << 20,
    ),
    Route("POST", f"{_PLACE}/alpha", post_alpha, "a picture's transparency as a mask", body=("folder", "name")),
)
