"""`python -m trainer_core grid`: draws grids, and makes of a chosen cell the next run.

python -m trainer_core grid out/penny.safetensors --prompt "penny, smile" --strength 0.5 1
python -m trainer_core grid out/penny.safetensors --choose e8/te1.0/unet0.5
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from ...tagger.hub import find_or_download
from ...tagger.shares import share
from ..command_errors import system_sentence
from ..files import data_folder
from ..generate.folder_lock import drawing_in
from ..generate.telling import Told, ToldInTerminal
from ..problems import UserError, WordsError
from ..processes import processes
from .choose import delete, write_next
from .find import FoundGrid, Given, find_given, find_grid
from .next_run import next_run
from .suites import suites
from .words import build_parser

_MOST_SHOWN = 36  # ids of cells in the terminal


def main(argv: Sequence[str]) -> int:
    """`grid`; the exit status."""
    words = build_parser().parse_args(list(argv))
    if words.suite == ["?"]:
        for name, path in sorted(suites(words.project).items()):
            print(f"{name:<18}{path}")
        return 0
    given = find_given(words)
    if words.choose is not None:
        _choose(given)
        return 0
    if words.whose_fault is not None:
        _tell_fault(given)
        return 0
    found, speaks = find_grid(given), share()[0] == 0
    if speaks:
        print(f"{len(found.cells)} pictures, {found.missing()} to draw, in {given.folder}", flush=True)
    page, pngs = draw_grid_pictures(found, ToldInTerminal())
    if speaks:
        print(_summary(found))
        print("Grid: " + ", ".join(map(str, [page, *pngs])))
    return 0


def draw_grid_pictures(found: FoundGrid, told: Told) -> tuple[Path, list[Path]]:
    """Draws what is missing, and writes page, pictures and manifest; the page's path and those of the pictures.

    Under torchrun every process draws its share, and the first one writes the rest.
    """
    from .cells import draw_missing, write_manifest
    from .page import PAGE, sheet_paths

    folder, words = found.given.folder, found.given.words
    if words.tagger:
        _tagger(words.tagger)  # that it isn't there is known before anything is drawn
    with processes() as those, _held(folder) if those.is_first else nullcontext():
        if those.is_first:
            with _written("The grid can't be written"):
                write_manifest(folder, found.grids, found.files, found.bases, about=found.about())
        batch_size = max(1, words.batch_size)
        draw_missing(found.cells, found.files, found.bases, batch_size=batch_size, told=told, those=those)
        those.wait()
        if those.is_first:
            _write_results(found)
    return folder / PAGE, sheet_paths(folder, len(found.grids))


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    with _written("The grid can't be written"):
        folder.mkdir(parents=True, exist_ok=True)
    from .cells import CELLS

    with drawing_in(folder, folder / CELLS):
        yield


@contextmanager
def _written(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{what}: {system_sentence(error)}") from error


def _write_results(found: FoundGrid) -> None:
    from .cells import write_manifest
    from .numbers import cell_numbers
    from .page import PAGE, write_page, write_pngs

    given, folder = found.given, found.given.folder
    grids, files, bases = found.grids, found.files, found.bases
    tagger = _tagger(given.words.tagger) if given.words.tagger else None
    numbers = cell_numbers(found.cells, files, tagger, given.pictures() if tagger else None)
    with _written("The pictures are drawn, the grid can't be written"):
        write_manifest(folder, grids, files, bases, numbers, found.about())
        write_pngs(folder, grids, files, given.title)
        write_page(folder / PAGE, given.title, grids, files, bases, numbers, given.command)


def _summary(found: FoundGrid) -> str:
    from .cells import MANIFEST

    shown = [cell.id for cell in found.cells[:_MOST_SHOWN]]
    return "\n".join(
        [
            "Cells: " + "  ".join(shown) + (f"  … {MANIFEST} has all" if len(found.cells) > len(shown) else ""),
            found.about()["webui"],
            f"Choose with: {found.given.command} --choose CELL",
        ]
    )


def _tell_fault(given: Given) -> None:
    from .whose_fault import fault_text, whose_fault

    words = given.words
    if not words.tagger:
        raise WordsError("--whose_fault needs --tagger with a WD tagger's folder, .onnx or name, to compare pictures by.")
    extension = str(given.settings.get("caption_extension") or ".txt")
    tagger = _tagger(words.tagger)
    print(fault_text(whose_fault(given.folder, words.whose_fault, tagger, given.pictures(), extension)))


def _tagger(named: str) -> Path:
    """The tagger's file or folder, which may be named as `tag` names it."""
    return find_or_download(named, data_folder() / "models" / "taggers")


def _choose(given: Given) -> None:
    words = given.words
    run = next_run(given.folder, words.choose, given.settings if words.config_file else None, named=given.snapshots)
    others = run.others() if words.delete_others else []
    if others and not words.yes:
        listed = "".join(f"\n  {path}" for path in others)
        raise UserError(f"--delete_others would delete {len(others)} snapshots, add --yes to do it; nothing was done:{listed}")
    chosen = run.chosen
    wanted = Path(words.settings).expanduser() if words.settings else chosen.path.parent / f"{chosen.run}-next.toml"
    path = write_next(wanted, run.settings)
    print(f"Chosen: {run.choice.id}, {run.choice.path}")
    print(run.verdict())
    for setting, (before, after) in run.rates().items():
        print(f"{setting}: {before:g} → {after:g}")
    if others:
        delete(others, chosen.run)
        print("Deleted: " + ", ".join(one.name for one in others))
    print(f"The next run: python -m trainer_core train --config_file {shlex.quote(str(path))}")
