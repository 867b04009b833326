"""`python -m trainer_core bake`: makes block weights part of a LoRA file.

python -m trainer_core bake out/penny.safetensors --block_weights OUTX --x 0.5
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ..files import data_folder
from ..generate.option_words import Parser
from ..networks.block_presets import FILE_NAME
from ..networks.block_weights import user_presets
from ..problems import UserError, WordsError
from .bake import Wanted, bake
from .outputs import add_output, out_path
from .proof import baked_lines


def main(argv: Sequence[str]) -> int:
    """`bake`; the exit status."""
    words = _parser().parse_args(list(argv))
    if not all(map(math.isfinite, (words.te, words.unet, words.x or 0.0))):
        raise WordsError("bake: --x, --te and --unet must be plain numbers.")
    path = Path(words.file).expanduser()
    files = [Path(words.block_presets).expanduser()] if words.block_presets else []
    if files and not files[0].is_file():
        raise UserError(f"There is no file {files[0]}; check the path given as --block_presets.")
    presets = user_presets([*files, data_folder(words.data_dir) / FILE_NAME])
    wanted = Wanted(words.block_weights, words.x, words.te, words.unet, presets)
    done = bake(path, wanted, out_path(words.out, baked_path(path, words.block_weights), [path], words.overwrite))
    for notice in done.notices:
        print(f"note: {notice}")
    print("\n".join(baked_lines(done)))
    print(f"baked: {done.path}")
    return 0


def baked_path(path: Path, block_weights: str) -> Path:
    """penny.safetensors with OUTX → penny-OUTX.safetensors; with a list penny-blocks.safetensors."""
    name = block_weights.strip() if "," not in block_weights else "blocks"
    return path.with_name(f"{path.stem}-{name}.safetensors")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m trainer_core bake",
        allow_abbrev=False,
        description="Multiplies a LoRA's modules by their blocks' weights into a new file. Blocks of weight 0 are left out.",
    )
    parser.add_argument("file", metavar="FILE", help="the LoRA, a .safetensors file; it stays as it is")
    parser.add_argument(
        "--block_weights", required=True, metavar="W", help="a preset's name, or 12, 17, 20, 26 numbers; 25 lack BASE"
    )
    parser.add_argument("--x", type=float, metavar="X", help="what X in the weights stands for")
    parser.add_argument("--te", type=float, default=1.0, metavar="X", help="strength of the text encoder's part, on top")
    parser.add_argument("--unet", type=float, default=1.0, metavar="X", help="strength of the UNet's part, on top")
    add_output(parser, "NAME-PRESET.safetensors beside it")
    parser.add_argument("--block_presets", metavar="FILE", help="an lbwpresets.txt with presets of your own")
    parser.add_argument("--data_dir", metavar="DIR", help="the data folder, whose lbwpresets.txt is read too")
    return parser
