"""`python -m trainer_core pictures DIR …`: what is wrong with training pictures, and new ones cut out of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..files import data_folder
from ..problems import UserError
from ..settings import Settings, read_settings
from .aside import put_back, set_aside
from .cutting import Box, Cut, made_in, plain_picture, take_back, write_cuts
from .detectors import detector_file, models_in
from .faces import Face
from .memory import Told, faces_in
from .places import details, face_crop, half_body, named_face, rectangle, upper_half
from .report import Detected, Report, make_report
from .sentences import NEED_PLAIN
from .words import DETAILS, FACE, FACE_TAG, HALF, PictureOptions, read_words

_USUAL = (512, 512)
_TAGS = {FACE: FACE_TAG, HALF: "upper body", DETAILS: "close-up"}


def main(argv: Sequence[str]) -> int:
    """`pictures`; 0 where it is done, 1 where it can't be, 2 where words are wrong. Findings are no failure."""
    options, rest = read_words(argv)
    settings = read_settings(rest, "pictures")
    if options.take_back:
        _take_back(options)
        return 0
    if options.set_aside or options.put_back:
        _move(options)
        return 0
    if not options.writes:
        _report(options, report_of(options.folder, settings, faces=options.faces))
        return 0
    _write(options, settings)
    return 0


def report_of(folder: Path, settings: Settings, told: Told | None = None, faces: str = "") -> Report:
    """The report at the settings' resolution; `told`: who is told how far it is, a terminal where it is left out. `faces`: the
    detector that is asked for, "" for none."""
    data = data_folder(settings.data_dir)
    detector = Detected(faces, detector_file(faces, models_in(data), _fetching)) if faces else None
    return make_report(
        folder, resolution_of(settings), extension_of(settings), data / "cache", told or _told_in_terminal, detector
    )


def _fetching(file: str, there: int, total: int) -> None:
    end = "\n" if there == total or not sys.stderr.isatty() else "\r"
    print(f"{file}: {there:,} of {total:,} bytes", file=sys.stderr, end=end, flush=True)


def resolution_of(settings: Settings) -> tuple[int, int]:
    return settings.resolution or _USUAL


def extension_of(settings: Settings) -> str:
    return settings.caption_extension if "caption_extension" in settings.given else ".txt"


def _told_in_terminal(done: int, total: int, newest: Path) -> None:
    end = "\n" if done == total or not sys.stderr.isatty() else "\r"
    print(f"{done} of {total} pictures looked at", file=sys.stderr, end=end, flush=True)


def _report(options: PictureOptions, report: Report) -> None:
    if options.sheet is not None:
        from .sheet import write_sheet

        write_sheet(report, options.sheet.expanduser().absolute())
    print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False) if options.as_json else report.text())
    if options.sheet is not None and not options.as_json:
        print(f"Written: {options.sheet}")


def _write(options: PictureOptions, settings: Settings) -> None:
    cuts = list(_cuts(options, settings))
    if not cuts:
        print(json.dumps({"made": [], "there": []}) if options.as_json else "No picture needs it: nothing was written.")
        return
    made = write_cuts(options.folder, cuts, options.to, extension_of(settings))
    if options.as_json:
        print(json.dumps({"made": [str(one) for one in made.files], "there": [str(one) for one in made.there]}, indent=2))
    else:
        for path in made.files:
            print(f"Written: {path}")
        if made.there:
            print(f"{len(made.there)} were there from before.")
    if made.failed:
        path, reason = made.failed[0]
        raise UserError(f"{len(made.failed)} captions can't be written, the first is {path}: {reason}.")


def _cuts(options: PictureOptions, settings: Settings) -> Iterator[Cut]:
    if options.crop:
        chosen = _chosen(options, settings)
        seen = _faces(chosen, options.faces, settings) if {FACE, HALF} & set(options.crop) else {}
        for path in chosen:
            for what in options.crop:
                yield from crops(path, what, settings, options, seen.get(path))
        return
    report = report_of(options.folder, settings) if not options.pictures else None
    boxes = {found.name: found.box for one in report.findings for found in one.files if found.box} if report else {}
    new = _tags(options.tags)
    if options.cut_bars:
        for path in _picked(options, report, ("bars",)):
            box = boxes.get(path.relative_to(options.folder).as_posix()) or without_bars(path)
            if box:
                yield Cut(path, "nobars", box, new, part=False)
        return
    for path in _picked(options, report, NEED_PLAIN):
        yield Cut(path, "plain", None, new, part=False)


def _faces(paths: Sequence[Path], asked: str, settings: Settings) -> dict[Path, list[Face]]:
    """What the detector sees in the pictures; empty where none is asked for. Pictures without a face are told of."""
    if not asked:
        return {}
    data = data_folder(settings.data_dir)
    detector = detector_file(asked, models_in(data), _fetching)
    seen = dict(faces_in(paths, data / "cache", _told_in_terminal, detector))
    without = [path.name for path, faces in seen.items() if not faces and named_face(path, plain_picture(path).size) is None]
    if without:
        print(f"No face is seen in {', '.join(without)}.", file=sys.stderr)
    return seen


