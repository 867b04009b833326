"""The words of `python install.py …`, and how its errors reach the user."""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ..trainer_core.events import JobLock
from ..trainer_core.files import data_folder, free_name
from ..trainer_core.problems import UserError, WordsError
from .doctor import examine
from .environment import ROOT, VENV, set_up, venv_python, what_is_wrong
from .processes import run, run_to_its_end
from .ui_words import LOGIN, add_words, as_words


def main(argv: Sequence[str]) -> int:
    """Runs the command; returns 0 where it is done, 1 where it failed, 2 where the words are wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path that the terminal can't show must not end the set-up
    words, rest = _parser().parse_known_args(list(argv))
    try:
        if rest and words.command not in ("demo", "test"):
            raise WordsError(f"{' '.join(rest)}: not understood; `python install.py {words.command} --help` says what is.")
        return _run(words, rest)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_status
    except KeyboardInterrupt:
        print("error: stopped by the keyboard; the next set-up mends what this one left unfinished.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or 'in a file of the set-up'}.", file=sys.stderr)
        return 1


def _run(words: argparse.Namespace, rest: list[str]) -> int:
    if words.command == "doctor":
        lines, is_well = examine(words.train)
        print("\n".join(lines))
        return 0 if is_well else 1
    if words.command == "setup" or getattr(words, "python", None) or getattr(words, "torch", None) or what_is_wrong(VENV):
        _set_up(words)
    if words.command == "setup":
        print(
            "Next: `python install.py ui` opens the page without webui; `python install.py demo` tries it all on a toy world."
        )
    if words.command == "demo":
        out = ["--out", str(words.out)] if words.out else []
        return run([venv_python(VENV), "-I", "-X", "utf8", "-m", "lora_workbench.demo", *out, *rest])
    if words.command == "test":
        return run([venv_python(VENV), "-I", "-X", "utf8", "-m", "pytest", "-q", *rest], cwd=ROOT)
    if words.command == "ui":
        if words.login:
            os.environ[LOGIN] = words.login
        return run_to_its_end(
            [venv_python(VENV), "-I", "-X", "utf8", "-m", "lora_workbench.extension.standalone", *as_words(words)]
        )
    return 0


def _set_up(words: argparse.Namespace) -> None:
    """Sets up while no other process does."""
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", flush=True)

    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]
    lock = JobLock(Path(tempfile.gettempdir()) / f"lora_workbench-setup-{name}.lock")
    if not lock.acquire():
        raise UserError(f"Another set-up is at work in {ROOT}; wait for it to end.")
    try:
        log = free_name(data_folder() / "logs" / time.strftime("setup-%Y%m%d-%H%M%S.txt"))
        log.parent.mkdir(parents=True, exist_ok=True)
        set_up(getattr(words, "python", None), getattr(words, "torch", None), say, log)
    finally:
        lock.release(remove=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.py", description="Sets up LoRA Workbench's trainer, shows and tests it.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="setup|ui|demo|test|doctor")
    helps = {
        "setup": "make or repair the trainer's environment",
        "demo": "set up what is missing, then the whole workflow on the toy world",
        "test": "set up what is missing, then all tests (words after it go to pytest)",
        "doctor": "what is installed, which GPU, what is wrong and how to mend it",
        "ui": "set up what is missing, then the page without webui",
    }
    more = {
        "demo": "The demo's own words go with them: --creature zibbo or mirra, --seed N, --shuffle-captions (docs/demo.md).",
        "ui": "Ctrl+C ends the page; its jobs go on. From other machines: docs/remote.md.",
    }
    for name, text in helps.items():
        about = f"{text[0].upper()}{text[1:]}."
        command = commands.add_parser(name, help=text, description=about, epilog=more.get(name), allow_abbrev=False)
        if name in ("setup", "demo", "test"):
            command.add_argument("--python", type=_path, metavar="PATH", help="make the environment with this Python")
            command.add_argument(
                "--torch", type=_torch, metavar="BUILD", help="auto (follows the GPU), cpu, cu126, cu129, cu130, rocm7.2"
            )
        if name == "ui":
            add_words(command)
        if name == "doctor":
            about = "also train twenty steps on the toy world, and compare their losses with what they should be"
            command.add_argument("--train", action="store_true", help=about)
        if name == "demo":
            command.add_argument("--out", type=Path, metavar="DIR", help="new folder for everything the demo makes")
    return parser


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _torch(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cu\d+|rocm[\d.]+|xpu", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no build of PyTorch; write auto, cpu, cu130, rocm7.2 …")
    return text
