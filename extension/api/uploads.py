"""Pictures, captions and zip files from the browser's machine into the project's dataset, piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import FORBIDDEN, NOT_NOW, Refused
from ..languages.translate import translate_fields
from ..rights import relative_to
from ..transfer.staging import LARGEST_PIECE, Upload
from .calls import PREFIX, Answer, Call, Route

_LARGEST_LIST = 8 << 20
_SENTENCES = frozenset(("why",))


def post_uploads(call: Call) -> Answer:
    """Begins an upload of the files named; `have`: bytes of each that are here already, null for one that is not wanted."""
    call.only("files")
    project = call.workbench.projects.current()
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    folder = _folder(call, project)
    upload, have, left_out = call.workbench.uploads.staging.begin(project["name"], folder, call.body.get("files"))
    answer = {
        "id": upload.id,
        "folder": folder.name if call.workbench.rights.hide_folders else str(folder),
        "have": have,
        "left_out": left_out,
    }
    return translate_fields(answer, _SENTENCES, call.language)


def _folder(call: Call, project: dict[str, Any]) -> Path:
    """The project's dataset; where it has none, a folder of its own."""
    own = call.workbench.projects.pictures_folder(project["name"])
    if not project["dataset"]:
        return own
    dataset, rights = Path(project["dataset"]), call.workbench.rights
    if rights.restricted and relative_to(dataset.resolve(), call.workbench.host.data) is None:
        raise Refused(
            f"While others can reach this page, pictures are added to datasets in {call.workbench.host.data} only: begin a new "
            "project and upload them there.",
            FORBIDDEN,
        )
    return rights.may_hold_pictures(str(dataset), "The dataset")


def post_piece(call: Call) -> Answer:
    """Puts the body behind what is here of a file; says how much is here then, from where the next piece goes on."""
    number, at = (call.number(name, -1, -1, 1 << 60) for name in ("file", "at"))
    have = call.workbench.uploads.staging.add(call.query.get("id"), number, at, call.content)
    return {"have": have}


def post_finish(call: Call) -> Answer:
    """Puts what has arrived into the dataset; asked again while it is at it, and tells what became of it."""
    call.only("id")
    bench = call.workbench

    def then(upload: Upload) -> None:
        bench.projects.give_dataset(upload.project, upload.folder)
        bench.changed()

    return translate_fields(bench.uploads.finish(call.body.get("id"), then), _SENTENCES, call.language)


def post_stop(call: Call) -> Answer:
    """Forgets an upload and what has arrived of it, unless it is on its way into the dataset already."""
    call.only("id")
    call.workbench.uploads.stop(call.body.get("id"))
    return {}


_UPLOADS = f"{PREFIX}/uploads"
ROUTES = (
    Route("POST", _UPLOADS, post_uploads, "begins an upload into the dataset", body=("files",), largest=_LARGEST_LIST),
    Route(
        "POST", f"{_UPLOADS}/piece", post_piece, "the next bytes of a file", query=("id", "file", "at"), largest=LARGEST_PIECE,
        raw=True,
    ),
    Route("POST", f"{_UPLOADS}/finish", post_finish, "puts an upload's files into the dataset", body=("id",)),
    Route("POST", f"{_UPLOADS}/stop", post_stop, "forgets an upload", body=("id",)),
)  # fmt: skip
