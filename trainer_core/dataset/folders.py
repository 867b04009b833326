"""Which folders hold what is trained (kohya's `<repeats>_<name>`, or a plain folder), and what lies in one of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..picture_names import EXTENSIONS
from ..problems import Problem
from .items import Ignored
from .pictures import OTHER_EXTENSIONS

CAPTION_EXTENSIONS = (".txt", ".caption", ".cap", ".tags")
# Files that lie beside pictures by right: caches, lists and settings of this and other programs.
_SIDE_FILES = (".npz", ".json", ".jsonl", ".toml", ".yaml", ".yml", ".csv", ".md", ".log", ".safetensors", ".bak")
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")
_SYSTEM_FOLDERS = ("__macosx", "__pycache__")
_REG_NAMES = ("reg", "regs", "regularization", "regularisation", "reg_images")


@dataclass
class Findings:
    """What a scan collects by the way."""

    ignored: list[Ignored] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def ignore(self, path: Path, reason: str) -> None:
        self.ignored.append(Ignored(path, reason))

    def tell(self, severity: str, code: str, message: str, fix: str = "") -> None:
        self.problems.append(Problem(severity, code, message, fix))  # type: ignore[arg-type]


@dataclass(frozen=True)
class FoundFolder:
    """A folder to be trained as a subset."""

    folder: Path
    name: str
    repeats: int
    class_tokens: str | None


@dataclass(frozen=True)
class Listing:
    """Pictures of a folder, and caption files by the picture's stem: those that count and those of another extension."""

    pictures: list[Path]
    captions: dict[str, Path]
    other_captions: dict[str, Path]


def repeats_and_name(name: str) -> tuple[int, str] | None:
    """(10, "penny doll") of "10_penny doll"; None for a folder that isn't numbered."""
    number, _, rest = name.partition("_")
    try:
        return int(number), rest
    except ValueError:
        return None


def find_folders(root: Path, plain_repeats: int, is_reg: bool, findings: Findings) -> list[FoundFolder]:
    """The folders to train in `root`, in the order of their names; all that isn't trained goes to `findings`."""
    folders = [path for path in entries(root) if path.is_dir()]
    numbered = [(path, known) for path in folders if (known := repeats_and_name(path.name)) is not None]
    for path in folders:
        if repeats_and_name(path.name) is None:
            _ignore_folder(path, is_reg, findings)
    if not numbered:
        own = repeats_and_name(root.absolute().name)
        name = own[1] if own and own[0] > 0 else root.absolute().name
        if own and own[0] > 0 and own[0] != plain_repeats:
            findings.tell(
                "warning",
                "folder-is-subset",
                f"{root} is itself a numbered folder: its pictures are seen {plain_repeats} times an epoch, not {own[0]}.",
                f"Give the folder above it, or set dataset_repeats to {own[0]}.",
            )
        return [FoundFolder(root, root.absolute().name, plain_repeats, name or None)]
    found = []
    for path, (repeats, name) in numbered:
        if repeats < 1:
            findings.ignore(path, f"its number of repeats is {repeats}: rename it to 1_{name or 'name'} or more")
            continue
        if not is_reg and name.lower() in _REG_NAMES:
            findings.tell(
                "warning",
                "reg-trained-as-subject",
                f"{path} looks like regularization pictures, but it is trained as the subject.",
                "Move it to a folder of its own and give that as reg_data_dir.",
            )
        found.append(FoundFolder(path, path.name, repeats, name or None))
    for path in entries(root):
        if path.is_file() and path.suffix.lower() in (*EXTENSIONS, *OTHER_EXTENSIONS):
            findings.ignore(path, "it lies beside the numbered folders, and only pictures inside them are trained: move it")
    return found


def is_readable(folder: Path, setting: str, findings: Findings) -> bool:
    """Whether the folder is there and may be looked into; else it is told under the setting's name."""
    try:
        if folder.is_dir():
            next(folder.iterdir(), None)
            return True
        why = "is not a folder" if folder.exists() else "doesn't exist"
    except OSError as error:
        why = f"can't be read ({error.strerror or error})"
    findings.tell("error", "folder-missing", f"The folder {folder} ({setting}) {why}.", f"Check the path given as {setting}.")
    return False


def list_folder(folder: Path, caption_extension: str, known: Collection[Path], findings: Findings) -> Listing:
    """Sorts the folder's files; those that can't be trained go to `findings`, and so do folders that aren't `known`."""
    pictures: list[Path] = []
    captions: dict[str, Path] = {}
    other: dict[str, Path] = {}
    for entry in _shown(folder):
        name, path = entry.name, folder / entry.name
        suffix = path.suffix.lower()
        if entry.is_dir():
            if path not in known and all(one.path != path for one in findings.ignored):
                _ignore_folder(path, True, findings, "folders inside it are not read")
        elif suffix in EXTENSIONS:
            pictures.append(path)
        elif caption_extension and name.lower().endswith(caption_extension.lower()):
            captions[name[: -len(caption_extension)]] = path
        elif suffix in CAPTION_EXTENSIONS:
            other.setdefault(path.stem, path)
        elif suffix in OTHER_EXTENSIONS:
            findings.ignore(path, f"{suffix} pictures are not trained: save it as .png")
        elif suffix not in _SIDE_FILES:
            findings.ignore(path, "it is neither a picture nor a caption")
    return Listing(pictures, captions, other)


def entries(folder: Path) -> Iterator[Path]:
    """What lies in the folder, by name, without hidden and system files."""
    return (folder / entry.name for entry in _shown(folder))


def _shown(folder: Path) -> list[os.DirEntry[str]]:
    """The same as the system lists it, which knows folders without being asked for each."""
    with os.scandir(folder) as scan:
        found = sorted(scan, key=lambda entry: entry.name)
    hidden = (*_SYSTEM_FILES, *_SYSTEM_FOLDERS)
    return [entry for entry in found if not entry.name.startswith(".") and entry.name.lower() not in hidden]


def _ignore_folder(path: Path, is_reg: bool, findings: Findings, why: str = "") -> None:
    """Folders without a number aren't trained; they are named with the pictures that lie in them, however deep."""
    count = sum(name.lower().endswith((*EXTENSIONS, *OTHER_EXTENSIONS)) for _, _, names in os.walk(path) for name in names)
    held = f"{count} picture{'' if count == 1 else 's'} in it"
    if not is_reg and path.name.lower() in _REG_NAMES:
        findings.ignore(path, f"regularization pictures are given as reg_data_dir ({held})")
    elif why:
        findings.ignore(path, f"{why} ({held})")
    else:
        findings.ignore(path, f"its name has no number of repeats: rename it to 1_{path.name} ({held})")
