"""Mends of pictures, captions and their folders: settings, names of folders, first tags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...tagger.check import most_first
from ..dataset.caption_text import tags_as_trained
from ..dataset.folders import CAPTION_EXTENSIONS, repeats_and_name
from ..dataset.items import Item
from ..files import free_name
from ..models.families import FAMILIES, identify
from ..picture_names import READABLE
from .balance import equal_repeats
from .captions import next_length, wide_commas
from .folder_levels import REG_NAMES, level, level_below, unnumbered_folders
from .mend import Mend, Mender, sets, takes_out
from .sizes import fitting_side

if TYPE_CHECKING:
    from ..plan import Plan

_USUAL_SIDE = 512


def _first_tags(plan: Plan) -> Mend:
    """The tag that most captions of a folder begin with, first in the others too."""
    groups: dict[int, dict[Path, str]] = {}
    for item in plan.training_set.items:
        if item.caption_file is not None and not item.subset.is_reg and item.subset.options.caption_separator == ",":
            firsts = groups.setdefault(item.subset.index, {})
            firsts[item.caption_file] = (tags_as_trained(item) or [""])[0]
    found = {}
    for firsts in groups.values():
        known = most_first(firsts)
        if known:
            found.update(dict.fromkeys(known[1], known[0]))
    return Mend(first_tags=found)


def _separated(plan: Plan) -> Mend:
    """Captions in files whose wide commas are to be plain."""
    return Mend(separated=tuple(wide_commas(plan.training_set.items)))


def _caption_extension(plan: Plan) -> Mend | None:
    """The extension of the caption files that lie beside pictures whose captions are missing."""
    for item in plan.training_set.items:
        if item.caption_file is None:
            for extension in CAPTION_EXTENSIONS:
                if item.path.with_suffix(extension).is_file():
                    return Mend(settings={"caption_extension": extension})
    return None


def _longer_captions(plan: Plan) -> Mend | None:
    if plan.tokens is None or plan.tokens.limit == 225:
        return None
    return Mend(settings={"max_token_length": next_length(plan.tokens.longest)})


def _side(plan: Plan) -> int:
    return FAMILIES[identify(plan.header)].resolution if plan.header else _USUAL_SIDE


def _resolution(plan: Plan, side: int) -> Mend:
    """A square resolution, and bucket limits that go with it."""
    settings = plan.settings
    values: dict[str, Any] = {"resolution": str(side)}
    if settings.min_bucket_reso > side:
        values["min_bucket_reso"] = side
    if settings.max_bucket_reso < side:
        values["max_bucket_reso"] = side * 3 // 2 // 64 * 64
    return Mend(settings=values)


def _smaller(plan: Plan) -> Mend:
    return _resolution(plan, fitting_side(_trained(plan)))


def _trained(plan: Plan) -> list[Item]:
    return [item for item in plan.training_set.items if not item.subset.is_reg]


def _buckets(plan: Plan) -> Mend | None:
    """Sizes by shape, where there are none; what is cut off even so is for the user to see."""
    if all(dataset.enable_bucket for dataset in plan.training_set.datasets):
        return None
    side = max(max(dataset.resolution) for dataset in plan.training_set.datasets)
    limits = {"min_bucket_reso": min(256, side // 2 // 64 * 64 or 64), "max_bucket_reso": side * 2}
    return Mend(settings={"enable_bucket": True, **limits})


def _no_enlarging(plan: Plan) -> Mend | None:
    return Mend(settings={"bucket_no_upscale": True}) if plan.settings.enable_bucket else None


def _inner_folder(plan: Plan) -> Mend | None:
    inner = level_below(level(_root(plan))) if plan.settings.train_data_dir else None
    return Mend(settings={"train_data_dir": str(inner)}) if inner else None


def _own_repeats(plan: Plan) -> Mend | None:
    own = repeats_and_name(_root(plan).absolute().name) if plan.settings.train_data_dir else None
    return Mend(settings={"dataset_repeats": own[0]}) if own else None


def _numbers(plan: Plan) -> Mend | None:
    if plan.settings.train_data_dir is None:
        return None
    return Mend(moves=tuple((path, path.with_name(f"1_{path.name}")) for path in unnumbered_folders(_root(plan))))


def _reg_apart(plan: Plan) -> Mend | None:
    """Regularization pictures go into a folder beside the training's, which becomes reg_data_dir."""
    settings = plan.settings
    if settings.train_data_dir is None or settings.reg_data_dir is not None:
        return None
    root = _root(plan).absolute()
    folders = [subset.folder for subset in plan.training_set.subsets if not subset.is_reg]
    wrong = [path for path in folders if (repeats_and_name(path.name) or (0, ""))[1].lower() in REG_NAMES]
    apart = free_name(root.with_name(f"{root.name}_reg"))
    return Mend(settings={"reg_data_dir": str(apart)}, moves=tuple((path, apart / path.name) for path in wrong))


def _as_png(plan: Plan) -> Mend | None:
    """Pictures in the training folder that can be read and saved as PNG, where no picture has that name."""
    if plan.settings.train_data_dir is None:
        return None
    found = [one.path for one in plan.ignored if one.path.suffix.lower() in READABLE and one.path.is_relative_to(_root(plan))]
    pairs = [(path, path.with_suffix(".png")) for path in found]
    taken = {path.with_suffix("") for path in (item.path for item in plan.training_set.items)}
    return Mend(conversions=tuple(pair for pair in pairs if pair[0].with_suffix("") not in taken))


def _equal(plan: Plan) -> Mend:
    now = {subset.folder: subset.repeats for subset in plan.training_set.subsets if not subset.is_reg}
    wanted = equal_repeats(plan.training_set)
    return Mend(repeats={folder: number for folder, number in wanted.items() if number != now[folder]})


def _root(plan: Plan) -> Path:
    return plan.settings.train_data_dir.expanduser()


MENDS: dict[str, Mender] = {
    "activation-tag": _first_tags,
    "activation-tag-shuffled": sets(keep_tokens=1),
    "caption-extension": _caption_extension,
    "wide-commas": _separated,
    "caption-too-long": _longer_captions,
    "weights-as-text": sets(weighted_captions=True),
    "name-weighed": sets(weighted_captions=False),
    "captions-unused": sets(caption_dropout_rate=0.0),
    "flip-one-sided": sets(flip_aug=False),
    "face-crop-idle": takes_out("face_crop_aug_range"),
    "cache-turned-off": takes_out("cache_latents", "cache_latents_to_disk"),
    "resolution-missing": lambda plan: _resolution(plan, _side(plan)),
    "resolution-small": lambda plan: _resolution(plan, _side(plan)),
    "resolution-pictures": _smaller,
    "size-step": sets(bucket_reso_steps=64),
    "enlarged": _no_enlarging,
    "crop-loss": _buckets,
    "formats-untrained": _as_png,
    "folder-level": _inner_folder,
    "folder-is-subset": _own_repeats,
    "folder-unnumbered": _numbers,
    "reg-trained-as-subject": _reg_apart,
    "unbalanced": _equal,
}
