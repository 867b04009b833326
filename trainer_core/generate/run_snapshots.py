"""The snapshots that a run left, and the settings it had: found from one of its LoRA files or from its job's folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..events import JOB, read_events
from ..files import data_folder, read_json
from ..models.families import identify
from ..models.header import ModelHeader, read_header
from ..problems import UserError
from ..randomness import uniform_int

_NAME = re.compile(r"(?P<run>.+?)(?:-(?:(?P<epoch>\d{6})|step(?P<step>\d{8})))?\.safetensors", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Snapshot:
    """One LoRA file. `label` is short (e8, step150, final); `digest`: webui's hash of a LoRA, 64 hex digits.

    `session`, `started`: what all files of one run have in common, "" where the file doesn't say; the session follows from
    the seed, so that only both together tell runs apart. `last`: the run's final file. `steps`: how many it was trained for.
    """

    path: Path
    run: str
    label: str
    epoch: int | None
    step: int | None
    session: str
    digest: str
    last: bool
    started: str = ""
    steps: int | None = None

    @property
    def name(self) -> str:
        """The name by which webui knows it."""
        return self.path.stem


def read_snapshot(path: Path) -> Snapshot:
    """One LoRA file, from its header; UserError where it is missing or no LoRA."""
    header = read_header(path)
    if identify(header) != "lora":
        raise UserError(f"{path} is not a LoRA: give a file as kohya's trainers or this one write it.")
    match = _NAME.fullmatch(path.name)
    run, epoch, step = (match["run"], match["epoch"], match["step"]) if match else (path.stem, None, None)
    known = header.metadata
    last = epoch is None and step is None
    if epoch is None and step is None and known.get("ss_epoch", "").isdigit():
        epoch = known["ss_epoch"]
    label = f"step{int(step)}" if step else f"e{int(epoch)}" if epoch else "final"
    return Snapshot(
        path,
        run,
        label,
        int(epoch) if epoch else None,
        int(step) if step else None,
        known.get("ss_session_id", ""),
        known.get("sshs_model_hash") or _content_hash(header),
        last,
        known.get("ss_training_started_at", ""),
        int(known["ss_steps"]) if known.get("ss_steps", "").isdigit() else None,
    )


def _content_hash(header: ModelHeader) -> str:
    """SHA-256 of what follows the header of a safetensors file, of all bytes elsewhere: what webui calls AutoV3."""
    digest = hashlib.sha256()
    with header.path.open("rb") as file:
        if not header.is_torch:
            file.seek(8 + int.from_bytes(file.read(8), "little"))
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def snapshots_of_run(given: Path) -> list[Snapshot]:
    """All snapshots of the run, in the order they were made. `given`: its job's folder, its final file or a snapshot.

    Files of an earlier run under the same name are left out.
    """
    given = given.expanduser()
    folder, name = _place_of_job(given) if given.is_dir() else (given.parent, _run_name(given))
    paths = [path for path in _files(folder) if _run_name(path) == name]
    if not paths:
        raise UserError(f"There is no LoRA {name}.safetensors nor a snapshot of it in {folder}: check the path.")
    found = [read_snapshot(path) for path in paths]
    chosen = next((one for one in found if one.path == given), None) or next((one for one in found if one.last), found[-1])
    found = [one for one in found if (one.session, one.started) == (chosen.session, chosen.started)]
    labels = [one.label for one in found]
    found = [replace(one, label="final") if one.last and labels.count(one.label) > 1 else one for one in found]
    return sorted(found, key=lambda one: (one.last, one.step is not None, one.epoch or 0, one.step or 0))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".safetensors" and path.is_file())


def _run_name(path: Path) -> str:
    match = _NAME.fullmatch(path.name)
    return match["run"] if match else path.stem


def _place_of_job(job: Path) -> tuple[Path, str]:
    """Output folder and name of the run in a job's folder."""
    start = _start_of(job)
    settings = _job_settings(job)
    if start is None or settings is None:
        raise UserError(f"{job} is not the folder of a training that has started: give a job's folder or a LoRA file.")
    return Path(settings.get("output_dir") or ".").expanduser(), str(start["output_name"])


def settings_of_run(snapshots: list[Snapshot]) -> dict[str, Any] | None:
    """The settings that the run was started with, from the jobs in the data folder; None where no job is known."""
    paths = {one.path.resolve() for one in snapshots}
    sessions = {(one.run, one.session) for one in snapshots if one.session}
    alike = None
    jobs = data_folder() / "jobs"
    for job in sorted(jobs.iterdir(), reverse=True) if jobs.is_dir() else ():
        start, settings = _start_of(job), _job_settings(job)
        if start is None or settings is None:
            continue
        if any(Path(one).resolve() in paths for one in _saved(job)) and _identity(start) in (sessions or {_identity(start)}):
            return settings
        if alike is None and _identity(start) in sessions:
            alike = settings
    return alike


def _identity(start: dict[str, Any]) -> tuple[str, str]:
    """Name and session of a run; the session's number follows from its seed."""
    return str(start["output_name"]), str(uniform_int(0, 2**32, int(start["seed"]), "session"))


def _saved(job: Path) -> Iterator[str]:
    for event in read_events(job):
        yield from (
            str(event[key]) for key in ("path", "published") if event.get("kind") in ("saved", "done") and event.get(key)
        )


def _start_of(job: Path) -> dict[str, Any] | None:
    events = read_events(job) if job.is_dir() else ()
    return next((event for event in events if event.get("kind") == "start" and "output_name" in event), None)


def _job_settings(job: Path) -> dict[str, Any] | None:
    try:
        content = read_json(job / JOB)
    except (OSError, ValueError):
        return None
    settings = content.get("settings") if isinstance(content, dict) else None
    return settings if isinstance(settings, dict) else None
