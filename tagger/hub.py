"""Gets a tagger from the Hugging Face hub by its name, once: resumed where it was cut off, checked when it is whole.

Standard library only. HF_ENDPOINT names another hub, such as a mirror; HF_TOKEN opens models that ask for a login.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from ..trainer_core.problems import UserError
from .model_files import HUB_OWNER, KNOWN, LABEL_NAMES, MODEL_NAMES

Progress = Callable[[str, int, int], None]  # (file, bytes there, bytes in all or 0)
_NAME = re.compile(r"(?:[\w.-]+/)?[\w.-]+(?:/[\w.-]+)*")
_PIECE = 1 << 20
_PATIENCE = 30  # seconds without a byte


@dataclass(frozen=True)
class RemoteFile:
    """A file of a model on the hub; `path` within its repository; the hash where the hub tells it."""

    path: str
    size: int = 0
    sha256: str = ""


def find_or_download(name: str, models: Path, progress: Progress = lambda *_: None) -> Path:
    """The model's folder: `name` itself where that is a path, else the one in `models`, downloaded where it is not there yet.

    name: `wd-swinv2-tagger-v3`, `owner/name`, or `owner/name/folder`. Raises UserError with what to do by hand.
    """
    if Path(name).expanduser().exists():
        return Path(name).expanduser()
    if not _NAME.fullmatch(name) or {".", ".."} & set(name.split("/")) or name.endswith(".onnx") or name.startswith("."):
        raise UserError(f"The tagger {name} is missing: give a folder with model.onnx and selected_tags.csv, or a hub's name.")
    owner, repository, inner = _parts(name)
    place = [*([] if owner == HUB_OWNER else [owner]), repository, *inner.split("/")]
    folder = models / "_".join(part for part in place if part)
    if is_whole(folder):
        return folder
    if "/" not in name and not name.lower().startswith("wd-"):
        raise UserError(f"The tagger {name} is missing: give a folder with model.onnx and selected_tags.csv, or owner/name.")
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    address = f"{hub}/{owner}/{repository}"
    try:
        files = wanted(listing(hub, f"{owner}/{repository}"), inner)
        for file in files or [RemoteFile(MODEL_NAMES[0]), RemoteFile(LABEL_NAMES[0])]:
            download(f"{address}/resolve/main/{urllib.parse.quote(file.path)}", folder / Path(file.path).name, file, progress)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404):
            reason = "asks for a login: set HF_TOKEN" if error.code != 404 else _unknown(repository)
            raise UserError(f"{hub} {reason} ({name}, HTTP {error.code}).") from None
        raise _by_hand(address, folder, f"HTTP {error.code}") from None
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise _by_hand(address, folder, str(getattr(error, "reason", error)) or type(error).__name__) from None
    return folder


def is_whole(folder: Path) -> bool:
    """Whether a model and its list are there, and no download of the folder was cut off."""
    if not folder.is_dir() or list(folder.glob("*.part")):
        return False
    return bool(list(folder.glob("*.onnx"))) and any((folder / name).is_file() for name in LABEL_NAMES)


def _unknown(repository: str) -> str:
    alike = difflib.get_close_matches(repository, KNOWN, 1)
    return f"has no such model, did you mean {alike[0]}?" if alike else "has no such model: look at its name"


def _parts(name: str) -> tuple[str, str, str]:
    """Owner, repository and the folder within it."""
    parts = name.split("/")
    if len(parts) == 1:
        return HUB_OWNER, parts[0], ""
    return parts[0], parts[1], "/".join(parts[2:])


def _by_hand(address: str, folder: Path, reason: str) -> UserError:
    return UserError(
        f"The tagger can't be downloaded from {address} ({reason}): put its model.onnx and selected_tags.csv into {folder} "
        "by hand, or give the path of a folder that has them."
    )


def listing(hub: str, repository: str) -> list[RemoteFile]:
    """The repository's files; raises URLError where the hub can't be reached."""
    with _open(f"{hub}/api/models/{repository}?blobs=true") as answer:
        try:
            content: Any = json.loads(answer.read())
            files = content["siblings"]
            return [_remote(one) for one in files]
        except (ValueError, KeyError, TypeError):
            return []  # a mirror without the list: the usual names are tried


def _remote(one: dict[str, Any]) -> RemoteFile:
    large = one.get("lfs") or {}
    return RemoteFile(one["rfilename"], int(large.get("size") or one.get("size") or 0), str(large.get("sha256") or ""))


def wanted(files: list[RemoteFile], inner: str) -> list[RemoteFile]:
    """The tag list, the model and the weights that a large one keeps in a file of its own; the model last."""
    here = [file for file in files if str(Path(file.path).parent.as_posix()) == (inner or ".")]
    lists = [file for name in LABEL_NAMES for file in here if Path(file.path).name == name]
    models = [file for name in MODEL_NAMES for file in here if Path(file.path).name == name]
    models = models or [file for file in here if file.path.endswith(".onnx")]
    if not lists or not models:
        if files:
            place = f"{inner} of it" if inner else "it"
            raise UserError(f"That model on the hub is no WD tagger: {place} has no .onnx beside a selected_tags.csv.")
        return []
    weights = [file for file in here if file.path.startswith(models[0].path) and file.path.endswith("data")]
    return [lists[0], *weights, models[0]]


def download(address: str, path: Path, file: RemoteFile, progress: Progress) -> None:
    """Into `<path>.part` first, from where an earlier try was cut off; then checked and renamed."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    there = part.stat().st_size if part.is_file() else 0
    if not file.size or there < file.size:
        with _open(address, there) as answer, part.open("ab" if answer.status == 206 else "wb") as target:
            there = there if answer.status == 206 else 0
            total = file.size or there + int(answer.headers.get("Content-Length") or 0)
            progress(path.name, there, total)
            while piece := answer.read(_PIECE):
                target.write(piece)
                there += len(piece)
                progress(path.name, there, total)
        if total and there < total:
            raise ConnectionError(f"cut off after {there:,} of {total:,} bytes; the next try goes on from there")
    if file.sha256 and _sha256(part) != file.sha256:
        part.unlink()
        raise ConnectionError(f"{path.name} arrived damaged and was removed; try again")
    os.replace(part, path)


def _open(address: str, start: int = 0) -> HTTPResponse:
    headers = {"User-Agent": "lora-workbench"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if token := os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=_PATIENCE)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
