"""What all share."""

from __future__ import annotations

import threading
from pathlib import Path

from modules import paths
from modules.options import OptionInfo, Options  # noqa: F401
from modules.words import words as cmd_opts

cmd_opts.lora_dir = cmd_opts.lora_dir or str(Path(paths.models_path, "Lora"))
opts = Options(Path(paths.data_path, "config.json"), {"localization": "None", "sd_model_checkpoint": None})
demo = None
lives = 0  # how often the tabs have been built


class State:
    """Whether anything is being made, and what the server is asked to do."""

    job, job_count, interrupted = "", 0, False

    def __init__(self) -> None:
        self._asked, self._command = threading.Event(), ""

    def request_restart(self) -> None:
        self._command = "restart"
        self._asked.set()

    def wait_for_command(self) -> str:
        self._asked.wait()
        self._asked.clear()
        return self._command


state = State()


def list_checkpoints() -> None:
    from modules import sd_models

    sd_models.list_models()
