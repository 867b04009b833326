"""Folders, pictures, thumbnails, what a tagger sees, and undo: only in folders that a project has opened."""

from __future__ import annotations

import os
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...tagger.captions import caption_file, read_caption
from ...tagger.journal import Undone, changes, redo, undo
from ..errors import FORBIDDEN, MISSING, Refused
from ..models import fetched_tagger, models_among
from ..pictures import Folder, list_folder
from ..projects import TAG_DEFAULTS, checked_tag_options
from ..rights import file_name, inside, shown
from .calls import PREFIX, Answer, Call, Reply, Route
from .general import translated

_MOST_PICTURES, _MOST_FOLDERS, _COUNTED = 500, 1000, 200
_SIZES = (64, 1024)
_KINDS = {".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_LOOK_PATIENCE = 180.0  # loading a tagger for the first time


def get_folders(call: Call) -> Answer:
    """A folder's folders, for choosing one in the browser."""
    bench = call.workbench
    rights = bench.rights
    rights.must_show_folders()
    roots = list(_roots(call))
    asked = call.query.get("path") or (roots[0]["path"] if roots else "")
    path = rights.may_read(asked, "The folder")
    try:
        with os.scandir(path) as entries:
            names = sorted(
                (
                    one.name
                    for one in entries
                    if one.is_dir(follow_symlinks=not rights.restricted) and not one.name.startswith(".")
                ),
                key=str.lower,
            )
    except OSError as error:
        raise Refused(f"The folder {path} can't be shown: {error.strerror}.", MISSING) from None
    found = [
        {"name": name, "pictures": _count(path / name) if number < _COUNTED else None}
        for number, name in enumerate(names[:_MOST_FOLDERS])
    ]
    return {
        "path": str(path),
        "parent": _parent(call, path),
        "folders": found,
        "pictures": _count(path),
        "models": models_among(path),
        "roots": roots,
    }


def _parent(call: Call, path: Path) -> str | None:
    if path.parent == path:
        return None
    try:
        return str(call.workbench.rights.may_read(str(path.parent), "The folder"))
    except Refused:
        return None


def _count(folder: Path) -> int | None:
    try:
        return len(list_folder(folder).names)
    except OSError:
        return None


def _roots(call: Call) -> Iterator[dict[str, str]]:
    """Where choosing may begin."""
    rights, data = call.workbench.rights, call.workbench.host.data
    if rights.restricted:
        yield from ({"name": root.name, "path": str(root)} for root in rights.readable if root.is_dir())
        return
    yield {"name": "~", "path": str(Path.home())}
    if data.is_dir():
        yield {"name": data.name, "path": str(data)}
    if os.name == "nt":
        drives = (f"{letter}:\\" for letter in string.ascii_uppercase)
        yield from ({"name": drive, "path": drive} for drive in drives if Path(drive).exists())
    else:
        yield {"name": "/", "path": "/"}


def get_pictures(call: Call) -> Answer:
    """One page of a folder's pictures with their captions; those in the folders of kohya's tree too."""
    folder = shown_folder(call)
    extension = caption_extension(call)
    found = _listed(folder, extension, recursive=call.query.get("recursive") != "0")
    offset = call.number("offset", 0, 0, 1 << 30)
    names = found.names[offset : offset + call.number("limit", 100, 1, _MOST_PICTURES)]
    return {
        "count": len(found.names),
        "captioned": found.captioned,
        "pictures": [{"name": name, "caption": _caption(call, folder, name, extension)} for name in names],
    }


def _listed(folder: Path, extension: str, recursive: bool) -> Folder:
    try:
        return list_folder(folder, extension, recursive=recursive)
    except OSError as error:
        raise Refused(f"The folder {folder} can't be shown: {error.strerror}.", MISSING) from None


def _caption(call: Call, folder: Path, name: str, extension: str) -> str:
    path = caption_file(folder / name, extension)
    if call.workbench.rights.restricted and path.is_symlink():  # a link could show any file's text
        return ""
    return read_caption(path).text


def caption_extension(call: Call) -> str:
    project = call.workbench.projects.current()
    return str(project["tag"]["caption_extension"]) if project else ".txt"


def shown_folder(call: Call) -> Path:
    """The query's folder, where it is a dataset or one with a project's regularization pictures; Refused else."""
    asked = call.query.get("folder")
    if (
        asked
        and call.workbench.projects.shows(folder := call.workbench.rights.may_read(asked, "The folder"))
        and folder.is_dir()
    ):
        return folder
    return opened_folder(call, asked)


def opened_folder(call: Call, asked: Any) -> Path:
    """The folder where a project has opened it; Refused else."""
    if not asked:
        project = call.workbench.projects.current()
        asked = project["dataset"] if project else ""
    folder = call.workbench.rights.may_read(asked, "The folder")
    if not call.workbench.projects.has_opened(folder):
        raise Refused("The folder is not a project's dataset: choose it as the dataset first.", FORBIDDEN)
    if not folder.is_dir():
        raise Refused(f"The folder {folder} is not there.", MISSING)
    return folder


def target_in(call: Call, folder: Path, name: Any, what: str) -> str:
    """The folder in the dataset that new files go into; "" where each goes beside its picture. `what`: its name in refusals."""
    if not name:
        return ""
    path = inside(folder, file_name(name, what), what)
    if call.workbench.rights.restricted:
        call.workbench.rights.may_write(str(path), what)
    return str(path)


def _picture(call: Call, folder: Path, name: Any) -> Path:
    path = inside(folder, name, "The picture")
    if path.suffix.lower() not in Folder.PICTURES:
        raise Refused("That is not a picture.", FORBIDDEN)
    if call.workbench.rights.restricted:
        call.workbench.rights.may_read(str(path), "The picture")
    if not path.is_file():
        raise Refused(f"There is no picture {path.name} in {folder.name}; it may have been removed.", MISSING)
    return path


def get_thumb(call: Call) -> Answer:
    folder = shown_folder(call)
    path = _picture(call, folder, call.query.get("name"))
    size = call.number("size", 256, *_SIZES)
    stat = path.stat()
    mark = f"{stat.st_mtime_ns:x}-{stat.st_size:x}-{size}"
    if call.known == mark:
        return Reply(mark=mark)
    call.workbench.setup.must_be_ready()
    cache = call.workbench.host.data / "cache" / "thumbnails"
    answer = call.workbench.thumbs.ask("thumb", path=str(path), size=size, cache=str(cache))
    made = Path(answer["path"])
    return Reply(made, _KINDS.get(made.suffix.lower(), "application/octet-stream"), mark)


def post_preview(call: Call) -> Answer:
    """What a tagger sees in one picture, with what the thresholds would keep."""
    call.only("folder", "name", *TAG_DEFAULTS)
    options = {
        **TAG_DEFAULTS,
        **checked_tag_options({n: v for n, v in call.body.items() if n in TAG_DEFAULTS}, call.workbench.rights),
    }
    path = _picture(call, opened_folder(call, call.body.get("folder")), call.body.get("name"))
    if not options["model"]:
        raise Refused("No tagger is chosen: choose one above.")
    model = fetched_tagger(options["model"], call.workbench.host.taggers())
    call.workbench.setup.must_be_ready()
    begun = time.monotonic()
    seen = call.workbench.tagger.ask("interrogate", model=model, path=str(path), patience=_LOOK_PATIENCE)
    limits = {"general": options["general"], "character": options["character"]}
    tags = [
        {**one, "kept": one["kind"] != "rating" and one["score"] > limits.get(one["kind"], limits["general"])}
        for one in seen["tags"]
    ]
    return {"tags": tags, "seconds": round(time.monotonic() - begun, 2)}


def get_changes(call: Call) -> Answer:
    """What can be undone, newest first, and what would be redone."""
    found = changes(opened_folder(call, call.query.get("folder")))
    done = [vars(one) for one in found if one.state != "undone"]
    latest = max((one.number for one in found if one.state == "done"), default=0)
    again = [vars(one) for one in found if one.state == "undone" and one.number > latest]
    return translated({"changes": done, "redo": again[-1] if again else None}, call)


def post_undo(call: Call) -> Answer:
    return _turned(call, undo)


def post_redo(call: Call) -> Answer:
    return _turned(call, redo)


def _turned(call: Call, turn: Callable[[Path, int | None], Undone]) -> Answer:
    """`number`: of the change; without it the last one."""
    call.only("folder", "number")
    number = call.body.get("number")
    if isinstance(number, bool) or not isinstance(number, int | None):
        raise Refused(f"number must be a whole number, not {shown(number)}.")
    done = turn(opened_folder(call, call.body.get("folder")), number)
    edited = [path.name for path in done.edited]
    return translated({"what": done.what, "restored": len(done.restored), "edited": edited}, call)


ROUTES = (
    Route("GET", f"{PREFIX}/folders", get_folders, "a folder's folders", query=("path",)),
    Route("GET", f"{PREFIX}/pictures", get_pictures, "a folder's pictures", query=("folder", "offset", "limit", "recursive")),
    Route("GET", f"{PREFIX}/thumb", get_thumb, "a small copy of a picture", query=("folder", "name", "size")),
    Route(
        "POST",
        f"{PREFIX}/tags/preview",
        post_preview,
        "what a tagger sees in one picture",
        body=("folder", "name", *TAG_DEFAULTS),
    ),
    Route("GET", f"{PREFIX}/changes", get_changes, "batches of captions that can be undone", query=("folder",)),
    Route("POST", f"{PREFIX}/undo", post_undo, "takes back the last batch of captions", body=("folder", "number")),
    Route("POST", f"{PREFIX}/redo", post_redo, "brings the batch back that was undone last", body=("folder", "number")),
)
