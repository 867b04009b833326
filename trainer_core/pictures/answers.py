"""What the resident helper answers about cutting pictures: places that words mean, one cut, what was made, taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..problems import UserError
from ..questions import Request, path_of, settings_of, text_of, texts_of
from .aside import Moved, aside_in, put_back, set_aside
from .command import extension_of, named, resolution_of, without_bars
from .cutting import Box, Cut, made_in, plain_picture, take_back, write_cuts
from .places import details, face_crop, half_body, named_face, upper_half

_DETAILS = 3


def answer(what: str, request: Request) -> dict[str, Any]:
    return ANSWERS[what](request)


def _places(request: Request) -> dict[str, Any]:
    """{"folder", "name", "settings", "faces"} → {"size", "boxes": {"half", "details", "bars", "face": [[x, y, width, height],
    …]}}. faces: [[x, y, width, height, score], …], what a detector saw in the picture; none where it is left out."""
    (path,) = named(path_of(request, "folder"), [text_of(request, "name")])
    size, bars = plain_picture(path).size, without_bars(path)
    face = named_face(path, size)
    seen = [(x, y, width, height) for x, y, width, height, _ in request.get("faces") or ()]
    return {
        "size": size,
        "boxes": {
            "face": [face] if face else [face_crop(one, size) for one in seen],
            "half": [half_body(one, size) for one in seen] or [upper_half(path)],
            "details": details(path, resolution_of(settings_of(request)), _DETAILS) if min(size) >= 32 else [],
            "bars": [bars] if bars else [],
        },
    }


def _cut(request: Request) -> dict[str, Any]:
    """{"folder", "name", "box", "tags", "target", "settings"} → {"name", "new", "warnings"}: the file's name in the folder."""
    folder = path_of(request, "folder")
    (path,) = named(folder, [text_of(request, "name")])
    target = path_of(request, "target") if request.get("target") else None
    cut = Cut(path, "crop", _box(request.get("box")), tuple(tag for tag in texts_of(request, "tags") if tag.strip()))
    made = write_cuts(folder, [cut], target, extension_of(settings_of(request)))
    (file,) = made.files or made.there
    return {
        "name": file.relative_to(folder).as_posix(),
        "new": bool(made.files),
        "warnings": [reason for _, reason in made.failed],
    }


def _box(value: Any) -> Box:
    whole = isinstance(value, list) and len(value) == 4 and all(isinstance(one, int) for one in value)
    if not whole:
        raise UserError("box must be left, top, width and height in pixels.")
    return value[0], value[1], value[2], value[3]


def _made(request: Request) -> dict[str, Any]:
    """{"folder"} → {"made": [{"name", "source", "box"}]}, the newest first."""
    ours = made_in(path_of(request, "folder"))
    return {"made": [{"name": name, "source": one.get("source"), "box": one.get("box")} for name, one in ours.items()][::-1]}


def _back(request: Request) -> dict[str, Any]:
    """{"folder", "names"} → {"gone", "left": [{"name", "reason"}]}."""
    done = take_back(path_of(request, "folder"), texts_of(request, "names"))
    return {"gone": done.gone, "left": [{"name": name, "reason": reason} for name, reason in done.left]}


def _aside(request: Request) -> dict[str, Any]:
    """{"folder"} → {"aside": [name]}."""
    return {"aside": aside_in(path_of(request, "folder"))}


def _set_aside(request: Request) -> dict[str, Any]:
    """{"folder", "names"} → {"moved", "left": [{"name", "reason"}]}."""
    return _moved(set_aside(path_of(request, "folder"), texts_of(request, "names")))


def _put_back(request: Request) -> dict[str, Any]:
    return _moved(put_back(path_of(request, "folder"), texts_of(request, "names")))


def _moved(done: Moved) -> dict[str, Any]:
    return {"moved": done.moved, "left": [{"name": name, "reason": reason} for name, reason in done.left]}


ANSWERS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "cut_places": _places,
    "cut": _cut,
    "cuts_made": _made,
    "cut_back": _back,
    "aside": _aside,
    "set_aside": _set_aside,
    "put_back": _put_back,
}
