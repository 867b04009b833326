"""What the advice is made from: the pictures and captions, through the plan's own scan, and the base model's header."""

from __future__ import annotations

import math
import re
from pathlib import Path

from ...tagger.check import is_class_word, most_first
from ..dataset.caption_text import tags_as_trained
from ..dataset.folders import repeats_and_name
from ..dataset.items import TrainingSet
from ..dataset.scan import scan
from ..guide.bases import look_of_tags
from ..guide.facts import USUAL_WIDTH, BaseFacts, DatasetFacts, FolderFacts
from ..models.families import FAMILIES, identify, require_base
from ..models.header import ModelHeader, read_header
from ..models.layout import unet_width
from ..models.prediction import file_prediction
from ..planning.base_name import wanted_clip_skip
from ..planning.captions import count_tags, count_tokens_of, next_length
from ..problems import UserError
from ..settings import Settings

_NEARLY_ALL = 0.8  # of the captions, as the check of captions takes it
_RESOLUTION = re.compile(r"(\d+)\s*x\s*(\d+)")
# The first image_size of Stable Diffusion's own configuration files is the latent's side.
_LATENT_SIDE = re.compile(r"^\s+image_size:\s*(\d+)\s*$", re.MULTILINE)


def look_at_pictures(folder: Path, data_dir: Path | None = None) -> tuple[DatasetFacts, TrainingSet]:
    """The facts of a training folder; UserError where it holds no picture that can be trained."""
    words = {"train_data_dir": str(folder), "resolution": "512", "enable_bucket": True, "caption_extension": ".txt"}
    if not _numbered_inside(folder):
        words["dataset_repeats"] = own_repeats(folder)
    if data_dir is not None:
        words["data_dir"] = str(data_dir)
    training_set = scan(Settings.from_dict(words))
    errors = [one for one in training_set.problems if one.severity == "error"]
    if errors or not training_set.items:
        said = errors[0].message if errors else f"There are no pictures to train in {folder}."
        raise UserError(f"{said} {errors[0].fix if errors else ''}".strip())
    return _facts(training_set, is_plain=not _numbered_inside(folder)), training_set


def own_repeats(folder: Path) -> int:
    """The repeats of a plain folder: those that its own name gives, or 1."""
    own = repeats_and_name(folder.absolute().name)
    return own[0] if own and own[0] > 0 else 1


def _numbered_inside(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_dir() and repeats_and_name(path.name) for path in folder.iterdir())


def _facts(training_set: TrainingSet, is_plain: bool) -> DatasetFacts:
    items = training_set.items
    captioned = [item for item in items if item.caption_file is not None and item.caption]
    firsts = {item.path: (tags_as_trained(item) or [""])[0] for item in captioned}
    first = most_first(firsts)
    activation = first[0] if first else ""
    tags = count_tags(captioned)
    least = _NEARLY_ALL * len(captioned)
    everywhere = [tag for tag, count in tags.items() if count >= least and tag != activation and not is_class_word(tag)]
    return DatasetFacts(
        folders=tuple(_folder_facts(training_set)),
        sides=tuple(sorted(round(math.sqrt(item.size[0] * item.size[1])) for item in items)),
        captioned=len(captioned),
        activation=activation,
        without_activation=len(first[1]) if first else 0,
        everywhere=tuple(everywhere) if len(captioned) > 1 else (),
        max_token_length=_token_length(training_set),
        is_plain=is_plain,
        looks=look_of_tags(tags, len(items)),
    )


def _folder_facts(training_set: TrainingSet) -> list[FolderFacts]:
    found = []
    for subset in training_set.subsets:
        pictures = sum(item.subset.index == subset.index for item in training_set.items)
        if pictures:
            found.append(FolderFacts(subset.name, pictures, subset.repeats, subset.class_tokens or subset.name))
    return found


def _token_length(training_set: TrainingSet) -> int | None:
    try:
        return next_length(count_tokens_of(training_set.items, 225).longest)
    except UserError:  # the vocabulary isn't installed, which the plan tells
        return None


def look_at_base(path: Path) -> BaseFacts:
    """Family, width and resolution of a base model; CheckpointError for a file that is none."""
    header = read_header(path)
    family = require_base(header)
    return BaseFacts(
        family,
        unet_width(header) or USUAL_WIDTH,
        _resolution(header),
        wanted_clip_skip(header),
        path.name,
        file_prediction(header).prediction,
    )


def _resolution(header: ModelHeader) -> int:
    """What the file says, or the configuration beside it, or what the family has."""
    usual = FAMILIES[identify(header)].resolution
    if said := _RESOLUTION.fullmatch(header.metadata.get("modelspec.resolution", "")):
        return min(int(said[1]), int(said[2])) or usual
    beside = header.path.with_suffix(".yaml")
    if identify(header) != "sd1" or not beside.is_file():
        return usual  # the configurations of other families say 64 whatever their models draw at
    try:
        found = _LATENT_SIDE.search(beside.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return usual
    return 8 * int(found[1]) if found and int(found[1]) else usual
