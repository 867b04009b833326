"""How long each extension's script and callbacks took, in seconds by extension: on the clock, and of the processor."""

from __future__ import annotations

import time
from contextlib import contextmanager

seconds: dict[str, list[float]] = {}


@contextmanager
def taken_by(who: str):
    clock, processor = time.perf_counter(), time.thread_time()
    try:
        yield
    finally:
        before = seconds.get(who, [0.0, 0.0])
        taken = time.perf_counter() - clock, time.thread_time() - processor
        seconds[who] = [round(one + more, 4) for one, more in zip(before, taken)]  # noqa: B905
