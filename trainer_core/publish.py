"""Puts a finished LoRA where webui looks for it, with the card and the preview that webui shows beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .events import EventLog, read_events
from .files import write_json

_LORA_EXTENSIONS = (".safetensors", ".pt", ".ckpt")
_BESIDE = (*_LORA_EXTENSIONS, ".json", ".preview.png", ".png")  # what webui takes as belonging to a LoRA of that stem


def publish_job(lora: Path, job: Path, events: EventLog, wanted: Mapping[str, Any], family: str = "SD1") -> Path | None:
    """Publishes a job's LoRA as its `publish` says: {"folder", "activation", "notes"}; None, with a warning, where it can't.

    `family`: the base model's, in webui's word (SD1, SD2, SDXL).
    The LoRA that was trained stays where it is in any case.
    """
    folder = Path(str(wanted["folder"])).expanduser()
    try:
        return publish(
            lora,
            folder,
            activation=str(wanted.get("activation") or ""),
            notes=str(wanted.get("notes") or ""),
            preview=last_sample(job),
            family=family,
        )
    except OSError as error:
        why = f"{lora} could not be put into {folder} ({error.strerror or error}): copy it there by hand."
        events.write("warning", code="not-published", message=why)
        print(f"warning: {why}", flush=True)
        return None


def publish(
    lora: Path, folder: Path, *, activation: str = "", notes: str = "", preview: Path | None = None, family: str = "SD1"
) -> Path:
    """Copies the LoRA into `folder` under the next free name, with its card and preview; the copy's path.

    A LoRA that lies in the folder (or in one below it) is not copied. Nothing that is there is ever replaced.
    """
    target = lora if _lies_in(lora, folder) else _copy(lora, folder)
    card = target.with_suffix(".json")
    if not card.exists():
        write_json(card, _card(activation, notes, family))
    picture = target.with_suffix(".preview.png")
    if preview is not None and preview.is_file() and not picture.exists():
        _place(preview, picture)
    return target


def last_sample(job: Path) -> Path | None:
    """The picture of the first prompt among those that the job drew last, if it is still there."""
    drawn = [event for event in read_events(job) if event.get("kind") == "sample"]
    last = [event for event in drawn if event.get("step") == drawn[-1].get("step")]
    first = min(last, key=lambda event: event.get("prompt", 0), default=None)
    path = Path(str(first["path"])) if first else None
    return path if path is not None and path.is_file() else None


def _card(activation: str, notes: str, family: str) -> dict[str, Any]:
    """What webui's own editor of LoRA cards writes."""
    return {
        "description": "",
        "sd version": family,
        "activation text": activation,
        "preferred weight": 1,
        "negative text": "",
        "notes": notes,
    }


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _copy(lora: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    taken = set(_names_below(folder))
    for name in _names(lora.stem):
        if name.lower() not in taken and _place(lora, folder / f"{name}{lora.suffix}"):
            return folder / f"{name}{lora.suffix}"
    raise AssertionError("names never end")


def _names(stem: str) -> Iterator[str]:
    """penny, penny-2, penny-3, …"""
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _names_below(folder: Path) -> Iterator[str]:
    """Names that are taken, in lower case: LoRAs anywhere in the folder, which webui knows by name alone, and cards in it."""
    for place, _, files in os.walk(folder):
        endings = _BESIDE if Path(place) == folder else _LORA_EXTENSIONS
        for file in files:
            for ending in endings:
                if file.lower().endswith(ending):
                    yield file[: -len(ending)].lower()


def _place(source: Path, target: Path) -> bool:
    """Copies whole or not at all, and never over another file; False where `target` is there already."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as written, source.open("rb") as read:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())
        shutil.copymode(source, temporary)
        return _name(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _name(temporary: Path, target: Path) -> bool:
    """Gives a finished file its name; a link fails where the name is taken, in one step, and a rename would not."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links, as on memory sticks
        if target.exists():
            return False
        temporary.rename(target)
    return True
