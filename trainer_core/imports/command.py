"""`import FILE|-`: settings of other tools and pasted scripts become our TOML.

python -m trainer_core import penny.json --out run.toml
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..export import plain_values
from ..files import write_atomically
from ..problems import WordsError
from .read import import_file
from .result import Imported

ABOUT = """Reads what other tools write and people paste, and prints it as a settings file (TOML) with kohya's names:
the JSON of kohya_ss' GUI and OneTrainer, the TOML of LoRA_Easy_Training_Scripts, ai-toolkit's YAML, sd-scripts'
--config_file and --dataset_config, and scripts or command lines for bash, PowerShell and cmd. No script is run. What has
no equivalent is named."""


def main(argv: Sequence[str]) -> int:
    """Prints the TOML, or writes it with --out; what is left out and what is to be known goes to stderr."""
    words = build_parser().parse_args(list(argv))
    found = import_file(words.file)
    out: Path | None = words.out
    if out is not None and out.exists():
        raise WordsError(f"{out} exists already; give another name with --out.")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    written = _write_beside(found, out)
    text = config_text(found)
    if out is None:
        print(text, end="")
    else:
        write_atomically(out, text)
        written.insert(0, out)
    _tell(found, written)
    return 0


def config_text(found: Imported) -> str:
    """The settings as a file for --config_file."""
    import tomli_w

    return tomli_w.dumps(dict(plain_values(found.values)))


def dataset_text(found: Imported) -> str:
    """The folders as a file for --dataset_config; empty where the settings name the folder themselves."""
    import tomli_w

    return tomli_w.dumps(found.datasets) if found.datasets else ""


def _write_beside(found: Imported, out: Path | None) -> list[Path]:
    """Writes the dataset file and the sample prompts that the settings need beside `out`, and names them there."""
    written = []
    for setting, ending, text in (
        ("dataset_config", "_dataset.toml", dataset_text(found)),
        ("sample_prompts", "_prompts.txt", found.prompts and found.prompts.rstrip() + "\n"),
    ):
        if not text:
            continue
        if out is None:
            what = "folders with options of their own" if setting == "dataset_config" else "prompts"
            found.leave(setting, "", f"the source holds {what}, which need a file of their own: give --out")
            continue
        path = out.with_name(out.stem + ending)
        if path.exists():
            raise WordsError(f"{path} exists already; give another name with --out.")
        write_atomically(path, text)
        written.append(path)
        found.take(setting, str(path.absolute()))
    return written


def _tell(found: Imported, written: Sequence[Path]) -> None:
    def say(text: str) -> None:
        print(text, file=sys.stderr)

    count = len(found.values)
    say(f"{found.source}: {count} setting{'' if count == 1 else 's'}")
    for one in found.left:
        say(f"left out: {one.sentence()}")
    for sentence in found.notes:
        say(f"note: {sentence}")
    for path in written:
        say(f"written: {path}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer_core import", description=ABOUT, allow_abbrev=False)
    parser.add_argument("file", type=Path, metavar="FILE", help="the file, or - for the standard input")
    parser.add_argument("--out", type=Path, metavar="TOML", help="write the settings there instead of printing them")
    return parser
