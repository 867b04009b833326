"""The words of `python -m trainer_core pictures`: its own options; all others are the training's settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..generate.option_words import Parser, plain_word, positive
from ..problems import WordsError

FACE, HALF, DETAILS = "face", "half", "details"
FACE_TAG = "portrait"  # new in a face's caption
SHEETS = (".html", ".htm", ".png")
EPILOG = """
Nothing is ever deleted or overwritten: what is cut is written as new files, with captions. All other words are the training's
settings, as `train` takes them; used are resolution (default 512), caption_extension (default .txt) and data_dir.

  pictures pictures/10_mia --sheet faults.html
  pictures pictures/10_mia --faces drawn
  pictures pictures/10_mia --faces drawn --crop face half --of small-face --to "pictures/4_mia faces"
  pictures pictures/10_mia --crop details --pictures mia01.png --to "pictures/4_mia details"
  pictures pictures/10_mia --crop 100,40,512,512 --pictures mia01.png --beside --tags "close-up"
  pictures pictures/10_mia --cut_bars --to pictures/10_mia_clean
  pictures pictures/10_mia --take_back all
  pictures pictures/10_mia --set_aside mia07.png "mia03 copy.jpg"
"""


@dataclass(frozen=True)
class PictureOptions:
    """What is to be done. Without crop, cut_bars, plain and take_back the report alone. tags: None where they aren't given."""

    folder: Path
    as_json: bool
    sheet: Path | None
    crop: tuple[str, ...]
    cut_bars: bool
    plain: bool
    pictures: tuple[str, ...]
    of: str
    all: bool
    to: Path | None
    beside: bool
    tags: str | None
    count: int
    faces: str
    take_back: tuple[str, ...]
    set_aside: tuple[str, ...]
    put_back: tuple[str, ...]

    @property
    def writes(self) -> bool:
        return bool(self.crop or self.cut_bars or self.plain)


def read_words(argv: Sequence[str]) -> tuple[PictureOptions, list[str]]:
    """The options and the words that are left for the settings; WordsError with what is wrong."""
    if argv and argv[0].startswith("-") and argv[0] not in ("-h", "--help"):
        raise WordsError("pictures' first word is the folder of the pictures: pictures DIR …")
    known, rest = _parser().parse_known_args([plain_word(word) for word in argv])
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in vars(known).items()}
    folder = known.folder.expanduser().absolute()
    to = known.to.expanduser().absolute() if known.to else None
    options = PictureOptions(**{**values, "folder": folder, "to": to})
    _check(options)
    return options, rest


def _check(options: PictureOptions) -> None:
    moves = bool(options.take_back) + bool(options.set_aside) + bool(options.put_back)
    if options.writes + moves + (options.sheet is not None) > 1:
        raise WordsError(
            "pictures does one thing at a time: the report with --sheet, new files, --take_back, --set_aside or --put_back."
        )
    if options.writes and (options.crop != ()) + options.cut_bars + options.plain > 1:
        raise WordsError("--crop, --cut_bars and --plain write different files: give one of them.")
    if options.writes and bool(options.to) == options.beside:
        raise WordsError("Say where the new files go: --to with a folder, or --beside for each beside its picture.")
    chosen = bool(options.pictures) + bool(options.of) + options.all
    if options.crop and chosen != 1:
        raise WordsError("--crop needs --pictures with names, --of with a finding's code, or --all.")
    if chosen > 1:
        raise WordsError("Give one of --pictures, --of and --all.")
    if chosen and not options.writes:
        raise WordsError("--pictures, --of and --all choose what --crop, --cut_bars or --plain is done with.")
    if options.faces and moves:
        raise WordsError("--faces looks for faces; --take_back, --set_aside and --put_back need none.")
    if options.sheet is not None and options.sheet.suffix.lower() not in SHEETS:
        raise WordsError(f"--sheet writes {', '.join(SHEETS)}, not {options.sheet.suffix or options.sheet.name}.")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m trainer_core pictures",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Says what is wrong with training pictures, and cuts new ones out of them.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="the folder of pictures; those in the folders in it too")
    add("--json", dest="as_json", action="store_true", help="for machines")
    add(
        "--faces",
        default="",
        metavar="WHICH",
        help="also looks for faces: drawn (anime and other drawings), photo, each fetched once, or an .onnx file of yours",
    )
    add("--sheet", type=Path, metavar="FILE", help="also writes a contact sheet of what was found: .html or .png")
    written = parser.add_argument_group("new files").add_argument
    written("--crop", nargs="+", action="extend", default=[], metavar="WHAT",
            help="half (the upper), details, left,top,width,height in px or with %% each, or face: by --faces, or where the "
                 "name ends in _cx_cy_w_h")  # fmt: skip
    written("--cut_bars", action="store_true", help="copies without the bars; of all that have some, unless --pictures says")
    written("--plain", action="store_true",
            help="upright 8-bit sRGB copies without EXIF data; of all that need it, unless --pictures says")  # fmt: skip
    written("--pictures", nargs="+", action="extend", default=[], metavar="NAME", help="of these")
    written("--of", default="", metavar="CODE", help="of those that a finding is about")
    written("--all", action="store_true", help="of all")
    written("--to", type=Path, metavar="DIR", help="the folder that they go into")
    written("--beside", action="store_true", help="each goes beside its picture")
    written("--tags", default=None, metavar="TAGS", help="new in their captions, in place of close-up, portrait or upper body")
    written("--count", type=positive, default=2, metavar="N", help="with --crop details: how many of a picture (default 2)")
    written("--take_back", nargs="+", action="extend", default=[], metavar="NAME",
            help="removes such new files again where nobody changed them since; all: all of them")  # fmt: skip
    aside = parser.add_argument_group("what is not to be trained").add_argument
    aside("--set_aside", nargs="+", action="extend", default=[], metavar="NAME",
          help="moves these pictures with their captions into .lora_workbench/aside, where nothing is trained")  # fmt: skip
    aside("--put_back", nargs="+", action="extend", default=[], metavar="NAME", help="moves them back; all: all of them")
    return parser
