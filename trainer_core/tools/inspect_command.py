"""`python -m trainer_core inspect`: what is in a LoRA file; and its metadata, changed into a new file.

python -m trainer_core inspect penny.safetensors
python -m trainer_core inspect penny.safetensors --metadata
python -m trainer_core inspect penny.safetensors --private --set modelspec.title=Penny --out penny-public.safetensors
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from ..generate.option_words import Parser
from ..models.header import read_header
from ..problems import WordsError
from .edit_metadata import edit_metadata
from .inspect_file import as_text, inspect
from .outputs import add_output, out_path


def main(argv: Sequence[str]) -> int:
    """`inspect`; the exit status."""
    words = _parser().parse_args(list(argv))
    if bool(words.file) == bool(words.model):
        raise WordsError("inspect: give the file, once.")
    path = Path(words.file or words.model).expanduser()
    if words.metadata:
        if words.set or words.remove or words.private or words.keys or words.json:
            raise WordsError("inspect: --metadata stands alone.")
        print(json.dumps(read_header(path).metadata, indent=2, sort_keys=True, ensure_ascii=False))
        return 0
    if words.set or words.remove or words.private:
        if words.keys:
            raise WordsError("inspect: --keys shows a file, --set, --remove and --private write one: give either.")
        out = out_path(words.out, path.with_name(f"{path.stem}-edited.safetensors"), [path], words.overwrite)
        done = edit_metadata(path, out, values=dict(map(_pair, words.set)), remove=words.remove, private=words.private)
        if words.json:
            print(json.dumps(done.as_dict(), ensure_ascii=False))
            return 0
        print(f"{len(done.set)} set, {len(done.removed)} removed: {', '.join([*done.set, *done.removed])}")
        print(f"written, tensors byte for byte the same: {done.path}")
        return 0
    if words.out or words.overwrite:
        raise WordsError("inspect: --out needs --set, --remove or --private.")
    found = inspect(path, numbers=words.keys)
    print(json.dumps(found, ensure_ascii=False) if words.json else as_text(found, keys=words.keys))
    return 0


def _pair(word: str) -> tuple[str, str]:
    key, mark, value = word.partition("=")
    if not mark or not key:
        raise WordsError(f"inspect: --set takes KEY=VALUE, not {word!r}.")
    return key, value


def _parser() -> Parser:
    parser = Parser(
        prog="python -m trainer_core inspect",
        allow_abbrev=False,
        description="Shows what is in a LoRA file. With --set, --remove or --private a new file has other metadata.",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the LoRA, a .safetensors file; it stays as it is")
    parser.add_argument("--model", metavar="FILE", help="kohya's word for FILE")
    parser.add_argument("--json", action="store_true", help="for machines, with every key")
    parser.add_argument("--keys", action="store_true", help="every tensor's name, precision, shape and size of its numbers too")
    parser.add_argument("-s", "--show_all_keys", action="store_true", help=argparse.SUPPRESS)  # kohya's; all are shown here
    parser.add_argument("--metadata", action="store_true", help="the metadata alone, as JSON; of any .safetensors file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="write metadata; may be repeated")
    parser.add_argument("--remove", action="append", default=[], metavar="KEY", help="remove metadata; may be repeated")
    parser.add_argument(
        "--private", action="store_true", help="remove paths, folders, tags, comments and other words about pictures and people"
    )
    add_output(parser, "NAME-edited.safetensors beside it")
    return parser
