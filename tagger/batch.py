"""Tags a folder of pictures: what the tagger sees becomes caption files, by a mode for those that are there already."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..trainer_core.picture_files import EXTENSIONS, opened, upright
from ..trainer_core.problems import UserError
from .captions import MODES, Caption, Change, apply_changes, caption_file, is_kept, planned, read_caption
from .model import Tagger
from .results import Choice, choose

Progress = Callable[[int, int, Path | None], None]  # (pictures done, pictures in all, the last picture done)
_READERS = 4


@dataclass
class Summary:
    """What became of a folder's pictures; `unchanged`: tagged, but the caption had all of it."""

    folder: Path
    written: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    encodings: list[tuple[Path, str]] = field(default_factory=list)
    stopped: bool = False
    change: int | None = None  # the number of the change that undo takes back

    def text(self) -> str:
        """For the terminal: counts, then what needs a look."""
        lines = [f"{_pictures(len(self.written))} tagged" + (" before it was stopped." if self.stopped else ".")]
        if self.kept:
            lines.append(f"{_pictures(len(self.kept))} kept the caption that was there.")
        if self.unchanged:
            lines.append(f"{_pictures(len(self.unchanged))} had all the tags already.")
        lines += [f"{path} was in {encoding}; it is UTF-8 now." for path, encoding in self.encodings]
        lines += [f"{path} was skipped: {reason}." for path, reason in self.skipped]
        return "\n".join(lines)


def tag_folder(
    folder: str | Path,
    model: str | Path | Tagger,
    *,
    first: Sequence[str] = (),
    exclude: Sequence[str] = (),
    threshold: float = Choice.threshold,
    character_threshold: float = Choice.character_threshold,
    mcut: bool = False,
    underscores: bool = False,
    characters_first: bool = False,
    rating: str = "no",
    mode: str = "if-empty",
    recursive: bool = False,
    extension: str = ".txt",
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Tags the folder's pictures; `first` comes first in every caption written, `exclude` in none.

    mode: "if-empty" never touches a caption that says something; this and the others as in `captions.planned`.
    Pictures that can't be read are listed and skipped. Where `stop` says so, what was tagged so far is written.
    Raises UserError where there is no picture or no usable model.
    """
    if mode not in MODES:
        raise ValueError(f"no mode {mode!r}")
    folder = Path(folder).expanduser()
    choice = Choice(threshold, character_threshold, mcut, underscores, characters_first, rating, exclude)
    summary = Summary(folder)
    wanted: list[tuple[Path, Caption]] = []
    for picture, caption in _captions(find_pictures(folder, recursive), extension, summary):
        if is_kept(caption, mode):
            summary.kept.append(picture)
        else:
            wanted.append((picture, caption))
    if not wanted:
        return summary
    tagger = model if isinstance(model, Tagger) else Tagger.load(model)
    if progress:
        progress(0, len(wanted), None)
    first = [tag for tag in first if tag.strip()]
    changes: list[Change] = []
    for number, (picture, caption, tags) in enumerate(_seen(wanted, tagger, choice, summary), start=1):
        if tags is not None:
            change = planned(caption, tags, mode, first)
            (summary.unchanged if change is None else summary.written).append(picture)
            if change is not None:
                changes.append(change)
                if caption.encoding:
                    summary.encodings.append((caption.path, caption.encoding))
        if progress:
            progress(number, len(wanted), picture)
        if stop():
            summary.stopped = True
            break
    journal = apply_changes(folder, changes, f"tagged {_pictures(len(changes))}")
    summary.change = int(journal.name.split(".")[0]) if journal else None
    return summary


def find_pictures(folder: Path, recursive: bool = False) -> list[Path]:
    """The folder's pictures by name, with those of its folders where `recursive`; hidden ones never. UserError where none."""
    if not folder.is_dir():
        raise UserError(f"The folder {folder} is missing: give the folder that the pictures are in.")
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if name.lower().endswith(EXTENSIONS) and not name.startswith(".")]
    if not found:
        deeper = "" if recursive else "; --recursive also looks into its folders"
        raise UserError(f"{folder} holds no pictures ({', '.join(EXTENSIONS)}){deeper}.")
    return found


def _captions(pictures: Sequence[Path], extension: str, summary: Summary) -> Iterator[tuple[Path, Caption]]:
    """Each picture with its caption; of pictures that share a caption file only the first."""
    owners: dict[Path, Path] = {}
    for picture in pictures:
        path = caption_file(picture, extension)
        owner = owners.setdefault(path, picture)
        if owner != picture:
            summary.skipped.append((picture, f"it shares {path.name} with {owner.name}, rename one of them"))
            continue
        yield picture, read_caption(path)


def _seen(
    wanted: Sequence[tuple[Path, Caption]], tagger: Tagger, choice: Choice, summary: Summary
) -> Iterator[tuple[Path, Caption, list[str] | None]]:
    """Each picture with the tags that the tagger sees, None where it can't be read; read while the model works."""
    with ThreadPoolExecutor(_READERS) as pool:
        starts = range(0, len(wanted), tagger.batch)
        groups = [wanted[start : start + tagger.batch] for start in starts]
        coming = [pool.submit(load_picture, picture) for picture, _ in groups[0]]
        for group, following in zip(groups, [*groups[1:], []], strict=True):
            loaded = [one.result() for one in coming]
            coming = [pool.submit(load_picture, picture) for picture, _ in following]
            images = [one for one in loaded if isinstance(one, Image.Image)]
            rows = iter(tagger.probabilities(images))
            for (picture, caption), image in zip(group, loaded, strict=True):
                if isinstance(image, str):
                    summary.skipped.append((picture, image))
                    yield picture, caption, None
                else:
                    yield picture, caption, choose(tagger.labels, next(rows), choice).names


def load_picture(source: Path | io.BytesIO) -> Image.Image | str:
    """The picture of a file or of a file's bytes, upright and in RGB, or why it can't be read."""
    try:
        content = source.getvalue() if isinstance(source, io.BytesIO) else source.read_bytes()
        if not content:
            return "it is empty (0 bytes)"
        with opened(content) as image:
            return upright(image)
    except UnidentifiedImageError:
        return "it is corrupt, or not a png, jpg, webp or bmp picture inside"
    except Image.DecompressionBombError:
        return f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError) as error:
        return f"it can't be read ({error or type(error).__name__})"  # each decoder fails in its own way


def _pictures(count: int) -> str:
    return f"{count} picture" if count == 1 else f"{count} pictures"
