"""Projects: a folder each in the data folder, with `project.json`; which one is open, and the options, in `state.json`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..tagger.captions import MODES
from ..trainer_core.files import read_json, write_atomically, write_json
from .advice_options import ADVICE_DEFAULTS, checked_advice_options
from .asked_settings import CAPTION_EXTENSIONS, checked_settings
from .blocks_options import BLOCKS_DEFAULTS, checked_blocks_options
from .errors import FORBIDDEN, MISSING, NOT_NOW, Refused
from .grid_options import TEST_DEFAULTS, checked_test_options
from .models import allowed_tagger
from .reg_options import REG_DEFAULTS, WAYS, checked_reg_options, reg_root
from .rights import Rights, file_name, relative_to, shown

PROJECT, STATE, PROMPTS = "project.json", "state.json", "sample_prompts.txt"
_LONGEST_TEXT, _MOST_TAGS, _MOST_BYTES = 20_000, 500, 1 << 20
TAG_DEFAULTS: dict[str, Any] = {
    "model": "",
    "general": 0.35,
    "character": 0.85,
    "mcut": False,
    "mode": "if-empty",
    "first": [],
    "exclude": [],
    "rating": "no",
    "underscores": False,
    "caption_extension": ".txt",
    "recursive": True,  # a dataset may be kohya's tree: 4_penny and the like in it
}
_DEFAULTS: dict[str, Any] = {
    "dataset": "",
    "base_model": "",
    "preset": "new_project",
    "settings": {},
    "tag": TAG_DEFAULTS,
    "reg": REG_DEFAULTS,
    "test": TEST_DEFAULTS,
    "blocks": BLOCKS_DEFAULTS,
    "advice": ADVICE_DEFAULTS,
    "page": "pictures",
    "prompts": "",
    "notes": "",
}
_PARTS = ("tag", "reg", "test", "blocks", "advice")  # whose values change one by one, and have defaults
OPTION_DEFAULTS: dict[str, Any] = {"when_done": "nothing", "command": "", "language": "auto", "models_folder": ""}
LANGUAGES = ("en", "zh_CN", "zh_TW", "ja")
_CHOICES = {
    "page": ("pictures", "tag", "captions", "reg", "train", "blocks", "test", "tools"),
    "when_done": ("nothing", "command", "shutdown"),
    "language": ("auto", *LANGUAGES),
    "mode": MODES,
    "rating": ("no", "first", "last"),
    "caption_extension": CAPTION_EXTENSIONS,
}


class Projects:
    """The projects in a data folder. Safe from several threads; another process sees what was written last."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / "projects"
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """All projects by name."""
        return sorted((path.parent.name for path in self.folder.glob(f"*/{PROJECT}")), key=str.lower)

    def current(self) -> dict[str, Any] | None:
        """The open project, or None; one whose folder was taken away is no longer open."""
        name = self._state().get("project")
        try:
            return self.read(name) if isinstance(name, str) and name else None
        except Refused:
            return None

    def read(self, name: Any) -> dict[str, Any]:
        path = self.path(name) / PROJECT
        try:
            content = read_json(path)
            parts = {part: {**_DEFAULTS[part], **content.get(part, {})} for part in _PARTS}
            return {**_DEFAULTS, **content, **parts, "name": path.parent.name}
        except FileNotFoundError:
            raise Refused(f"There is no project {shown(name)}.", MISSING) from None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise Refused(f"{path} can't be read ({error}): mend or remove it.", NOT_NOW) from None

    def path(self, name: Any) -> Path:
        """The project's folder."""
        return self.folder / file_name(name, "The project's name")

    def create(self, name: Any) -> dict[str, Any]:
        """A new project with that name, which is open then."""
        with self._lock:
            path = self.path(name)
            if any(path.name.lower() == taken.lower() for taken in self.names()):
                raise Refused(f"There is a project {path.name} already: open it, or give another name.", NOT_NOW)
            write_json(path / PROJECT, _DEFAULTS)
            return self.open(path.name)

    def open(self, name: Any) -> dict[str, Any]:
        with self._lock:
            project = self.read(name)
            self._write_state(project=project["name"])
            return project

    def change(self, changes: Any, rights: Rights, name: Any = None) -> dict[str, Any]:
        """Takes the changes into the project of that name, else into the open one; None takes a setting back to its default."""
        if not isinstance(changes, Mapping):
            raise Refused("changes must be names and values.")
        with self._lock:
            project = self.current() if name is None else self.read(name)
            if project is None:
                raise Refused("No project is open: make one, or open one.", NOT_NOW)
            for part, value in changes.items():
                if part not in _DEFAULTS:
                    raise Refused(f"A project has no {shown(part)}.")
                project[part] = self._changed(part, project, value, rights)
            content = {part: value for part, value in project.items() if part != "name"}
            if len(json.dumps(content)) > _MOST_BYTES:
                raise Refused("The project is too large to be kept: give shorter texts.")
            write_json(self.path(project["name"]) / PROJECT, content)
            return project

    def _changed(self, name: str, project: Mapping[str, Any], value: Any, rights: Rights) -> Any:
        if name == "settings":
            if not isinstance(value, Mapping):
                raise Refused("settings must be names and values.")
            merged = {**project["settings"], **checked_settings(value, rights, self.own_folders(project["name"]))}
            return {one: kept for one, kept in merged.items() if value.get(one, kept) not in (None, "")}
        if name == "tag":
            return {**project["tag"], **checked_tag_options(value, rights)}
        if name == "reg":
            return {**project["reg"], **checked_reg_options(value, rights, project["reg"])}
        if name == "test":
            return {**project["test"], **checked_test_options(value, rights)}
        if name == "blocks":
            return {**project["blocks"], **checked_blocks_options(value, rights)}
        if name == "advice":
            return {**project["advice"], **checked_advice_options(value, rights)}
        if name in ("dataset", "base_model"):
            if value in (None, ""):
                return ""
            if name == "dataset" and rights.hide_folders and value != project["dataset"]:
                raise Refused("Folders can't be changed: this webui was started with --hide-ui-dir-config.", FORBIDDEN)
            if name == "dataset":
                return str(rights.may_hold_pictures(value, "The dataset"))
            return str(rights.may_read(value, "The base model"))
        return _plain(name, value)

    def pictures_folder(self, name: Any) -> Path:
        """Where pictures come to lie that are uploaded into a project without a dataset.

        Its name is the project's: a picture without a caption is trained by the folder's name, and a notebook asks for it.
        """
        folder = self.path(name)
        return folder / "pictures" / folder.name

    def give_dataset(self, name: Any, folder: Path) -> None:
        """Makes the folder the project's dataset where it has none."""
        with self._lock:
            project = self.read(name)
            if not project["dataset"]:
                content = {one: value for one, value in project.items() if one != "name"}
                write_json(self.path(name) / PROJECT, {**content, "dataset": str(folder)})

    def has_opened(self, folder: Path) -> bool:
        """Whether the folder is a project's dataset, or lies in one, links followed."""
        real = folder.resolve()
        datasets = [self.read(name)["dataset"] for name in self.names()]
        return any(relative_to(real, Path(dataset)) is not None for dataset in datasets if dataset)

    def shows(self, folder: Path) -> bool:
        """Whether the folder's pictures may be shown: a dataset, or where a project has its regularization pictures."""
        if self.has_opened(folder):
            return True
        real = folder.resolve()
        for name in self.names():
            project = self.read(name)
            chosen = (project["settings"].get("reg_data_dir"), project["reg"]["folder"], self.path(name) / "reg")
            if any(relative_to(real, Path(one)) is not None for one in chosen if one):
                return True
        return False

    def own_folders(self, name: str) -> frozenset[str]:
        """The folders that we chose for the project, which may be named whatever else may not."""
        return frozenset(str(reg_root(self.path(name), way)) for way in WAYS)

    def prompts_file(self, project: Mapping[str, Any]) -> Path | None:
        """Writes the project's sample prompts into a file, as a run reads them; None where there are none."""
        if not project["prompts"].strip():
            return None
        path = self.path(project["name"]) / PROMPTS
        write_atomically(path, project["prompts"].rstrip() + "\n")
        return path

    def options(self) -> dict[str, Any]:
        kept = self._state().get("options")
        return (
            {**OPTION_DEFAULTS, **{name: kept[name] for name in OPTION_DEFAULTS if name in kept}} if kept else OPTION_DEFAULTS
        )

    def set_options(self, changes: Any, rights: Rights) -> dict[str, Any]:
        if not isinstance(changes, Mapping):
            raise Refused("options must be names and values.")
        with self._lock:
            options = dict(self.options())
            for name, value in changes.items():
                if name not in OPTION_DEFAULTS:
                    raise Refused(f"There is no option {shown(name)}.")
                if name in ("when_done", "command") and value != OPTION_DEFAULTS[name]:
                    rights.must_be_unrestricted("Running a command when all is done")
                if name == "models_folder" and value:
                    value = str(rights.may_read(value, "The models' folder"))
                options[name] = _plain(name, value)
            self._write_state(options=options)
            return options

    def _state(self) -> dict[str, Any]:
        try:
            content = read_json(self.data / STATE)
        except (OSError, ValueError):  # not there yet, or damaged by hand: nothing is open
            return {}
        return content if isinstance(content, dict) else {}

    def _write_state(self, **values: Any) -> None:
        write_json(self.data / STATE, {**self._state(), **values})


