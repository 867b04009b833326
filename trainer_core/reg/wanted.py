"""What a set of regularization pictures should hold, against what its folder holds. Without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...tagger.captions import caption_file, join_tags, same_tag, split_tags, without
from ..dataset.buckets import fits
from ..dataset.caption_text import whole_caption
from ..dataset.items import Item, TrainingSet
from ..generate.base_model import Base
from ..generate.lora_words import with_loras
from ..generate.request import Request, check
from ..picture_names import EXTENSIONS, READABLE, is_picture
from ..problems import UserError
from ..settings import Settings
from .manifest import Manifest, text_hash
from .prompts import activation_of, as_prompt, caption_tags, is_captioned, matched_items, reg_caption, reg_path
from .words import RegOptions

_FIELDS = {"negative": "negative prompt", "clip_skip": "clip skip", "cfg": "CFG", "schedule": "schedule type", "loras": "LoRAs"}


@dataclass(frozen=True)
class Wanted:
    """A picture that the set should hold; `text` is its caption, `source` the hash of the training caption.

    `picture`: the training picture that it belongs to, None in a class set.
    """

    path: Path
    request: Request
    training_seed: int
    text: str
    source: str
    caption_extension: str
    picture: Path | None = None

    @property
    def caption(self) -> Path:
        return caption_file(self.path, self.caption_extension)


@dataclass
class Work:
    """What is to be done in the folder. `stale`: drawn otherwise than wanted, and why; `extra`: of no training picture."""

    make: list[Wanted] = field(default_factory=list)
    kept: list[Wanted] = field(default_factory=list)
    stale: list[tuple[Wanted, str]] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)
    extra: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class WantedSet:
    """The pictures that the set should hold, training pictures that get none for want of a caption, the activation tag.

    `not_trained`: pictures in the training's folders that can't be trained, such as corrupt ones; `plan` says why.
    """

    pictures: list[Wanted]
    without_caption: list[Path] = field(default_factory=list)
    activation: str = ""
    not_trained: list[Path] = field(default_factory=list)


def matched_set(settings: Settings, options: RegOptions, training_set: TrainingSet, folder: Path) -> WantedSet:
    """One picture for each training picture that has a caption."""
    matched = matched_items(training_set)
    without_caption = [one.item.path for one in matched if not is_captioned(one.item)]
    if len(without_caption) == len(matched):
        extension = matched[0].item.subset.options.caption_extension
        raise UserError(
            f"None of the {len(matched)} training pictures has a caption ({extension}), and captions are the prompts: tag them "
            "first, set caption_extension, or draw with --kind class."
        )
    activation = _activation(options, [one.item for one in matched if is_captioned(one.item)])
    class_word = "" if options.drop_activation else options.class_word
    wanted = []
    for index, one in enumerate(matched):
        if is_captioned(one.item):
            text = reg_caption(caption_tags(one.item), activation, class_word)
            request = _request(settings, options, text, one.item.fit.bucket, index if options.seeds == "index" else 0)
            extension = one.item.subset.options.caption_extension
            source = text_hash(whole_caption(one.item))
            path, seed = reg_path(folder, one.stem), settings.seed or 0
            wanted.append(Wanted(path, request, seed, text, source, extension, one.item.path))
    not_trained = [one.path for one in training_set.ignored if one.path.suffix.lower() in (*EXTENSIONS, *READABLE)]
    return WantedSet(wanted, without_caption, activation, not_trained)


def _activation(options: RegOptions, captioned: Sequence[Item]) -> str:
    """The activation tag, as given or as found; UserError where there is none, or where no caption holds it."""
    if options.activation is None:
        found = activation_of(captioned)
        if not found:
            raise UserError('The captions begin with no common tag: name it as --activation, or --activation "" for none.')
        return found
    given = options.activation
    if given and not any(same_tag(given) in map(same_tag, caption_tags(item)) for item in captioned):
        raise UserError(f"No caption holds the activation tag {given!r}: check --activation.")
    return given


def class_set(settings: Settings, options: RegOptions, training_set: TrainingSet, folder: Path) -> WantedSet:
    """`count` pictures of the class word and the chosen tags, each of its own seed, in the training resolution's bucket."""
    text = join_tags(without([options.class_word, *split_tags(options.tags)], ()))
    dataset = training_set.datasets[0]
    (place,) = fits(dataset, [dataset.resolution])
    if isinstance(place, str):
        raise UserError(f"The training's resolution has no bucket: {place}.")
    digits = max(len(str(options.count)), 4)
    pictures = [
        Wanted(
            reg_path(folder, f"{number + 1:0{digits}d}"),
            _request(settings, options, text, place.bucket, number),
            settings.seed or 0,
            text,
            "",
            settings.caption_extension,
        )
        for number in range(options.count)
    ]
    return WantedSet(pictures)


