"""What the tests of the extension share: a workbench with a trainer in small, and a client of its API."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lora_workbench.extension.host import Alone
from lora_workbench.extension.job_reader import JobReader
from lora_workbench.extension.jobs import Jobs
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.setup import Setup
from lora_workbench.extension.workbench import Workbench

HEADERS = {"X-LoRA-Workbench": "1"}
API = "/lora_workbench/api/v1"


def fake_command(folder: Path) -> list[str]:
    return [sys.executable, "-I", "-X", "utf8", str(Path(__file__).with_name("fake_trainer.py")), str(folder)]


class Plans:
    """The trainer's own answers, without its process; `asked` are the questions."""

    def __init__(self, answer: Callable[[str, dict[str, Any]], Any]) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def ask(self, what: str, *, patience: float, **values: Any) -> Any:
        assert patience > 60
        self.asked.append(what)
        return self._answer(what, values)

    def end(self) -> None:
        return None


class FakeHost(Alone):
    """A host whose rights and names a test chooses."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.chosen_rights: Rights | None = None
        self.passwords: dict[str, str] = {}
        self.names: frozenset[str] | None = frozenset(("testserver", "127.0.0.1", "localhost"))
        self.loras: Path | None = None

    def rights(self) -> Rights:
        return self.chosen_rights or super().rights()

    def known_hosts(self) -> frozenset[str] | None:
        return self.names

    def api_passwords(self) -> dict[str, str]:
        return self.passwords

    def lora_folder(self) -> Path | None:
        return self.loras


def make_workbench(data: Path) -> Workbench:
    """Ready, with a trainer in small; its queue stands still until a test begins it."""
    setup = Setup(lambda: [sys.executable, "-c", "print('set up')"], lambda: "")
    setup._wrong = ""
    return Workbench(FakeHost(data), Jobs(data, fake_command), setup)


def settings(**names: Any) -> dict[str, Any]:
    return {"max_train_steps": 3, "output_name": "penny", **names}


def add(jobs: Jobs, *, first: bool = False, **names: Any) -> JobReader:
    """A training job of the trainer in small."""
    content = {"settings": settings(output_dir=str(jobs.folder.parent / "out"), **names)}
    return jobs.add("train", names.get("output_name", "penny"), None, content, first=first)


def wait_for(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true answer; AssertionError where none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return answer


def wait_for_state(jobs: Jobs, job_id: str, *states: str, seconds: float = 60.0) -> JobReader:
    return wait_for(lambda: reader if (reader := jobs.get(job_id)).state in states else None, seconds)
