"""The commands of `python -m trainer_core`, and how each of their errors reaches the user: as one sentence."""

from __future__ import annotations

import difflib
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
from .problems import UserError, WordsError

COMMANDS = {
    "train": "trains a LoRA; --help lists every setting",
    "plan": "says what `train` would do with the same words, and trains nothing; --json for machines",
}
NOT_BUILT_YET = ("reg", "grid", "extract", "merge", "resize", "bake", "inspect")
USAGE = "usage: python -m trainer_core COMMAND …\n\n" + "".join(f"  {name:<8}{what}\n" for name, what in COMMANDS.items())
_MENDS = {
    errno.ENOSPC: "free some space there or choose another folder",
    errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC: "free some space there or choose another folder",
    errno.EROFS: "that disk is read-only; choose another folder",
    errno.EACCES: "choose another file or folder, or change its rights",
    errno.EPERM: "choose another file or folder, or change its rights",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the first word names; returns its exit status: 0 done, 1 failed or refused, 2 wrong words."""
    words = list(sys.argv[1:] if argv is None else argv)
    _print_anything()
    try:
        return _run(words)
    except UserError as error:
        return _tell(str(error), error.exit_status)
    except KeyboardInterrupt:
        return _tell("stopped by the keyboard.", 1)
    except BrokenPipeError:
        # Whoever read the output has left (`plan | head`); closing the streams at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _tell(f"{_system_sentence(error)} The full report is in {_write_report(words)}.", 1)
    except Exception as error:  # noqa: BLE001  the last place that can turn it into a sentence; the report has all of it
        kind = f"{type(error).__name__}: {error}".splitlines()[0]
        return _tell(f"something went wrong that should not have ({kind}). The full report is in {_write_report(words)}.", 1)


def _run(words: list[str]) -> int:
    if not words:
        raise WordsError("a command is missing.\n" + USAGE)
    if words[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    return _command(words[0])(words[1:])


def _command(name: str) -> Callable[[list[str]], int]:
    """The command's function; imported here, so that no command pays for another's imports."""
    if name == "train":
        from .train import main as command
    elif name == "plan":
        from .plan import main as command
    elif name in NOT_BUILT_YET:
        raise WordsError(f"{name} is not built yet; there are {' and '.join(COMMANDS)}.")
    else:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        raise WordsError(f"{name!r} is not a command" + (f"; did you mean {near[0]}?" if near else ".") + f"\n{USAGE}")
    return command


def _tell(sentence: str, status: int) -> int:
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    return status


def _print_anything() -> None:
    """A terminal that can't show a letter of a file's name shows its code in place of it, and the command goes on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _system_sentence(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    mend = _MENDS.get(error.errno or 0)
    return f"{error.strerror or error}{where}" + (f"; {mend}." if mend else ".")


def _write_report(words: Sequence[str]) -> Path:
    """Writes the traceback to the data folder's logs, or where that can't be written to the system's temporary folder."""
    name = time.strftime("error-%Y%m%d-%H%M%S.txt")
    text = f"python -m trainer_core {' '.join(words)}\n\n{traceback.format_exc()}"
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
