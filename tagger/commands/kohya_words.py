"""The words of kohya's tag_images_by_wd14_tagger.py, as those of `tag`: each is taken, or named with the reason."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ...trainer_core.problems import WordsError
from . import main as run_command
from .command_line import Parser, share_of_one

# Flag → why it does nothing here.
_NOTHING = {
    "onnx": "",
    "batch_size": "",
    "max_data_loader_n_workers": "",
    "force_download": "a model is fetched again where its folder is deleted",
    "debug": "",
    "meta_threshold": "tags of that kind are not written",
    "model_threshold": "tags of that kind are not written",
    "copyright_threshold": "tags of that kind are not written",
    "artist_threshold": "tags of that kind are not written",
    "use_quality_tags": "tags of that kind are not written",
    "use_quality_tags_as_last_tag": "tags of that kind are not written",
    "frequency_tags": "`python -m tagger stats DIR` counts the tags",
    "always_first_tags": "`python -m tagger tag --first TAG` puts a tag first in every caption",
    "tag_replacement": "`python -m tagger edit DIR` replaces tags, with a preview",
}
_FLAGS = ("onnx", "force_download", "debug", "use_quality_tags", "use_quality_tags_as_last_tag", "frequency_tags")


def main(argv: Sequence[str]) -> int:
    """Tags as `python -m tagger tag` does; what has no equivalent is told on stderr."""
    try:
        words, notes = tag_words(argv)
    except WordsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    for sentence in notes:
        print(f"note: {sentence}", file=sys.stderr)
    return run_command(words)


def tag_words(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the words of `tag`, what is to be told). Raises WordsError with one sentence."""
    asked = _parser().parse_args(list(argv))
    if asked.output_path:
        raise WordsError("--output_path is refused: captions are written beside the pictures; take it out.")
    notes = [f"--{name} does nothing here: {why}." for name, why in _NOTHING.items() if why and getattr(asked, name)]
    if asked.caption_separator.strip() != ",":
        notes.append(f"--caption_separator {asked.caption_separator!r} does nothing here: tags are separated by commas.")
    general = asked.thresh if asked.general_threshold is None else asked.general_threshold
    character = asked.thresh if asked.character_threshold is None else asked.character_threshold
    words = ["tag", str(asked.folder), "--model", _model(asked), "--caption_extension", _extension(asked)]
    words += ["--threshold", f"{general:g}", "--character_threshold", f"{character:g}"]
    words += ["--recursive"] if asked.recursive else []
    words += [] if asked.remove_underscore else ["--underscores"]
    words += ["--exclude", asked.undesired_tags] if asked.undesired_tags else []
    words += ["--characters_first"] if asked.character_tags_first else []
    words += ["--series_apart"] if asked.character_tag_expand else []
    if asked.use_rating_tags or asked.use_rating_tags_as_last_tag:
        words += ["--rating", "last" if asked.use_rating_tags_as_last_tag else "first"]
    if asked.append_tags:
        return [*words, "--mode", "append"], notes
    notes.append(
        f"captions there are replaced, as kohya's tagger does; `python -m tagger undo {asked.folder}` takes that back."
    )
    return [*words, "--mode", "overwrite", "--yes"], notes


def _model(asked: argparse.Namespace) -> str:
    """kohya keeps a model in model_dir, in a folder of its name with / as _; else it is found by its name."""
    folder = Path(asked.model_dir) / asked.repo_id.replace("/", "_")
    return str(folder) if (folder / "model.onnx").is_file() else asked.repo_id


def _extension(asked: argparse.Namespace) -> str:
    extension = asked.caption_extention or asked.caption_extension
    return extension if extension.startswith(".") else f".{extension}"


def _parser() -> Parser:
    parser = Parser(prog="tag_images_by_wd14_tagger.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder with pictures")
    parser.add_argument("--repo_id", default="SmilingWolf/wd-v1-4-convnext-tagger-v2", help="the tagger's name on the hub")
    parser.add_argument("--model_dir", default="wd14_tagger_model", help="where kohya's program keeps models")
    parser.add_argument("--output_path", help="refused")
    parser.add_argument("--caption_extension", default=".txt", help="of caption files (default .txt)")
    parser.add_argument("--caption_extention", help="the same")
    parser.add_argument("--caption_separator", default=", ", help="tags are always separated by commas")
    parser.add_argument("--thresh", type=share_of_one, default=0.35, help="for all tags (default 0.35)")
    for name in ("general_threshold", "character_threshold"):
        parser.add_argument(f"--{name}", type=share_of_one, help="for tags of that kind alone")
    parser.add_argument("--undesired_tags", default="", metavar="A,B", help="tags that no caption gets")
    for name, about in (
        ("recursive", "the folders in it too"),
        ("remove_underscore", "blanks for underscores"),
        ("append_tags", "add to the captions there; without it they are replaced"),
        ("use_rating_tags", "the rating first"),
        ("use_rating_tags_as_last_tag", "the rating last"),
        ("character_tags_first", "characters before general tags"),
        ("character_tag_expand", "characters' name_(series) as two tags"),
    ):
        parser.add_argument(f"--{name}", action="store_true", help=about)
    for name, why in _NOTHING.items():
        action = {"action": "store_true"} if name in _FLAGS else {"metavar": "X"}
        parser.add_argument(f"--{name}", help=why or "does nothing here", **action)
    return parser
