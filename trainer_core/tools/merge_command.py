"""`python -m trainer_core merge`: LoRAs into one LoRA, or into a checkpoint.

python -m trainer_core merge --models a.safetensors b.safetensors --ratios 1 0.5 --save_to both.safetensors
python -m trainer_core merge --sd_model base.safetensors --models a.safetensors --ratios 0.8 --save_to merged.safetensors
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from ..files import data_folder
from ..generate.option_words import Parser, plain_word, positive
from ..networks.block_presets import FILE_NAME
from ..networks.block_weights import user_presets
from ..problems import UserError, WordsError
from .kohya_flags import add_idle, idle_lines, require_flags
from .outputs import PRECISIONS, add_output, out_path
from .proof import merged_checkpoint_lines, merged_lines
from .weighted import Weighted

T = TypeVar("T")
IDLE = {
    "shuffle": "the order of ranks means nothing",
    "device": "it is quick on the CPU",
}


def main(argv: Sequence[str]) -> int:
    """`merge`; the exit status."""
    words = _parser().parse_args([plain_word(word) for word in argv])
    loras = _weighted(words)
    words.save_precision = words.save_precision or words.precision
    inputs = [one.path for one in loras]
    if words.sd_model:
        base = Path(words.sd_model).expanduser()
        if words.new_rank or words.new_conv_rank or words.concat:
            raise WordsError("merge: --new_rank and --concat are for LoRAs merged with each other: leave them out.")
        require_flags(base, words.v2)
        out = out_path(words.out, base.with_name(f"{base.stem}-merged.safetensors"), [base, *inputs], words.overwrite)
        return _into_checkpoint(base, loras, out, words)
    if len(loras) < 2 and loras[0].block_weights is None and loras[0].ratio == loras[0].te == loras[0].unet == 1:
        raise WordsError("merge: one LoRA at full strength is itself: give a second, a ratio, or a checkpoint as --sd_model.")
    if words.new_conv_rank and not words.new_rank:
        raise WordsError("merge: --new_conv_rank needs --new_rank.")
    if words.concat and words.new_rank:
        raise WordsError("merge: --concat keeps all ranks, --new_rank doesn't: give one of them.")
    first = inputs[0]
    default = first.with_name(f"{'-'.join(path.stem for path in inputs[:3])}-merged.safetensors")
    return _together(loras, out_path(words.out, default, inputs, words.overwrite), words)


def _together(loras: Sequence[Weighted], out: Path, words: argparse.Namespace) -> int:
    from .merge_loras import merge_loras

    done = merge_loras(
        loras,
        out,
        rank=words.new_rank,
        conv_rank=words.new_conv_rank,
        precision=words.save_precision,
        metadata=not words.no_metadata,
    )
    for notice in done.notices:
        print(f"note: {notice}")
    print("\n".join([*idle_lines(words, IDLE), *merged_lines(done, loras)]))
    print(f"merged: {done.path}")
    return 0


def _into_checkpoint(base: Path, loras: Sequence[Weighted], out: Path, words: argparse.Namespace) -> int:
    from .merge_checkpoint import merge_into_checkpoint

    done = merge_into_checkpoint(
        base, loras, out, precision=words.save_precision, metadata=not words.no_metadata, data_dir=words.data_dir
    )
    for notice in done.notices:
        print(f"warning: {notice}")
    print("\n".join([*idle_lines(words, IDLE), *merged_checkpoint_lines(done, loras)]))
    print(f"merged: {done.path}")
    return 0


def _weighted(words: argparse.Namespace) -> list[Weighted]:
    paths = [Path(path).expanduser() for path in [*words.files, *(words.models or [])]]
    if not paths:
        raise WordsError("merge: give the LoRAs as --models.")
    for path in paths:
        if not path.is_file():
            raise UserError(f"There is no file {path}; check the paths given as --models.")
    files = [Path(words.block_presets).expanduser()] if words.block_presets else []
    if files and not files[0].is_file():
        raise UserError(f"There is no file {files[0]}; check the path given as --block_presets.")
    presets = user_presets([*files, data_folder(words.data_dir) / FILE_NAME])
    columns = [_each(words, name, paths, 1.0) for name in ("ratios", "te", "unet")]
    if not all(math.isfinite(number) for column in columns for number in column) or not math.isfinite(words.x or 0.0):
        raise WordsError("merge: ratios and strengths must be plain numbers.")
    lists: list[str | None] = _each(words, "lbws", paths, None)
    return [
        Weighted(path, ratio, te, unet, blocks or None, words.x, presets)
        for path, ratio, te, unet, blocks in zip(paths, *columns, lists, strict=True)
    ]


def _each(words: argparse.Namespace, name: str, paths: Sequence[Path], default: T) -> list[T]:
    given: list[T] | None = getattr(words, name)
    if not given:
        return [default] * len(paths)
    if len(given) != len(paths):
        raise WordsError(f"merge: --{name} has {len(given)} values for {len(paths)} LoRAs: give one for each.")
    return given


def _parser() -> Parser:
    parser = Parser(
        prog="python -m trainer_core merge",
        allow_abbrev=False,
        description="Merges LoRAs with each other, exactly (ranks add up) or to a new rank; with --sd_model into a checkpoint.",
    )
    parser.add_argument("files", nargs="*", metavar="LORA", help="LoRAs, as with --models")
    parser.add_argument("--models", nargs="*", metavar="LORA", help="the LoRAs; they stay as they are")
    parser.add_argument("--ratios", nargs="*", type=float, metavar="X", help="how strongly each acts (1)")
    parser.add_argument("--te", nargs="*", type=float, metavar="X", help="of each, for its text encoder's part, on top (1)")
    parser.add_argument("--unet", nargs="*", type=float, metavar="X", help="of each, for its UNet's part, on top (1)")
    parser.add_argument("--lbws", "--block_weights", dest="lbws", nargs="*", metavar="W", help="a preset or a list for each")
    parser.add_argument("--x", type=float, metavar="X", help="what X in block weights stands for")
    parser.add_argument("--sd_model", metavar="MODEL", help="the checkpoint to merge into; it stays as it is")
    add_output(parser, "NAMES-merged.safetensors beside the first")
    parser.add_argument(
        "--new_rank", type=positive, metavar="N", help="the best merged LoRA of that rank (all ranks side by side)"
    )
    parser.add_argument("--new_conv_rank", type=positive, metavar="N", help="… for convolutions wider than 1×1")
    parser.add_argument("--concat", action="store_true", help="all ranks side by side, as without --new_rank")
    parser.add_argument("--save_precision", choices=PRECISIONS, help="of the file (--precision, else as the files are)")
    parser.add_argument("--precision", choices=PRECISIONS, help=argparse.SUPPRESS)  # kohya's: what is computed in, and saved as
    parser.add_argument("--no_metadata", action="store_true", help="only what webui needs to know the LoRA")
    parser.add_argument("--block_presets", metavar="FILE", help="an lbwpresets.txt with presets of your own")
    parser.add_argument("--data_dir", metavar="DIR", help="the data folder, whose lbwpresets.txt is read too")
    parser.add_argument("--v2", action="store_true", help=argparse.SUPPRESS)  # kohya's: seen from the file
    parser.add_argument("--shuffle", action="store_true", help=argparse.SUPPRESS)
    add_idle(parser, {"device": IDLE["device"]})
    return parser