def crops(
    path: Path, what: str, settings: Settings, options: PictureOptions, faces: Sequence[Face] | None = None
) -> Iterator[Cut]:
    """The cuts that a word of --crop means for a picture; UserError where it can't be told. `faces`: what a detector saw in it,
    None where none was asked."""
    new = _tags(_TAGS.get(what) if options.tags is None else options.tags)
    if what == DETAILS:
        for box in details(path, resolution_of(settings), options.count):
            yield Cut(path, "detail", box, new)
    elif what == HALF:
        for box in _halves(path, faces):
            yield Cut(path, what, box, new)
    elif what == FACE:
        for box in _face_crops(path, faces):
            yield Cut(path, what, box, new)
    else:
        yield Cut(path, "crop", rectangle(what, plain_picture(path).size, path.name), new)


def _halves(path: Path, faces: Sequence[Face] | None) -> list[Box]:
    """The half body under each face; without a detector, or where it sees none, the figure's upper half."""
    size = plain_picture(path).size
    return [half_body(one.box, size) for one in faces or ()] or [upper_half(path)]


def _face_crops(path: Path, faces: Sequence[Face] | None) -> list[Box]:
    """Around the face that the file's name tells, else around each that was seen; none where a detector saw none."""
    size = plain_picture(path).size
    told = named_face(path, size)
    if told is not None:
        return [told]
    if faces is None:
        raise UserError(
            f"Where the face is in {path.name} isn't known: look for it with --faces drawn or --faces photo, give its "
            "rectangle, --crop left,top,width,height, or draw it in the Pictures tab."
        )
    return [face_crop(one.box, size) for one in faces]


def without_bars(path: Path) -> tuple[int, int, int, int] | None:
    """The box of the picture without its bars; None where it has none."""
    import numpy as np

    from .measures import bars

    picture = plain_picture(path)
    left, top, right, bottom = bars(np.asarray(picture.convert("L")))
    if not (left or top or right or bottom):
        return None
    return left, top, picture.width - left - right, picture.height - top - bottom


def _chosen(options: PictureOptions, settings: Settings) -> list[Path]:
    if options.pictures:
        return named(options.folder, options.pictures)
    report = report_of(options.folder, settings, faces=options.faces if options.of else "")
    if not options.of:
        return named(options.folder, list(report.sizes))
    names = report.of(options.of)
    if not names:
        raise UserError(f"No picture has the finding {options.of}: there are {', '.join(one.code for one in report.findings)}.")
    return named(options.folder, names)


def _picked(options: PictureOptions, report: Report | None, codes: Sequence[str]) -> list[Path]:
    """Those that the words name, else those that need it."""
    if report is None:
        return named(options.folder, options.pictures)
    if options.of:
        return named(options.folder, report.of(options.of))
    needed = dict.fromkeys(name for code in codes for name in report.of(code))
    return named(options.folder, [*report.sizes] if options.all else list(needed))


def named(folder: Path, names: Sequence[str]) -> list[Path]:
    """The pictures' paths; UserError for one that isn't in the folder."""
    paths = [folder / name for name in names]
    for path, name in zip(paths, names, strict=True):
        if not path.is_file() or folder.resolve() not in path.resolve().parents:
            raise UserError(f"There is no picture {name} in {folder}.")
    return paths


def _tags(text: str | None) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in (text or "").split(",") if tag.strip())


def _move(options: PictureOptions) -> None:
    """Sets pictures aside, or puts them back; UserError where one stays."""
    if options.set_aside:
        done = set_aside(options.folder, options.set_aside)
    else:
        done = put_back(options.folder, None if options.put_back == ("all",) else options.put_back)
    if options.as_json:
        print(json.dumps({"moved": done.moved, "left": dict(done.left)}, indent=2, ensure_ascii=False))
    else:
        for name in done.moved:
            print(f"Set aside: {name}" if options.set_aside else f"Put back: {name}")
    if done.left:
        name, reason = done.left[0]
        raise UserError(f"{len(done.left)} pictures stay where they are, the first is {name}: {reason}.")


def _take_back(options: PictureOptions) -> None:
    if not made_in(options.folder):
        raise UserError(f"Nothing in {options.folder} was cut by this command: give the folder that --to named.")
    names = None if options.take_back == ("all",) else options.take_back
    done = take_back(options.folder, names)
    if options.as_json:
        print(json.dumps({"gone": done.gone, "left": [list(one) for one in done.left]}, indent=2, ensure_ascii=False))
        return
    for name in done.gone:
        print(f"Taken back: {name}")
    for name, reason in done.left:
        print(f"Left as it is: {name}, {reason}.")
