"""Files for who has no other way to this machine's disk: a run's LoRAs, grids, datasets with their captions, tools' results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...trainer_core.picture_names import EXTENSIONS, READABLE
from ..asked_settings import CAPTION_EXTENSIONS
from ..errors import MISSING, NOT_NOW, Refused
from ..job_reader import JobReader
from ..lora_files import known_loras
from ..rights import relative_to, shown
from ..trained import trained_by
from .calls import PREFIX, Answer, Call, Download, Route
from .grid_asked import grid_folder, open_project, run_of
from .pictures import shown_folder

_DEEPEST = 4
_MADE = (".png", ".jpg", ".jpeg", ".webp", ".json", ".html", ".csv", ".txt")


def get_dataset(call: Call) -> Answer:
    """A dataset's pictures with their captions as a zip; with `captions` those alone."""
    folder = shown_folder(call)
    kinds = CAPTION_EXTENSIONS if call.query.get("captions") else (*EXTENSIONS, *READABLE, *CAPTION_EXTENSIONS)
    files = list(_files(folder, kinds, links=not call.workbench.rights.restricted))
    if not files:
        raise Refused("There is nothing in this folder that could be downloaded.", MISSING)
    return Download(files=files, name=f"{folder.name}_captions.zip" if call.query.get("captions") else f"{folder.name}.zip")


def _files(
    folder: Path, kinds: tuple[str, ...], before: str = "", deeper: int = _DEEPEST, *, links: bool = False
) -> Iterator[tuple[Path, str]]:
    """Files of those kinds and their names below the folder, no hidden ones. A link may lead anywhere: only with `links`."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (path.is_symlink() and (path.is_dir() or not links)):
            continue
        if path.is_file() and path.suffix.lower() in kinds:
            yield path, before + path.name
        elif deeper and path.is_dir():
            yield from _files(path, kinds, f"{before}{path.name}/", deeper - 1, links=links)


def get_run_file(call: Call) -> Answer:
    """One of a run's LoRA files."""
    path = trained_by(call.workbench.jobs, call.path["id"]).file(call.query.get("name"))
    return _whole(call, path)


def get_run(call: Call) -> Answer:
    """All of a run's LoRA files, its samples and its settings as a zip."""
    reader = call.workbench.jobs.get(call.path["id"])
    if reader.alive:
        raise Refused("The run is still going on: take single files now, or all of it when it has ended.", NOT_NOW)
    run = trained_by(call.workbench.jobs, call.path["id"])
    for path in run.files:
        call.workbench.rights.may_read(str(path), "The LoRA")
    samples = [path for path in _samples(call, reader) if path.is_file()]
    files = [(path, path.name) for path in run.files] + [(path, f"samples/{path.name}") for path in samples]
    beside = [path.with_suffix(kind) for path in run.files for kind in (".json", ".toml")]
    files += [(path, path.name) for path in beside if path.is_file() and not path.is_symlink()]
    return Download(files=files, name=f"{run.name}.zip")


def _samples(call: Call, reader: JobReader) -> Iterator[Path]:
    for event in reader.samples:
        path = reader.sample(Path(str(event.get("path", ""))).name)
        if path and path.suffix.lower() in EXTENSIONS and not path.is_symlink() and _is_runs_own(reader, path):
            yield path


def _is_runs_own(reader: JobReader, path: Path) -> bool:
    settings = reader.job.get("settings") or {}
    places = [reader.folder, *([Path(settings["output_dir"])] if settings.get("output_dir") else [])]
    return any(relative_to(path.resolve(), place) is not None for place in places)


def get_grid(call: Call) -> Answer:
    """A grid as it is drawn: its page, its sheets, its single pictures."""
    project = open_project(call)
    asked = call.query.get("run", "")
    folder = grid_folder(call, project, run_of(call, project, asked) if asked else None)
    if not (folder / "grid.json").is_file():
        raise Refused("Nothing of this grid is drawn yet.", MISSING)
    return Download(files=list(_files(folder, _MADE)), name=f"{folder.name}_grid.zip")


def get_lora(call: Call) -> Answer:
    """A LoRA that the page lists, or that a tool wrote."""
    asked = call.query.get("path", "")
    made = (str(path) for reader in call.workbench.jobs.refresh() if reader.kind == "tool" for path in reader.written)
    known = {one["path"] for one in known_loras(call.workbench)}.union(made)
    if asked not in known:
        raise Refused(f"There is no LoRA {shown(Path(asked).name)} that could be downloaded.", MISSING)
    return _whole(call, Path(asked))


def _whole(call: Call, path: Path) -> Download:
    call.workbench.rights.may_read(str(path), "The LoRA")
    if not path.is_file():
        raise Refused(f"The file {path.name} is no longer there.", MISSING)
    return Download(path=path, name=path.name)


ROUTES = (
    Route("GET", f"{PREFIX}/download/dataset", get_dataset, "a dataset as a zip", query=("folder", "captions")),
    Route("GET", f"{PREFIX}/download/grid", get_grid, "a grid as a zip", query=("run",)),
    Route("GET", f"{PREFIX}/download/lora", get_lora, "a LoRA file", query=("path",)),
    Route("GET", f"{PREFIX}/download/run/{{id}}", get_run, "a run's LoRAs, samples and settings as a zip"),
    Route("GET", f"{PREFIX}/download/run/{{id}}/file", get_run_file, "one of a run's LoRA files", query=("name",)),
)