def _request(settings: Settings, options: RegOptions, text: str, size: tuple[int, int], index: int) -> Request:
    if settings.seed is None:
        raise UserError("The settings give no seed, and the pictures are drawn with the training's: set seed, such as 42.")
    request = Request(
        prompt=", ".join(part for part in (as_prompt(text), options.prompt_end) if part),
        negative=options.negative,
        width=size[0],
        height=size[1],
        seed=settings.seed + index,
        steps=options.steps,
        cfg=options.cfg,
        sampler=options.sampler,
        schedule=options.schedule,
        clip_skip=settings.clip_skip or 1,
    )
    check(request)
    return with_loras(request, options.lora_folders)


def compare(folder: Path, manifest: Manifest, wanted: Sequence[Wanted], base: Base, redo: bool) -> Work:
    """What to draw: what is missing, what has a new caption and, with `redo`, all that is stale.

    Nothing but our own unchanged pictures is ever drawn over.
    """
    work, by_stem = Work(), _pictures_by_stem(folder)
    for one in wanted:
        there = by_stem.pop(one.path.stem.lower(), [])
        if not there:
            work.make.append(one)
        elif one.path not in there or not manifest.is_ours(one.path):
            work.foreign += there
        else:
            work.extra += [path for path in there if path != one.path]
            why = _why_stale(manifest, one, base)
            if not why:
                work.kept.append(one)
            elif redo or why == "caption":
                work.make.append(one)
            else:
                work.stale.append((one, why))
    work.extra = sorted([*work.extra, *(path for paths in by_stem.values() for path in paths)])
    return work


def _pictures_by_stem(folder: Path) -> dict[str, list[Path]]:
    """The folder's pictures; stems in lower case, since some disks take both cases for one."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_picture(path.name):
            found.setdefault(path.stem.lower(), []).append(path)
    return found


def _why_stale(manifest: Manifest, wanted: Wanted, base: Base) -> str:
    """What is otherwise than it was drawn: "caption" alone where that was edited; empty where nothing is."""
    entry = manifest.pictures[wanted.path.name]
    before, now = vars(entry.request), vars(wanted.request)
    changed = [_FIELDS.get(name, name) for name in now if before[name] != now[name] and name != "prompt"]
    changed = ["size" if name in ("width", "height") else name for name in changed]
    if entry.base != base.sha256:
        changed.insert(0, "base")
    if entry.vae != base.vae:
        changed.insert(0, "vae")
    if entry.request.prompt != wanted.request.prompt:
        changed.append("caption" if entry.source != wanted.source else _of_prompt(entry.text, wanted))
    return ", ".join(dict.fromkeys(changed))


def _of_prompt(before: str, wanted: Wanted) -> str:
    """Which words of the prompt are others than before, where the training caption is the same."""
    if before == wanted.text:
        return "prompt's end"
    same_class = wanted.picture is None and split_tags(before)[:1] == split_tags(wanted.text)[:1]
    return "tags" if same_class else "class word"


def reasons(stale: Sequence[tuple[Wanted, str]]) -> Mapping[str, int]:
    """{what changed: how many pictures}."""
    found: dict[str, int] = {}
    for _, why in stale:
        found[why] = found.get(why, 0) + 1
    return found
