"""`python -m trainer_core convert`: a LoRA of diffusers', PEFT's or torch's as a file with kohya's names.

python -m trainer_core convert pytorch_lora_weights.safetensors --out penny.safetensors
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..generate.option_words import Parser, plain_word
from .outputs import PRECISIONS, add_output, out_path
from .proof import converted_lines


def main(argv: Sequence[str]) -> int:
    """`convert`; the exit status."""
    from .convert import convert, found_file

    words = _parser().parse_args([plain_word(word) for word in argv])
    path = found_file(Path(words.file).expanduser())
    out = out_path(words.out, path.with_name(f"{path.stem}-kohya.safetensors"), [path], words.overwrite)
    done = convert(path, out, precision=words.save_precision, metadata=not words.no_metadata)
    print("\n".join(converted_lines(done)))
    print(f"converted: {done.path}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="python -m trainer_core convert",
        allow_abbrev=False,
        description="Writes a LoRA of diffusers', PEFT's or torch's as a .safetensors file with kohya's names.",
    )
    parser.add_argument("file", metavar="FILE", help="the LoRA, or the folder that it was saved into; it stays as it is")
    add_output(parser, "NAME-kohya.safetensors beside it")
    parser.add_argument("--save_precision", choices=PRECISIONS, help="of the file (as it is)")
    parser.add_argument("--no_metadata", action="store_true", help="only what webui needs to know the LoRA")
    return parser
