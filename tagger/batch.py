"""Tags a folder of pictures: what the tagger sees becomes caption files, by a mode for those that are there already."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..trainer_core.problems import UserError
from .captions import MODES, Change, caption_file, is_kept, planned, read_caption, same_tag
from .ensemble import Ensemble
from .folder import pictures_of
from .journal import Batch, settle
from .model import Tagger
from .model_files import suggested_threshold
from .pipeline import Pipeline
from .results import Choice
from .shares import share
from .store import LOWEST, Store

WHAT = "what the tagger wrote"
Progress = Callable[[int, int, "Path | None"], None]  # (pictures done, pictures in all, the last picture done)
_PORTION, _SECONDS = 256, 10.0  # captions are written when there are so many, or after so long


@dataclass
class Summary:
    """What became of a folder's pictures; `unchanged`: tagged, but the caption had all of it, or no tag was found."""

    folder: Path
    written: int = 0
    kept: int = 0
    unchanged: int = 0
    untagged: int = 0  # of the unchanged ones: nothing was above the thresholds
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    encodings: list[tuple[Path, str]] = field(default_factory=list)
    stopped: bool = False
    change: int | None = None  # the number of the change that undo takes back
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For the terminal: counts, then what needs a look."""
        lines = [f"{_pictures(self.written)} tagged" + (" before it was stopped." if self.stopped else ".")]
        if self.kept:
            lines.append(f"{_pictures(self.kept)} kept the caption that was there.")
        if self.unchanged > self.untagged:
            lines.append(f"{_pictures(self.unchanged - self.untagged)} had all the tags already.")
        if self.untagged:
            lines.append(f"{_pictures(self.untagged)} got no caption: no tag is above the thresholds.")
        lines += [f"{path} was in {encoding}; it is UTF-8 now." for path, encoding in self.encodings]
        lines += [f"{path} was skipped: {reason}." for path, reason in self.skipped]
        return "\n".join(lines)


@dataclass(frozen=True)
class Plan:
    """How captions are written: see `captions.planned`."""

    mode: str = "if-empty"
    first: Sequence[str] = ()
    last: Sequence[str] = ()
    name_as_tag: bool = False
    extension: str = ".txt"

    def change(self, picture: Path, tags: Sequence[str]) -> tuple[Change | None, str]:
        """The change to the caption as it is now, and its encoding where that was another."""
        caption = read_caption(caption_file(picture, self.extension))
        first = [tag for tag in self.first if tag.strip()]
        if self.name_as_tag:
            first.append(picture.stem.replace("_", " ").strip())
        return planned(caption, tags, self.mode, first, self.last), caption.encoding


def tag_folder(
    folder: str | Path,
    model: str | Path | Tagger | Sequence[str | Path | Tagger],
    *,
    plan: Plan | None = None,
    choice: Choice | None = None,
    own_thresholds: bool = False,
    combine: str = "mean",
    recursive: bool = False,
    store: Store | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Tags the folder's pictures as `plan` and `choice` say; a share of them where torchrun started several processes.

    own_thresholds: each model's suggested ones in place of the choice's, where they are known. Pictures that can't be read,
    and captions that can't be written, are listed and skipped. Where `stop` says so, what was tagged so far is written.
    Raises UserError where there is no picture or no usable model.
    """
    plan, choice = plan or Plan(), choice or Choice()
    if plan.mode not in MODES:
        raise ValueError(f"no mode {plan.mode!r}")
    folder = Path(folder).expanduser()
    summary = Summary(folder)
    wanted = _wanted(folder, recursive, plan, summary)
    if not wanted:
        return summary
    for done in settle(folder):
        summary.notes.append(f"“{done.what}”, which was cut off, was finished first.")
    taggers = [one if isinstance(one, Tagger) else Tagger.load(one) for one in _several(model)]
    summary.notes += list(dict.fromkeys(note for tagger in taggers for note in tagger.notes))
    choices = [_own_choice(tagger, choice) if own_thresholds else choice for tagger in taggers]
    choose = Ensemble([tagger.labels for tagger in taggers], choices, combine)
    if min(one.lowest for one in choices) < LOWEST:
        store = None  # it doesn't keep such scores
    if progress:
        progress(0, len(wanted), None)
    with Batch(folder, WHAT) as batch:  # how many files it wrote, the journal itself says
        writer = _Writer(batch, plan, summary)
        pipeline = Pipeline(taggers, store)
        for number, seen in enumerate(pipeline(map(Path, wanted)), start=1):
            if seen.reason:
                summary.skipped.append((seen.picture, seen.reason))
            else:
                writer.add(seen.picture, choose([row for row in seen.rows if row is not None]).names)
            if progress:
                progress(number, len(wanted), seen.picture)
            if stop():
                summary.stopped = number < len(wanted)
                break
        writer.flush()
    if pipeline.trouble:
        summary.notes.append(f"Results could not be kept any more ({pipeline.trouble}); the captions are complete.")
    summary.change = batch.number
    return summary


