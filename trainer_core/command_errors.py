"""How a command ends: every error reaches the user as one sentence and an exit status, tracebacks go to a report."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from .files import data_folder, free_name
from .problems import UserError

_MENDS = {
    errno.ENOSPC: "free some space there or choose another folder",
    errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC: "free some space there or choose another folder",
    errno.EROFS: "that disk is read-only; choose another folder",
    errno.EACCES: "choose another file or folder, or change its rights",
    errno.EPERM: "choose another file or folder, or change its rights",
}


def run_command(run: Callable[[list[str]], int], words: Sequence[str], program: str) -> int:
    """Runs a command; its exit status: 0 done, 1 failed or refused, 2 wrong words. `program` is its name for the report."""
    _print_anything()
    try:
        return run(list(words))
    except UserError as error:
        return _tell(str(error), error.exit_status)
    except KeyboardInterrupt:
        return _tell("stopped by the keyboard.", 1)
    except BrokenPipeError:
        # Whoever read the output has left (`plan | head`); closing the streams at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        sentence = system_sentence(error)
        return _tell(sentence if has_mend(error) else f"{sentence} The full report is in {_write_report(program, words)}.", 1)
    except Exception as error:  # noqa: BLE001  the last place that can turn it into a sentence; the report has all of it
        kind = f"{type(error).__name__}: {error}".splitlines()[0]
        report = _write_report(program, words)
        return _tell(f"something went wrong that should not have ({kind}). The full report is in {report}.", 1)


def _tell(sentence: str, status: int) -> int:
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    return status


def _print_anything() -> None:
    """A terminal that can't show a letter of a file's name shows its code in place of it, and the command goes on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def has_mend(error: OSError) -> bool:
    """Whether `system_sentence` says what to do, so that nobody needs a report."""
    return error.errno in _MENDS


def system_sentence(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    mend = _MENDS.get(error.errno or 0)
    return f"{error.strerror or error}{where}" + (f"; {mend}." if mend else ".")


def _write_report(program: str, words: Sequence[str]) -> Path:
    """Writes the traceback to the data folder's logs, or where that can't be written to the system's temporary folder."""
    name = time.strftime("error-%Y%m%d-%H%M%S.txt")
    text = f"{program} {' '.join(words)}\n\n{traceback.format_exc()}"
    try:
        path = free_name(_data_folder(words) / "logs" / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError:
        path = Path(tempfile.mkdtemp(prefix="lora_workbench_")) / name
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path


def _data_folder(words: Sequence[str]) -> Path:
    """The data folder that the words name; they may be the very thing that is wrong, so they are only searched."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        flag, mark, value = word.replace("-", "_").partition("=")
        if flag == "__data_dir":
            return data_folder(word.partition("=")[2] if mark else following)
    return data_folder()
