"""Mends a problem of the plan by its code: other settings, or a change of files that can be taken back.

fixed = fix("alpha-above-rank", make_plan(settings))
fixed.settings   # the settings to go on with
fixed.message    # one sentence that says what was done
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...tagger.captions import Change, read_caption
from ...tagger.edit import Edit, add, edited_text, move, separate
from ...tagger.journal import apply_changes
from ..dataset.folders import repeats_and_name
from ..dataset.scan_report import count_of, names
from ..problems import Problem, UserError, WordsError
from ..settings import Settings
from ..settings.convert import nearest
from ..settings.stages import LENGTH
from . import mends_network, mends_pictures, mends_training
from .codes import codes
from .conversions import ORIGINALS, convert
from .dataset_file import changed_dataset_file
from .mend import DATASET_OPTIONS, Mend, Mender
from .moves import move_all

if TYPE_CHECKING:
    from ..plan import Plan

_UNDO_MOVES = "python -m trainer_core plan --undo"
MENDS: dict[str, Mender] = {**mends_training.MENDS, **mends_network.MENDS, **mends_pictures.MENDS}


@dataclass(frozen=True)
class Fixed:
    """What was mended. `changes`: {setting: (before, after)}, None where not given; `undo`: how files are brought back."""

    code: str
    message: str
    settings: Settings
    changes: dict[str, tuple[Any, Any]]
    undo: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For programs; `settings` are those that are given now."""
        changes = [{"name": name, "before": before, "after": after} for name, (before, after) in self.changes.items()]
        given = self.settings.as_dict(only_given=True)
        return {"code": self.code, "message": self.message, "settings": given, "changes": changes, "undo": self.undo}


def marked(plan: Plan) -> tuple[Problem, ...]:
    """The plan's problems, with `fixable` where `fix` can mend them."""
    can = {code: bool(mend_of(code, plan)) for code in {one.code for one in plan.problems}}
    return tuple(replace(one, fixable=can[one.code]) for one in plan.problems)


def mend_of(code: str, plan: Plan) -> Mend | None:
    """What would mend the problem, or None; changes nothing."""
    mender = MENDS.get(code)
    mend = mender(plan) if mender else None
    return None if mend and _is_of_a_stage(mend, plan) else mend


def _is_of_a_stage(mend: Mend, plan: Plan) -> bool:
    """Whether the settings to change are a stage's own, which stand in the run's file and are for the user to weigh."""
    stages = plan.settings.stages or ()
    own = {name for stage in stages for name in stage} | set(LENGTH if stages else ())
    return bool(own & set(mend.settings))


def fix(code: str, plan: Plan) -> Fixed:
    """Mends what the plan tells under that code. UserError where that can't be done, WordsError for a code that isn't one."""
    if code not in codes():
        guess = nearest(code, tuple(codes()))
        meant = f"did you mean {guess}?" if guess else "`plan --fix list` shows those of this run."
        raise WordsError(f"{code} is no code of a problem; {meant}")
    told = [one for one in plan.problems if one.code == code]
    if not told:
        return Fixed(code, f"The plan tells of no {code}, so nothing was changed.", plan.settings, {})
    mend = mend_of(code, plan)
    if not mend:
        raise UserError(f"{code} can't be mended by itself. {told[0].fix or told[0].message}")
    return _carried_out(code, plan, mend)


def _carried_out(code: str, plan: Plan, mend: Mend) -> Fixed:
    """Files first: where that fails, no setting is changed."""
    settings, said, undo = plan.settings, [], ""
    values = dict(mend.settings)
    if mend.first_tags:
        said.append(_put_first(plan, mend))
        undo = "python -m tagger undo"
    if mend.separated:
        folder, count = _edited(plan, dict.fromkeys(mend.separated, [separate]), "wide commas made plain")
        said.append(f"Wide commas are plain in {count}; `python -m tagger undo {folder}` takes it back.")
        undo = "python -m tagger undo"
    if mend.conversions:
        said.append(_converted(plan, mend))
        undo = _UNDO_MOVES
    moves = [*mend.moves]
    if settings.dataset_config:
        options = {name: values.pop(name) for name in list(values) if name in DATASET_OPTIONS}
        if options or mend.repeats:
            path = changed_dataset_file(
                settings, {DATASET_OPTIONS[name]: value for name, value in options.items()}, mend.repeats
            )
            values["dataset_config"] = str(path)
            said.append(f"The changed dataset file is {path}, and the old one stays as it is.")
    elif mend.repeats:
        moves += [(folder, _renamed(folder, number)) for folder, number in mend.repeats.items()]
    if moves:
        root = settings.train_data_dir.expanduser()
        move_all(root, moves)
        said.append(f"Moved {', '.join(f'{source} → {target}' for source, target in moves)}.")
        undo = _UNDO_MOVES
    changes = {name: (_given(settings, name), value) for name, value in values.items()}
    if changes:
        said.insert(0, f"Changed {', '.join(_changed(name, *pair) for name, pair in changes.items())}.")
    return Fixed(code, " ".join(said), settings.replaced(**values), changes, undo)


def _renamed(folder: Path, repeats: int) -> Path:
    own = repeats_and_name(folder.name)
    return folder.with_name(f"{repeats}_{own[1] if own else folder.name}")


def _given(settings: Settings, name: str) -> Any:
    return settings.as_dict(only_given=True).get(name)


def _changed(name: str, before: Any, after: Any) -> str:
    """A setting's change in symbols, which need no translation."""
    return f"{name} {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:g}"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _converted(plan: Plan, mend: Mend) -> str:
    root = plan.settings.train_data_dir.expanduser()
    failed = convert(root, mend.conversions)
    done = [source for source, _ in mend.conversions if source not in failed]
    said = [f"{count_of(done, 'picture')} saved as .png, and the originals put away in {root / ORIGINALS}: {names(done)}."]
    if failed:
        said.append(f"Left alone, as unreadable: {names(failed)}.")
    return " ".join(said)


def _put_first(plan: Plan, mend: Mend) -> str:
    """Moves or adds the tag in each caption."""
    edits = {path: [move([tag]), add([tag], "first")] for path, tag in mend.first_tags.items()}
    folder, count = _edited(plan, edits, "the activation tag first")
    words = ", ".join(f"“{tag}”" for tag in dict.fromkeys(mend.first_tags.values()))
    return f"{words} stands first in {count} more; `python -m tagger undo {folder}` takes it back."


def _edited(plan: Plan, edits: Mapping[Path, Sequence[Edit]], what: str) -> tuple[Path, str]:
    """Changes captions through their journal; its folder, and how many captions in words."""
    changes = []
    for path, own in edits.items():
        caption = read_caption(path)
        text = edited_text(caption.text, own)
        if text is not None:
            changes.append(Change(path, caption.content, text.encode("utf-8")))
    if not changes:
        raise UserError("The caption files are so already: caption_prefix or the lines differ.")
    folder = _journal_folder(plan, [change.path for change in changes])
    batch = apply_changes(folder, changes, what)
    if batch.failed:
        path, reason = batch.failed[0]
        raise UserError(
            f"{count_of(batch.failed, 'caption')} not changed, the first {path} ({reason}): mend that, and try again."
        )
    return folder, count_of(changes, "caption")


def _journal_folder(plan: Plan, paths: Sequence[Path]) -> Path:
    """The training folder, whose captions the tagger and the tabs open; the captions' own where there is none."""
    root = plan.settings.train_data_dir
    return root.expanduser() if root else paths[0].parent
