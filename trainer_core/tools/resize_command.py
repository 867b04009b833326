"""`python -m trainer_core resize`: a LoRA of fewer ranks.

python -m trainer_core resize penny.safetensors --new_rank 16
"""

from __future__ import annotations

from argparse import SUPPRESS
from collections.abc import Sequence
from pathlib import Path

from ..generate.option_words import Parser, plain_word, positive
from ..problems import WordsError
from .kohya_flags import add_idle, idle_lines
from .low_rank import METHODS, check_method
from .outputs import PRECISIONS, add_output, out_path
from .proof import resized_lines

IDLE = {"device": "it is quick on the CPU"}
VERBOSE = {"verbose": "what is kept in all is told; `inspect` shows a file's ranks"}


def main(argv: Sequence[str]) -> int:
    """`resize`; the exit status."""
    from .resize import Wanted, resize

    words = _parser().parse_args([plain_word(word) for word in argv])
    if bool(words.file) == bool(words.model):
        raise WordsError("resize: give the LoRA's file, once.")
    path = Path(words.file or words.model).expanduser()
    check_method(words.dynamic_method, words.dynamic_param)
    ending = f"{words.dynamic_method}{words.dynamic_param:g}" if words.dynamic_method else f"rank{words.new_rank}"
    out = out_path(words.out, path.with_name(f"{path.stem}-{ending}.safetensors"), [path], words.overwrite)
    wanted = Wanted(words.new_rank, words.new_conv_rank, words.dynamic_method, words.dynamic_param, words.save_precision)
    done = resize(path, wanted, out, metadata=not words.no_metadata)
    print("\n".join([*idle_lines(words, IDLE | VERBOSE), *resized_lines(done)]))
    print(f"resized: {done.path}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="python -m trainer_core resize",
        allow_abbrev=False,
        description="Writes the best LoRA of fewer ranks, and says how much of the change that leaves out.",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the LoRA, a .safetensors file; it stays as it is")
    parser.add_argument("--model", metavar="FILE", help="kohya's word for FILE")
    add_output(parser, "NAME-rankN.safetensors beside it")
    parser.add_argument("--new_rank", type=positive, default=4, metavar="N", help="the rank, with a method the most (4)")
    parser.add_argument("--new_conv_rank", type=positive, metavar="N", help="… for convolutions wider than 1×1 (--new_rank)")
    parser.add_argument("--dynamic_method", choices=METHODS, help="each module's rank by its singular values")
    parser.add_argument(
        "--dynamic_param", type=float, metavar="X", help="sv_ratio: largest by smallest kept; others: the share kept"
    )
    parser.add_argument("--save_precision", choices=PRECISIONS, help="of the file (as it is)")
    parser.add_argument("--no_metadata", action="store_true", help="only what webui needs to know the LoRA")
    add_idle(parser, IDLE)
    parser.add_argument("--verbose", action="store_true", help=SUPPRESS)
    return parser
