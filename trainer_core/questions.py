"""What the resident helper is asked with: values of a JSON object, or one sentence where they are missing or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .problems import UserError
from .settings import Settings

Request = Mapping[str, Any]


def settings_of(request: Request) -> Settings:
    """The training settings that the question holds."""
    given = request.get("settings")
    if not isinstance(given, dict):
        raise UserError("settings must be a JSON object of names and values.")
    return Settings.from_dict(given)


def text_of(request: Request, name: str) -> str:
    """A text that must be there."""
    value = request.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{name} is missing.")
    return value


def texts_of(request: Request, name: str) -> list[str]:
    """A list of texts, which may be empty."""
    value = request.get(name)
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise UserError(f"{name} must be a list of texts.")
    return value


def path_of(request: Request, name: str) -> Path:
    """A path that must be there, the user's own folder written out."""
    return Path(text_of(request, name)).expanduser()
