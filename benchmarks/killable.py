"""A training in a process that is to be killed: by whoever started it, or by itself at the n-th touch of its files.

    python -m lora_workbench.benchmarks.killable 17 OUT --config_file run.toml …

kills itself with SIGKILL when it opens, renames, makes or removes something in OUT for the 17th time; 0: never. For POSIX.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..trainer_core.commands import main as run_command

_TOUCHES = frozenset({"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod"})


class Started(Protocol):
    """A process as subprocess has it."""

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...

    def kill(self) -> None: ...


class Forked:
    """A training in a copy of this process, so that nothing needs to be imported again."""

    def __init__(self, words: Sequence[str], touches: int, out: Path, log: Path) -> None:
        self._status: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            _be_the_training(words, touches, out, log)

    def poll(self) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def wait(self) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._status

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self._pid, signal.SIGKILL)


def start(words: Sequence[str], touches: int, out: Path, log: Path, *, forked: bool) -> Started:
    """`train` with the words, in a copy of this process or in a new one; what it prints goes to `log`."""
    if forked:
        return Forked(words, touches, out, log)
    command = [sys.executable, "-X", "utf8", "-m", "lora_workbench.benchmarks.killable", str(touches), str(out), *words]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)


def get_warm() -> None:
    """Imports what a training needs, so that copies of this process have it; computes nothing, which would start threads."""
    import accelerate
    import diffusers.models.autoencoders.autoencoder_kl
    import diffusers.models.unets.unet_2d_condition
    import diffusers.optimization
    import torch._dynamo  # torch's optimizers ask for it
    import transformers.models.clip.modeling_clip
    import transformers.optimization

    from ..trainer_core import between_steps, run, snapshots, train
    from ..trainer_core.generate import during_training

    assert all((accelerate, diffusers, torch, transformers, between_steps, run, snapshots, train, during_training))
    gc.freeze()  # else each copy's first collection would copy all of this memory


def _be_the_training(words: Sequence[str], touches: int, out: Path, log: Path) -> None:
    """Ends the process; nothing of the one that it is a copy of is cleaned up."""
    status = 1
    try:
        with log.open("wb", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = _train(words, touches, out)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _train(words: Sequence[str], touches: int, out: Path) -> int:
    if touches:
        _die_at(touches, str(out))
    return run_command(["train", *words])


def _die_at(touches: int, folder: str) -> None:
    left = touches

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in _TOUCHES and str(arguments[0]).startswith(folder):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    sys.exit(_train(sys.argv[3:], int(sys.argv[1]), Path(sys.argv[2])))
