"""From settings to what is trained: folders, pictures, captions and how often each is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..files import data_folder
from ..settings import Settings, resolved_datasets
from .buckets import fits
from .caption_files import CaptionText, read_caption
from .folders import Findings, Listing, find_folders, is_readable, list_folder
from .items import Dataset, Fit, Ignored, Item, Subset, SubsetOptions, TrainingSet
from .mask_files import find_masks
from .metadata_files import metadata_subset, told_captions
from .picture_memory import look_at
from .pictures import Look
from .regularization import matched_copies, tell_shared_folders
from .scan_report import names, tell_captions, tell_looks, tell_missing, tell_shared
from .validation import keep_out

FALLBACK_RESOLUTION = (512, 512)
_OPTIONS = tuple(field.name for field in fields(SubsetOptions) if field.name != "weighted_captions")


def scan(settings: Settings, decode: bool = False) -> TrainingSet:
    """Looks at every file of the training; never raises for what is wrong with them, but lists and tells it.

    decode: every picture that wasn't yet is decoded, as a run does before it begins; else its first and last bytes tell.
    """
    findings = Findings()
    datasets = _from_toml(settings, findings) if settings.dataset_config else _from_folders(settings, findings)
    memory = data_folder(settings.data_dir) / "cache" / "pictures"
    known = {subset.folder for dataset in datasets for subset in dataset.subsets}
    items: list[Item] = []
    unused: list[Path] = []
    held: list[Item] = []
    for dataset in datasets:
        found = [item for subset in dataset.subsets for item in _items(dataset, subset, known, memory, findings, decode)]
        found, kept_out = keep_out(dataset, found, settings.seed, findings)
        found, left_over = _matched(found)
        items += found
        held += kept_out
        unused += left_over
    used = {item.path for item in items}
    unused = [path for path in dict.fromkeys(unused) if path not in used]
    if unused and items:
        findings.tell(
            "note",
            "reg-unused",
            f"{len(unused)} regularization pictures are not used, because there are more than training pictures with their "
            f"repeats: {names(unused)}.",
            "Raise the repeats of the training folders to use them all, or take these away.",
        )
    subsets = [subset for dataset in datasets for subset in dataset.subsets]
    tell_shared_folders(subsets, findings)
    _check_counts(subsets, items, findings)
    return TrainingSet(
        tuple(datasets),
        tuple(subsets),
        tuple(replace(item, index=index) for index, item in enumerate(items)),
        _without_doubles(findings.ignored),
        tuple(dict.fromkeys(findings.problems)),
        tuple(unused),
        tuple(replace(item, index=index) for index, item in enumerate(held)),
    )


def _from_folders(settings: Settings, findings: Findings) -> list[Dataset]:
    resolution = settings.resolution
    if resolution is None:
        findings.tell("error", "resolution-missing", "resolution is missing: the size to train in.", "Set resolution to 512.")
        resolution = FALLBACK_RESOLUTION
    options = _options(lambda name: getattr(settings, name), settings)
    subsets: list[Subset] = []
    for setting, is_reg in (("train_data_dir", False), ("reg_data_dir", True)):
        root: Path | None = getattr(settings, setting)
        if settings.in_json and not is_reg:
            one = metadata_subset(0, 0, root, settings.in_json, settings.dataset_repeats, None, options, findings)
            subsets += [one] if one else []
            continue
        if root is None:
            if not is_reg:
                fix = "Give train_data_dir (or dataset_config)."
                findings.tell("error", "no-images", "There is no folder with training pictures.", fix)
            continue
        root = root.expanduser()
        if not is_readable(root, setting, findings):
            continue
        for found in find_folders(root, settings.dataset_repeats, is_reg, findings):
            subsets.append(
                Subset(len(subsets), 0, found.folder, found.name, found.repeats, is_reg, found.class_tokens, options)
            )
    return [
        Dataset(
            0,
            resolution,
            settings.train_batch_size,
            settings.enable_bucket,
            settings.min_bucket_reso,
            settings.max_bucket_reso,
            settings.bucket_reso_steps,
            settings.bucket_no_upscale,
            settings.resize_interpolation,
            tuple(subsets),
            settings.validation_split,
            settings.validation_seed,
        )
    ]


def _from_toml(settings: Settings, findings: Findings) -> list[Dataset]:
    datasets: list[Dataset] = []
    count = 0
    for number, resolved in enumerate(resolved_datasets(settings)):
        subsets: list[Subset] = []
        seen: set[tuple[Path, bool]] = set()
        for one in resolved["subsets"]:
            if one["metadata_file"]:
                options = _options(one.__getitem__, settings)
                places = (one["image_dir"], one["metadata_file"])
                of_file = metadata_subset(count, number, *places, one["num_repeats"], one["class_tokens"], options, findings)
                subsets += [of_file] if of_file else []
                count += bool(of_file)
                continue
            folder = Path(one["image_dir"]).expanduser()
            if (folder.absolute(), one["is_reg"]) in seen:
                findings.tell(
                    "warning", "folder-twice", f"{folder} is given twice in dataset {number + 1}.", "It is trained once."
                )
                continue
            seen.add((folder.absolute(), one["is_reg"]))
            if is_readable(folder, "image_dir", findings):
                options = _options(one.__getitem__, settings)
                subsets.append(
                    Subset(
                        count,
                        number,
                        folder,
                        folder.absolute().name,
                        one["num_repeats"],
                        one["is_reg"],
                        one["class_tokens"],
                        options,
                    )
                )
                count += 1
        shared = {field.name: resolved[field.name] for field in fields(Dataset) if field.name not in ("index", "subsets")}
        datasets.append(Dataset(number, subsets=tuple(subsets), **shared))
    return datasets


def _options(value_of: Any, settings: Settings) -> SubsetOptions:
    """Weights count in all captions or in none; masks in files with masked_loss only."""
    options = SubsetOptions(**{name: value_of(name) for name in _OPTIONS}, weighted_captions=settings.weighted_captions)
    return options if settings.masked_loss else replace(options, conditioning_data_dir=None)


@dataclass(frozen=True)
class _Captions:
    """The captions of a subset's pictures: text and file, and what was read of each file."""

    texts: list[str]
    files: list[Path | None]
    read: dict[Path, CaptionText]


