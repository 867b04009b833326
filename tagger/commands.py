"""The commands of `python -m tagger`: tag a folder, count its tags, check its captions, undo the last batch."""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ..trainer_core.problems import UserError, WordsError
from .captions import MODES, caption_file, read_caption, same_tag, undo

NOT_BUILT_YET = ("merge", "edit")
_SHOWN = 50


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the first word names. 0: done; 1: failed, or `check` found something; 2: wrong words."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal can't show ends no command
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and words[0] in NOT_BUILT_YET:
            raise WordsError(f"{words[0]} is not built yet; there are tag, stats, check and undo.")
        asked = build_parser().parse_args(words)
        return asked.run(asked)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"error: {error.strerror or error}{where}; choose another folder, or mend its rights or space.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: stopped by the keyboard; captions are written at the end, so none was changed half.", file=sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    """Wrong words become one sentence with status 2."""

    def error(self, message: str) -> NoReturn:
        raise WordsError(f"{message} ({self.prog} --help lists what there is).")


def build_parser() -> argparse.ArgumentParser:
    """The words of all commands."""
    parser = _Parser(prog="python -m tagger", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    tag = commands.add_parser("tag", help="write captions with a WD tagger", allow_abbrev=False)
    _folder(tag, run_tag)
    tag.add_argument("--model", type=Path, required=True, help="folder of a WD tagger (model.onnx, selected_tags.csv)")
    tag.add_argument("--threshold", type=_share, default=0.35, help="for general tags (default 0.35)")
    tag.add_argument("--character_threshold", type=_share, default=0.85, help="for characters (default 0.85)")
    tag.add_argument("--mcut", action="store_true", help="thresholds at the largest gap between scores, for each picture")
    tag.add_argument("--first", metavar="TAG", type=_tags, default=[], help="goes first in every caption: the activation tag")
    tag.add_argument("--exclude", metavar="A,B", type=_tags, default=[], help="tags that no caption gets")
    tag.add_argument("--rating", choices=("no", "first", "last"), default="no", help="where the rating goes (default no)")
    tag.add_argument("--characters_first", action="store_true", help="characters before general tags")
    tag.add_argument("--underscores", action="store_true", help="keep underscores, as the model's list has them")
    tag.add_argument("--mode", choices=MODES, default="if-empty", help="captions there: default if-empty fills only empty ones")
    tag.add_argument("--yes", action="store_true", help="really overwrite, with --mode overwrite")

    stats = commands.add_parser("stats", help="count pictures, captions and tags", allow_abbrev=False)
    _folder(stats, run_stats)

    check = commands.add_parser("check", help="list captions that need a look; exit status 1 if any", allow_abbrev=False)
    _folder(check, run_check)
    check.add_argument("--first", metavar="TAG", type=_tags, default=[], help="tag that every caption should begin with")

    back = commands.add_parser("undo", help="take back the last batch of captions", allow_abbrev=False)
    _folder(back, run_undo, pictures=False)
    return parser


def _folder(parser: argparse.ArgumentParser, run: object, pictures: bool = True) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder with pictures")
    parser.set_defaults(run=run)
    if pictures:
        parser.add_argument("--recursive", action="store_true", help="the folders in it too")
        parser.add_argument("--caption_extension", default=".txt", metavar=".EXT", help="of caption files (default .txt)")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def run_tag(asked: argparse.Namespace) -> int:
    from .batch import tag_folder

    if asked.mode == "overwrite" and not asked.yes:
        raise WordsError("--mode overwrite replaces captions, those written by hand too: add --yes if that is meant.")

    def progress(done: int, total: int, picture: Path | None) -> None:
        end = "\n" if done == total else "\r"
        if sys.stdout.isatty() or done == total:
            print(f"{done} of {total}", end=end, flush=True)

    summary = tag_folder(
        asked.folder,
        asked.model,
        first=asked.first,
        exclude=asked.exclude,
        threshold=asked.threshold,
        character_threshold=asked.character_threshold,
        mcut=asked.mcut,
        underscores=asked.underscores,
        characters_first=asked.characters_first,
        rating=asked.rating,
        mode=asked.mode,
        recursive=asked.recursive,
        extension=asked.caption_extension,
        progress=progress,
    )
    print(summary.text())
    return 0


def run_stats(asked: argparse.Namespace) -> int:
    from .batch import find_pictures

    pictures = find_pictures(asked.folder.expanduser(), asked.recursive)
    captions = [read_caption(caption_file(picture, asked.caption_extension)) for picture in pictures]
    counts = Counter(tag for caption in captions for tag in dict.fromkeys(caption.tags))
    filled = sum(not caption.empty for caption in captions)
    print(f"{len(pictures)} pictures, {filled} with a caption, {len(pictures) - filled} without.")
    print(f"{len(counts)} different tags, {sum(count == 1 for count in counts.values())} of them once.")
    for tag, count in counts.most_common(_SHOWN):
        print(f"{count:6d}  {tag}")
    if len(counts) > _SHOWN:
        print(f"        … and {len(counts) - _SHOWN} more")
    return 0


def run_check(asked: argparse.Namespace) -> int:
    from .batch import find_pictures

    found = []
    owners: dict[Path, Path] = {}
    for picture in find_pictures(asked.folder.expanduser(), asked.recursive):
        caption = read_caption(caption_file(picture, asked.caption_extension))
        owner = owners.setdefault(caption.path, picture)
        if owner != picture:
            found.append(f"{picture}: shares {caption.path.name} with {owner.name}")
        elif caption.content is None:
            found.append(f"{picture}: has no caption")
        elif caption.empty:
            found.append(f"{caption.path}: is empty")
        else:
            begun = [same_tag(tag) for tag in caption.tags[: len(asked.first)]]
            if begun != [same_tag(tag) for tag in asked.first]:
                found.append(f"{caption.path}: begins with {caption.tags[0]!r}, not {', '.join(asked.first)!r}")
            doubled = [tag for tag, count in Counter(map(same_tag, caption.tags)).items() if count > 1]
            if doubled:
                found.append(f"{caption.path}: has {', '.join(doubled)} more than once")
            if caption.encoding:
                found.append(f"{caption.path}: is in {caption.encoding}, not in UTF-8")
    print("\n".join(found) if found else "Every picture has a caption and nothing is wrong with it.")
    return 1 if found else 0


def run_undo(asked: argparse.Namespace) -> int:
    done = undo(asked.folder.expanduser())
    print(f"Undone: {done.what} ({len(done.restored)} files as they were before).")
    for path in done.edited:
        print(f"{path} was changed since then and was left as it is.")
    return 0
