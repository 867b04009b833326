"""What all commands share: words, folders, how errors are told, and how a planned change is shown or carried out."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from ...trainer_core.problems import UserError, WordsError


class Command(Protocol):
    """A module of commands."""

    def add(self, commands: Any) -> None: ...


class Parser(argparse.ArgumentParser):
    """Wrong words become one sentence with status 2."""

    def error(self, message: str) -> NoReturn:
        raise WordsError(f"{message} ({self.prog} --help lists what there is).")


def main_of(argv: Sequence[str] | None, modules: Sequence[Command], description: str) -> int:
    """Reads the words and runs what they name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal can't show ends no command
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        parser = Parser(prog="python -m tagger", description=description, allow_abbrev=False)
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
        for module in modules:
            module.add(commands)
        asked = parser.parse_args(words)
        return asked.run(asked)
    except UserError as error:
        return _tell(words, str(error), error.exit_status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read the output has left
        return 1
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _tell(words, f"{error.strerror or error}{where}; choose another folder, or mend its rights or space.", 1)
    except KeyboardInterrupt:
        return _tell(words, "stopped by the keyboard; every caption is either as it was or as it was to be.", 1)


def _tell(words: Sequence[str], sentence: str, status: int) -> int:
    if "--json" in words:
        print(json.dumps({"error": sentence}, ensure_ascii=False))
    print(f"error: {sentence}", file=sys.stderr)
    return status


def add_command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], about: str, pictures: bool = True) -> Any:
    """A command on a folder; `pictures`: it looks at the pictures in it, and not only at what was changed."""
    parser = commands.add_parser(name, help=about, description=about[:1].upper() + about[1:] + ".", allow_abbrev=False)
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder with pictures")
    parser.add_argument("--json", action="store_true", help="tell the result as JSON, for programs")
    parser.set_defaults(run=run)
    if pictures:
        parser.add_argument("--recursive", action="store_true", help="the folders in it too")
        parser.add_argument("--caption_extension", default=".txt", metavar=".EXT", help="of caption files (default .txt)")
    return parser


def share_of_one(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def say(asked: argparse.Namespace, content: dict[str, Any], lines: Sequence[str]) -> None:
    """The result: JSON where that was asked for, else lines."""
    if asked.json:
        print(json.dumps(content, ensure_ascii=False, indent=1, default=str))
    else:
        for line in lines:
            print(line)


def relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
