"""Metadata files, as kohya's fine-tuning datasets have them: JSON or JSON lines that name pictures and hold their captions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ..picture_names import EXTENSIONS
from ..problems import WordsError
from ..text_files import decode
from .caption_files import plain_caption
from .folders import Findings, entries, is_readable
from .items import Subset, SubsetOptions


def metadata_subset(
    index: int,
    dataset: int,
    folder: Path | None,
    file: Path,
    repeats: int,
    class_tokens: str | None,
    options: SubsetOptions,
    findings: Findings,
) -> Subset | None:
    """The pictures that a metadata file names; without a folder they are looked for beside it. None where it isn't there."""
    file = file.expanduser()
    folder = (folder or file.parent).expanduser()
    if not is_readable(folder, "train_data_dir or image_dir", findings):
        return None
    return Subset(index, dataset, folder, folder.absolute().name, repeats, False, class_tokens, options, file)


def told_captions(subset: Subset, findings: Findings) -> dict[Path, str]:
    """The captions of a metadata file by picture; names without a picture go to `findings`."""
    options = subset.options
    try:
        read = read_metadata(
            subset.metadata, subset.folder, options.caption_separator, options.enable_wildcard, options.weighted_captions
        )
    except WordsError as error:
        findings.tell("error", "bad-file", str(error), "Mend it, or caption the pictures in .txt files beside them.")
        return {}
    if read.missing:
        which, more = ", ".join(read.missing[:5]), len(read.missing) - 5
        which = which if more < 1 else f"{which} and {more} more"
        message = f"{subset.metadata} names pictures that are not in {subset.folder}: {which}."
        findings.tell(
            "warning", "metadata-missing", message, "Give the folder with the pictures as train_data_dir or image_dir."
        )
    for path in entries(subset.folder):
        if path.suffix.lower() in EXTENSIONS and path not in read.captions:
            findings.ignore(path, "the metadata file doesn't name it")
    return read.captions


@dataclass
class Metadata:
    """Captions by picture, in the file's order, and the names of pictures that are not there."""

    captions: dict[Path, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def read_metadata(path: Path, folder: Path, separator: str, keep_lines: bool, keep_escapes: bool = False) -> Metadata:
    """What the file says of pictures in `folder`; raises WordsError with one sentence.

    Tags stand behind the caption; with `keep_lines` behind each of its lines, one of which is chosen at each step.
    """
    found = Metadata()
    for name, entry in _entries(path):
        picture = _picture(name, folder)
        if picture is None:
            found.missing.append(name)
        else:
            found.captions[picture] = _plain(entry, separator, keep_lines, keep_escapes)
    if not found.captions and not found.missing:
        raise WordsError(f"The metadata file {path} names no picture.")
    return found


def _entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, what is said of it) of each picture."""
    try:
        text = decode(path.read_bytes())[0].removeprefix("\ufeff")
    except OSError as error:
        raise WordsError(f"The metadata file {path} can't be read ({error.strerror or error}).") from None
    try:
        if path.suffix.lower() == ".jsonl":
            lines = [json.loads(line) for line in text.splitlines() if line.strip()]
            content = {str(one["image_path"]): one for one in lines}
        else:
            content = json.loads(text)
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        why = "a line has no image_path" if isinstance(error, (KeyError, TypeError)) else str(error)
        raise WordsError(f"The metadata file {path} is not such JSON as kohya's tools write: {why}.") from None
    if not isinstance(content, dict) or not all(isinstance(one, dict) for one in content.values()):
        raise WordsError(f'The metadata file {path} must be {{"picture": {{"caption": "…", "tags": "…"}}, …}}.')
    yield from content.items()


def _picture(name: str, folder: Path) -> Path | None:
    """The picture's file: under its path, or in the folder, with or without its extension, also where the dataset was moved."""
    last = PureWindowsPath(name).name if "\\" in name else PurePosixPath(name).name
    for one in (Path(name), folder / last) if Path(name).is_absolute() else (folder / name, folder / last):
        for candidate in (one, *(one.with_name(one.name + extension) for extension in EXTENSIONS)):
            if candidate.suffix.lower() in EXTENSIONS and candidate.is_file():
                return candidate
    return None


def _plain(entry: Mapping[str, Any], separator: str, keep_lines: bool, keep_escapes: bool) -> str:
    text = _caption(entry, separator, keep_lines)
    return plain_caption(text, separator=separator, keep_lines=keep_lines, keep_escapes=keep_escapes).text


def _caption(entry: Mapping[str, Any], separator: str, keep_lines: bool) -> str:
    caption, tags = (entry.get(name) for name in ("caption", "tags"))
    caption, tags = (str(one) if one is not None else "" for one in (caption, tags))
    if not tags:
        return caption
    joint = separator if separator.isspace() else separator.strip() + " "
    if not keep_lines:
        return f"{caption}{joint}{tags}" if caption else tags
    flat = joint.join(tags.splitlines())
    return "\n".join(f"{line}{joint}{flat}" for line in caption.splitlines() if line.strip()) or flat