def _wanted(folder: Path, recursive: bool, plan: Plan, summary: Summary) -> list[str]:
    """This process's pictures whose captions are to be written."""
    rank, world = share()
    wanted = []
    for number, (path, owner) in enumerate(pictures_of(folder, recursive)):
        if number % world != rank:
            continue
        picture = Path(path)
        if owner:
            name = caption_file(picture, plan.extension).name
            summary.skipped.append((picture, f"it shares {name} with {owner}, rename one of them"))
            continue
        try:
            kept = is_kept(read_caption(caption_file(picture, plan.extension)), plan.mode)
        except OSError as error:
            summary.skipped.append((picture, f"its caption can't be read ({error.strerror or error})"))
            continue
        if kept:
            summary.kept += 1
        else:
            wanted.append(path)
    return wanted


class _Writer:
    """Collects what is to be written, so that a portion of captions is journalled and written at once."""

    def __init__(self, batch: Batch, plan: Plan, summary: Summary) -> None:
        self._batch, self._plan, self._summary = batch, plan, summary
        self._waiting: list[tuple[Path, list[str]]] = []
        self._since = time.monotonic()

    def add(self, picture: Path, tags: list[str]) -> None:
        self._waiting.append((picture, tags))
        if len(self._waiting) >= _PORTION or time.monotonic() - self._since > _SECONDS:
            self.flush()

    def flush(self) -> None:
        changes, encodings = [], {}
        pictures: dict[Path, Path] = {}
        for picture, tags in self._waiting:
            try:
                change, encoding = self._plan.change(picture, tags)
            except OSError as error:
                self._summary.skipped.append((picture, f"its caption can't be read ({error.strerror or error})"))
                continue
            if change is None:
                self._summary.unchanged += 1
                self._summary.untagged += not tags
                continue
            changes.append(change)
            pictures[change.path] = picture
            encodings[change.path] = encoding
        before = len(self._batch.failed)
        done = self._batch.write(changes)
        self._summary.written += len(done)
        self._summary.encodings += [(change.path, encodings[change.path]) for change in done if encodings[change.path]]
        for path, reason in self._batch.failed[before:]:
            self._summary.skipped.append((pictures[path], f"{path.name} can't be written: {reason}"))
        self._waiting.clear()
        self._since = time.monotonic()


def _several(model: str | Path | Tagger | Sequence[str | Path | Tagger]) -> list[str | Path | Tagger]:
    models = [model] if isinstance(model, (str, Path, Tagger)) else list(model)
    if not models:
        raise UserError("No tagger is given: name one with --model.")
    return models


def _own_choice(tagger: Tagger, choice: Choice) -> Choice:
    """With the thresholds that the model's list has for each tag, and that its authors suggest for all."""
    listed = {same_tag(label.raw): label.threshold for label in tagger.labels if label.threshold is not None}
    threshold = suggested_threshold(tagger.path) or choice.threshold
    return replace(choice, threshold=threshold, per_tag={**listed, **choice.per_tag})


def _pictures(count: int) -> str:
    return f"{count} picture" if count == 1 else f"{count} pictures"
