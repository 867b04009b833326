"""Which detectors of faces there are and where their files lie: fetched by name, or given. Light: standard library only."""

from __future__ import annotations

import functools
import os
import urllib.error
import urllib.parse
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path

from ...tagger.hub import Progress, RemoteFile, download, listing
from ..files import read_json
from ..problems import UserError


@dataclass(frozen=True)
class Detector:
    """A known one. `path`: its file in its repository on the hub; size and sha256 where they are known beforehand."""

    name: str
    about: str
    repository: str
    path: str
    license: str
    size: int
    sha256: str

    def file(self, models: Path) -> Path:
        """Where the file lies once it was fetched."""
        return models / self.name / Path(self.path).name


@functools.cache
def detectors() -> dict[str, Detector]:
    """The known ones by name."""
    found = read_json(Path(__file__).with_name("detectors.json"))["detectors"]
    return {one["name"]: Detector(**one) for one in found}


def models_in(data: Path) -> Path:
    """The folder of the detectors in a data folder."""
    return data / "models" / "faces"


def detector_file(asked: str, models: Path, progress: Progress = lambda *_: None) -> Path:
    """The .onnx file of a known detector, fetched into `models` where it is not there yet, or the file that `asked` names."""
    known = detectors().get(asked)
    if known is None:
        path = Path(asked).expanduser()
        if path.suffix.lower() != ".onnx" or not path.is_file():
            raise UserError(f"There is no detector of faces {asked}: give {' or '.join(detectors())}, or an .onnx file.")
        return path
    path = known.file(models)
    if not path.is_file():
        _fetch(known, path, progress)
    return path


def _fetch(known: Detector, path: Path, progress: Progress) -> None:
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    address = f"{hub}/{known.repository}/resolve/main/{urllib.parse.quote(known.path)}"
    try:
        download(address, path, _remote(known, hub), progress)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:  # HTTPError is among them
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        raise UserError(
            f"The detector of faces {known.name} isn't here yet and can't be downloaded from {address} ({reason}): put it "
            f"by hand as {path}, or give another .onnx file."
        ) from None


def _remote(known: Detector, hub: str) -> RemoteFile:
    """With the hash that is written down here, else with the one that the hub tells."""
    file = RemoteFile(known.path, known.size, known.sha256)
    if file.sha256:
        return file
    return next((replace(one, path=file.path) for one in listing(hub, known.repository) if one.path == known.path), file)
