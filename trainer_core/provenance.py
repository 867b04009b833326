"""Where the made pictures of a dataset are from: `provenance.json` in the dataset, so that it goes where the pictures go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import read_json, write_json
from .problems import UserError

PROVENANCE = "provenance.json"


def read_provenance(dataset: Path) -> dict[str, dict[str, Any]]:
    """{name of the file in the dataset: what is told of it}; UserError where the file is damaged."""
    path = dataset / PROVENANCE
    try:
        known = read_json(path) if path.is_file() else {}
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}): mend it, or move it away.") from error
    if not isinstance(known, dict):
        raise UserError(f"{path} is not a JSON object: mend it, or move it away.")
    return known


def tell_provenance(dataset: Path, file: Path, told: Mapping[str, Any]) -> None:
    """Adds a file of the dataset; what was told of it before stays."""
    known, name = read_provenance(dataset), file.relative_to(dataset).as_posix()
    if name not in known:
        write_json(dataset / PROVENANCE, {**known, name: dict(told)})


def forget_provenance(dataset: Path, names: set[str]) -> None:
    """Takes files out of it; the last one takes the file itself away."""
    left = {name: told for name, told in read_provenance(dataset).items() if name not in names}
    if left:
        write_json(dataset / PROVENANCE, left)
    else:
        (dataset / PROVENANCE).unlink(missing_ok=True)
