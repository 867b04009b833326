"""`plan`: shows the plan of a run, and mends what it tells.

    python -m trainer_core plan --config_file run.toml [--json]
    python -m trainer_core plan --config_file run.toml --fix few-steps --fix unbalanced
    python -m trainer_core plan --config_file run.toml --crops crops.html

Exit status: 0, 1 where a problem blocks the run, 2 where words are wrong.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .plan import Plan, make_plan
from .planning.crop_sheet import write_sheet
from .planning.fixes import Fixed, fix
from .planning.moves import undo_moves
from .planning.settings_file import rewrite, write_new
from .planning.text import fixes_text
from .problems import UserError, WordsError
from .settings import Settings, SettingsError, read_settings
from .settings.command_line import build_parser
from .settings.toml_files import config_path

LIST = "list"
_NOT_WRITTEN = ("config_file", "preset", "output_config", "job_dir")
HELP = """Says what `train` would do with the same words, and what is wrong; trains nothing.

Of the plan itself:
  --json                 the plan for programs
  --fix CODE             mend the problem of that code, several times for several; `--fix list` shows which can be mended
  --undo                 move back the files and folders that the last --fix moved
  --crops FILE           draw what is cut off each picture: a page (.html) or a picture (.png)

"""


@dataclass
class Asked:
    """The words of the plan itself; all others are settings."""

    as_json: bool = False
    fixes: list[str] = field(default_factory=list)
    undo: bool = False
    crops: Path | None = None
    settings: list[str] = field(default_factory=list)


def main(argv: Sequence[str]) -> int:
    """Shows the plan, or does what the words ask of it."""
    asked = _asked(argv)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # file names may hold what the terminal can't show
    try:
        settings = read_settings(asked.settings, "plan")
    except SettingsError as error:
        if not asked.as_json:
            raise
        print(json.dumps({"problems": [one.as_dict() for one in error.problems]}, indent=2))
        return 2
    if asked.undo:
        return _undo(settings)
    with _without_collection():
        plan = make_plan(settings)
    if asked.crops is not None:
        print(write_sheet(asked.crops, plan.training_set))
        return 0
    if asked.fixes:
        return _fix(plan, asked)
    print(json.dumps(plan.as_dict(), indent=2) if asked.as_json else plan.text())
    return 1 if plan.errors else 0


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Without looking for circles of references: plans of thousands of pictures are a tenth faster, and make few."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _asked(argv: Sequence[str]) -> Asked:
    asked, words = Asked(), iter(argv)
    for word in words:
        name, mark, value = word.partition("=")
        if word == "--json":
            asked.as_json = True
        elif word == "--undo":
            asked.undo = True
        elif name in ("--fix", "--crops"):
            value = value if mark else next(words, "")
            if not value or value.startswith("--"):
                what = "a code, or list" if name == "--fix" else "a file that ends in .html or .png"
                raise WordsError(f"{name} needs a value: {what}.")
            if name == "--fix":
                asked.fixes.append(value)
            else:
                asked.crops = Path(value).expanduser()
        else:
            if word in ("-h", "--help"):
                build_parser("plan", HELP).parse_args(["--help"])
            asked.settings.append(word)
    return asked


def _fix(plan: Plan, asked: Asked) -> int:
    """Mends one problem after the other, each on the plan that the one before left, and writes the settings once."""
    if LIST in asked.fixes:
        print(json.dumps([one.as_dict() for one in plan.problems], indent=2) if asked.as_json else fixes_text(plan))
        return 0
    done: list[Fixed] = []
    before = plan.settings
    try:
        for code in asked.fixes:
            done.append(fix(code, plan))
            if done[-1].settings is not plan.settings or done[-1].undo:
                plan = make_plan(done[-1].settings)
    finally:
        written = _written(before, done[-1].settings, asked) if done else ""
        if asked.as_json:
            print(json.dumps({"fixed": [one.as_dict() for one in done], "written": written}, indent=2))
        else:
            for one in done:
                print(f"{one.code}: {one.message}")
            if written:
                print(written)
    return 0


def _written(before: Settings, after: Settings, asked: Asked) -> str:
    """Writes the settings where they changed, and says where; an empty string where they didn't."""
    old, new = (one.as_dict(only_given=True) for one in (before, after))
    changes: dict[str, Any] = {name: new.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}
    if not changes:
        return ""
    given = [word for word in asked.settings if word.startswith("--")]
    # What a preset gives can't be taken out of the file that names it.
    from_preset = before.preset and None in changes.values()
    if before.config_file and len(given) == 1 and not from_preset:
        path = config_path(Path(before.config_file).expanduser())
        kept = rewrite(path, changes)
        return f"Written to {path}; the old one is kept as {kept}."
    folder = config_path(Path(before.config_file).expanduser()).parent if before.config_file else Path()
    values = {name: value for name, value in new.items() if name not in _NOT_WRITTEN}
    path = write_new(folder / f"{after.output_name or 'run'}-fixed.toml", values)
    return f"All settings are written to {path}: go on with --config_file {path}."


def _undo(settings: Settings) -> int:
    if settings.train_data_dir is None:
        raise UserError("--undo needs train_data_dir, the folder in which files were moved.")
    moved = undo_moves(settings.train_data_dir.expanduser())
    for source, target in moved.pairs:
        print(f"Moved {target} back to {source}.")
    return 0
