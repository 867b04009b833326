"""How a job ends before it is done: one event with a sentence, the rest in the log."""

import errno
import os
import signal
from pathlib import Path

import pytest

from lora_workbench.trainer_core.endings import Stopped, endings_told, stop_signals
from lora_workbench.trainer_core.events import EventLog, read_events
from lora_workbench.trainer_core.problems import UserError


def ended(folder: Path, error: BaseException) -> tuple[dict, str, BaseException]:
    events = EventLog(folder)
    with pytest.raises(BaseException) as raised, endings_told(folder, events):
        raise error
    log = folder / "log.txt"
    (event,) = read_events(folder)
    return event, log.read_text(encoding="utf-8") if log.exists() else "", raised.value


def test_a_stop_is_no_error(tmp_path: Path) -> None:
    stop = Stopped("The run was stopped.", 3, tmp_path / "penny.safetensors", tmp_path / "penny-state")
    event, log, raised = ended(tmp_path, stop)
    assert (event["kind"], event["step"], event["path"]) == ("stopped", 3, str(tmp_path / "penny.safetensors"))
    assert event["state"] == str(tmp_path / "penny-state") and event["message"] == "The run was stopped."
    assert raised is stop and log == ""


def test_a_sentence_stays_as_it_is(tmp_path: Path) -> None:
    event, log, raised = ended(tmp_path, UserError("The cat is out."))
    assert (event["kind"], event["message"]) == ("error", "The cat is out.") and "Traceback" in log
    assert isinstance(raised, UserError)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("no\ncats"), "(ZeroDivisionError: no). The full report is in"),
        (
            OSError(errno.ENOSPC, "No space left", "out/penny"),
            "No space left: out/penny; free some space there or choose another folder.",
        ),
        (OSError(errno.EIO, "Input/output error", "out/penny"), "Input/output error: out/penny. The full report is in"),
        (MemoryError(), "The memory is full"),
    ],
)
def test_everything_else_becomes_a_sentence(tmp_path: Path, error: Exception, told: str) -> None:
    event, log, raised = ended(tmp_path, error)
    assert told in event["message"] and "\n" not in event["message"]
    assert ("full report" in event["message"]) == ("full report" in told), "where a mend is known, nobody needs it"
    assert isinstance(raised, UserError) and str(raised) == event["message"] and type(error).__name__ in log


def test_a_full_gpu_gets_its_mend(tmp_path: Path) -> None:
    import torch

    event, _, _ = ended(tmp_path, torch.cuda.OutOfMemoryError("CUDA out of memory"))
    assert "gradient_checkpointing" in event["message"]


def test_the_keyboard_keeps_its_own_end(tmp_path: Path) -> None:
    event, _, raised = ended(tmp_path, KeyboardInterrupt())
    assert event["kind"] == "error" and "last state" in event["message"] and isinstance(raised, KeyboardInterrupt)


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
def test_the_first_signal_asks_and_the_second_ends() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as stop:
        assert not stop.asked
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