def checked_tag_options(asked: Any, rights: Rights) -> dict[str, Any]:
    """Options of a tag job with plain values and an allowed model; Refused with one sentence."""
    if not isinstance(asked, Mapping):
        raise Refused("The tagger's options must be names and values.")
    checked: dict[str, Any] = {}
    for name, value in asked.items():
        if name not in TAG_DEFAULTS:
            raise Refused(f"The tagger has no option {shown(name)}.")
        if name == "model":
            checked[name] = allowed_tagger(value, rights)
        else:
            checked[name] = TAG_DEFAULTS[name] if value is None else _plain(name, value, TAG_DEFAULTS[name])
    return checked


def _plain(name: str, value: Any, default: Any = "") -> Any:
    """The value where it is of its default's type and one of its choices; Refused else."""
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise Refused(f"{name} must be one of {', '.join(_CHOICES[name])}, not {shown(value)}.")
        return value
    check: Callable[[Any], bool] = _CHECKS[type(default)]
    if not check(value):
        raise Refused(f"{name} can't be {shown(value)}.")
    return value


_CHECKS: dict[type, Callable[[Any], bool]] = {
    str: lambda value: isinstance(value, str) and len(value) <= _LONGEST_TEXT and "\0" not in value,
    bool: lambda value: isinstance(value, bool),
    float: lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1,
    list: lambda value: (
        isinstance(value, list) and len(value) <= _MOST_TAGS and all(isinstance(tag, str) and len(tag) <= 500 for tag in value)
    ),
}