def _items(dataset: Dataset, subset: Subset, known: set[Path], memory: Path, findings: Findings, decode: bool) -> list[Item]:
    """The subset's pictures that can be trained; `copies` are its repeats, `index` is not set yet."""
    extension = subset.options.caption_extension
    told = told_captions(subset, findings) if subset.metadata else None
    listing = list_folder(subset.folder, extension, known, findings) if told is None else Listing([*told], {}, {})
    looks, unwritable = look_at(listing.pictures, memory, decode)
    if unwritable:
        findings.tell("note", "memory-unwritable", f"Picture sizes can't be remembered in {memory} ({unwritable}).")
    places: list[Fit | str] = [look.reason for look in looks]
    good = [number for number, look in enumerate(looks) if not look.reason]
    for number, place in zip(good, fits(dataset, [looks[number].size for number in good]), strict=True):
        places[number] = place
    for path, place in zip(listing.pictures, places, strict=True):
        if isinstance(place, str):
            findings.ignore(path, place)
    kept = [
        (path, look, place) for path, look, place in zip(listing.pictures, looks, places, strict=True) if isinstance(place, Fit)
    ]
    paths = [path for path, _, _ in kept]
    captions = _captions(subset, paths, listing, findings) if told is None else _of_metadata(subset, paths, told)
    _tell_all(subset, kept, captions, listing, findings)
    masks = find_masks(subset, [(path, look.size) for path, look, _ in kept], memory, findings, decode)
    return [
        Item(-1, path, subset, look.size, place, text, subset.repeats, file, masks.get(path))
        for (path, look, place), text, file in zip(kept, captions.texts, captions.files, strict=True)
    ]


