"""`python -m trainer_core cut`: a DyLoRA cut to a rank, or to each of several.

python -m trainer_core cut penny-dylora.safetensors --rank 8
python -m trainer_core cut penny-dylora.safetensors --unit 4
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..generate.option_words import Parser, plain_word, positive
from ..problems import WordsError
from .outputs import add_output, out_path
from .proof import cut_lines


def main(argv: Sequence[str]) -> int:
    """`cut`; the exit status."""
    from .cut import cut

    words = _parser().parse_args([plain_word(word) for word in argv])
    if bool(words.file) == bool(words.model):
        raise WordsError("cut: give the DyLoRA's file, once.")
    if (words.rank is None) == (words.unit is None):
        raise WordsError("cut: give either --rank or --unit.")
    path = Path(words.file or words.model).expanduser()
    for rank, out in _wanted(path, words.rank, words.unit, words.out, words.overwrite).items():
        done = cut(path, rank, out, metadata=not words.no_metadata)
        for notice in done.notices:
            print(f"note: {notice}")
        print("\n".join(cut_lines(done, rank)))
        print(f"cut: {done.path}")
    return 0


def _wanted(path: Path, rank: int | None, unit: int | None, out: str | None, overwrite: bool) -> dict[int, Path]:
    """{rank: its file}; in a series each has kohya's ending, as `-0004`. UserError before anything is written."""
    from .cut import ranks_by_unit

    if unit is None:
        assert rank is not None
        return {rank: out_path(out, path.with_name(f"{path.stem}-rank{rank}.safetensors"), [path], overwrite)}
    base = Path(out).expanduser() if out else path
    named = {rank: base.with_name(f"{_stem(base)}-{rank:04d}.safetensors") for rank in ranks_by_unit(path, unit)}
    return {rank: out_path(str(one) if out else None, one, [path], overwrite) for rank, one in named.items()}


def _stem(path: Path) -> str:
    return path.stem if path.suffix == ".safetensors" else path.name


def _parser() -> Parser:
    parser = Parser(
        prog="python -m trainer_core cut",
        allow_abbrev=False,
        description="Cuts a DyLoRA to its first ranks, at the strength at which these were trained.",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the DyLoRA, a .safetensors file; it stays as it is")
    parser.add_argument("--model", metavar="FILE", help="kohya's word for FILE")
    parser.add_argument("--rank", type=positive, metavar="N", help="how many ranks are kept")
    parser.add_argument("--unit", type=positive, metavar="N", help="a file for each multiple of N below the file's rank")
    add_output(parser, "NAME-rankN.safetensors beside it, with --unit NAME-000N.safetensors")
    parser.add_argument("--no_metadata", action="store_true", help="only what webui needs to know the LoRA")
    return parser
