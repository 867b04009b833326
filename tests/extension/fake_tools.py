"""Tools as jobs, for tests: the real ones, at a pace that a test can stop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lora_workbench.trainer_core.endings import Stopped, endings_told
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools import job as tools


def run_tool(folder: Path, job: dict[str, Any], events: EventLog) -> int:
    """A new file whose name begins with "slow" takes two seconds for each module."""
    if Path(job["options"]["out"]).name.startswith("slow"):
        _slow()
    try:
        with endings_told(folder, events):
            tools.run_tool_job(folder, job, events)
    except Stopped:
        return 0
    except UserError:
        return 1
    return 0


def _slow() -> None:
    told = tools._ToldInJob.__call__

    def tell(self: Any, done: int, total: int) -> None:
        told(self, done, total)
        time.sleep(2)

    tools._ToldInJob.__call__ = tell  # type: ignore[method-assign]