def _of_metadata(subset: Subset, paths: Sequence[Path], told: Mapping[Path, str]) -> _Captions:
    stand_in = subset.class_tokens or ""
    texts = [(not subset.options.ignore_captions and told[path]) or stand_in for path in paths]
    return _Captions(texts, [None] * len(paths), {})


def _captions(subset: Subset, paths: Sequence[Path], listing: Listing, findings: Findings) -> _Captions:
    """Each picture's caption; where it has none or an empty one, the class tokens."""
    options = subset.options
    texts: list[str] = []
    files: list[Path | None] = []
    read: dict[Path, CaptionText] = {}
    for path in paths:
        file = None if options.ignore_captions else caption_of(path, listing.captions)
        if file is not None and file not in read:
            try:
                read[file] = read_caption(file, options.caption_separator, options.enable_wildcard, options.weighted_captions)
            except OSError as error:
                why = f"The caption {file} can't be read ({error.strerror or error})."
                findings.tell("warning", "caption-unreadable", why, "Check the file and its rights.")
                read[file] = CaptionText("")
        has_text = file is not None and bool(read[file].text)
        texts.append(read[file].text if file is not None and has_text else subset.class_tokens or "")
        files.append(file)
    return _Captions(texts, files, read)


def caption_of(path: Path, captions: dict[str, Path]) -> Path | None:
    """The picture's caption file: of its stem, or of the stem without the face's place in `…_cx_cy_w_h`."""
    stem = path.stem
    if stem in captions:
        return captions[stem]
    whole, *place = stem.rsplit("_", 4)
    return captions.get(whole) if len(place) == 4 and all(part.isdigit() for part in place) else None


def _tell_all(
    subset: Subset, kept: Sequence[tuple[Path, Look, Fit]], captions: _Captions, listing: Listing, findings: Findings
) -> None:
    stems = {path.stem for path in listing.pictures}
    used = {file for file in captions.files if file is not None}
    for stem, file in (*listing.captions.items(), *listing.other_captions.items()):
        if stem not in stems and file not in used:
            findings.ignore(file, "it is a caption without a picture")
    tell_looks([(path, look) for path, look, _ in kept], findings)
    if subset.metadata:
        bare = [path for (path, _, _), text in zip(kept, captions.texts, strict=True) if text in ("", subset.class_tokens)]
        tell_missing(subset, bare, len(kept), listing, findings)
        return
    tell_shared([path for path, _, _ in kept], captions.files, findings)
    tell_captions(subset, [path for path, _, _ in kept], captions.files, captions.read, listing, findings)


def _matched(items: Sequence[Item]) -> tuple[list[Item], list[Path]]:
    """Items of a dataset with the copies of its regularization pictures, and the pictures that are left over."""
    total = sum(item.copies for item in items if not item.subset.is_reg)
    reg = [number for number, item in enumerate(items) if item.subset.is_reg]
    copies = matched_copies([items[number].copies for number in reg], total)
    result = list(items)
    for number, count in zip(reg, copies, strict=True):
        result[number] = replace(items[number], copies=count)
    return [item for item in result if item.copies], [item.path for item in result if not item.copies]


def _check_counts(subsets: Sequence[Subset], items: Sequence[Item], findings: Findings) -> None:
    """A run needs training pictures, and a folder without any is probably not what was meant."""
    held = {item.subset.index for item in items}
    empty = [subset.folder for subset in subsets if not subset.is_reg and subset.index not in held]
    if all(item.subset.is_reg for item in items):
        if all(one.code != "no-images" for one in findings.problems):
            why = "All files that were found are listed with the reason." if findings.ignored else "No picture was found."
            fix = "Put .png, .jpg, .webp or .bmp pictures into a folder named like 10_name."
            findings.tell("error", "no-images", f"There are no pictures to train. {why}", fix)
    elif empty:
        message = f"No picture in {', '.join(map(str, empty))} can be trained."
        findings.tell("warning", "folder-empty", message, "Put pictures into it, or take it away.")


def _without_doubles(ignored: Sequence[Ignored]) -> tuple[Ignored, ...]:
    return tuple(dict.fromkeys(ignored))
