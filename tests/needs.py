"""What tests need that a machine may lack: skipped by name, but where CI runs, a failure."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def missing(what: str) -> NoReturn:
    """Skips by name what this machine lacks; where CI runs, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is missing")


def find_chromium() -> str:
    """The browser's program: CHROMIUM's, else the system's."""
    found = os.environ.get("CHROMIUM") or next((path for name in _CHROMIUM if (path := shutil.which(name))), None)
    return found or missing("Chromium")
