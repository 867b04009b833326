"""How long each extension's script and callbacks took, in seconds by extension, until the host was ready for the first time."""

from __future__ import annotations

import time
from contextlib import contextmanager

seconds: dict[str, float] = {}


@contextmanager
def taken_by(who: str):
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[who] = round(seconds.get(who, 0.0) + time.perf_counter() - began, 4)
