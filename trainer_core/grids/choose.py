"""A chosen cell becomes the next run: its snapshot is kept, and its strengths say how the learning rates were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..command_errors import system_sentence
from ..events import JobLock
from ..files import free_name
from ..generate.run_snapshots import Snapshot
from ..optimizer_checks import optimizer_problems
from ..problems import UserError
from ..settings import Settings
from ..settings.toml_files import write_config
from .axes import BASE
from .read import read_manifest

# Of where the settings came from and of the old run itself; `overwrite` would let the next run take the chosen file's place.
_NOT_TAKEN = ("config_file", "preset", "output_config", "job_dir", "resume", "overwrite", "initial_epoch", "initial_step")
_PARTS = (("unet", "the UNet", "unet_lr"), ("te", "the text encoder", "text_encoder_lr"))
_BLOCKS = ("block_weights", "x", "down_lr_weight", "mid_lr_weight", "up_lr_weight")
_FLEXIBLE = 0.8
OVERFIT_ORDER = (
    "learning rates: lower them (unet_lr first), or let optimizer_type Prodigy or DAdaptAdam find them",
    "network_dim: a smaller one; network_alpha: never above network_dim",
    "pretrained_model_name_or_path: a base (NAI, SD) and not a mix, which trains badly",
    "the pictures: too many, or some that spoil it; or a network_dim too low for all of them",
)
OVERFIT = "\n".join(
    [
        "Where it overfits whatever the rate, look in this order:",
        *(f"  {number}. {words}" for number, words in enumerate(OVERFIT_ORDER, start=1)),
    ]
)


@dataclass(frozen=True)
class Choice:
    """A chosen cell: which snapshot (path, and its hash when it was drawn), at which strengths and block weights."""

    id: str
    path: Path
    digest: str
    te: float
    unet: float
    lbw: str = ""
    x: float | None = None


def find_choice(folder: Path, wanted: str, named: Sequence[Snapshot] = ()) -> Choice:
    """The cell of that id, or the first whose id begins with it, such as e8/te1.0/unet0.5 of …/p2.

    `named`: snapshots that the user has named now, which count where the grid's own were moved or copied.
    """
    cells = read_manifest(folder)["cells"]
    found = next((id_ for id_ in cells if id_ == wanted), None) or next(
        (id_ for id_ in cells if id_.startswith(f"{wanted}/")), None
    )
    if found is None:
        some = ", ".join([id_ for id_ in cells if not id_.startswith(BASE)][:4])
        raise UserError(f"The grid in {folder} has no cell {wanted!r}; its cells are such as {some}.")
    if not cells[found]["lora_file"]:
        raise UserError(f"{found} is the base without LoRA: there is no snapshot to keep in it, choose another cell.")
    cell = cells[found]
    x = cell.get("x")
    return Choice(
        found,
        _lora_of(folder, cell, named),
        str(cell["lora"]),
        float(cell["te"]),
        float(cell["unet"]),
        str(cell.get("lbw") or ""),
        None if x is None else float(x),
    )


def _lora_of(folder: Path, cell: Mapping[str, Any], named: Sequence[Snapshot]) -> Path:
    """The cell's LoRA: of those named now, else where it was, else where it lies if the grid's folder was moved with it."""
    drawn = Path(cell["lora_file"])
    same = [one.path for one in named if one.digest == cell["lora"]]
    above = folder.parent.parent
    moved = [above / drawn.name, above / "runs" / folder.name / drawn.name]
    found = next((path for path in [*same, drawn, *moved] if path.is_file()), None)
    if found is None:
        raise UserError(f"The cell's LoRA is no longer at {drawn}: name it where it lies now, or draw the grid again.")
    return found


def next_settings(
    old: Mapping[str, Any], te: float, unet: float, snapshot: Snapshot, lbw: str = "", x: float | None = None
) -> dict[str, Any]:
    """The old run's settings with each rate multiplied by its part's strength, and as many epochs as the snapshot has.

    Block weights of the cell take the place of those that the run was trained with. UserError where no run can have such
    rates.
    """
    rates = Settings.from_dict(old).learning_rates()
    new = {name: value for name, value in old.items() if name not in _NOT_TAKEN and value is not None}
    if not old.get("network_train_text_encoder_only"):
        new["unet_lr"] = _product(rates["unet_lr"], unet)
    if not old.get("network_train_unet_only"):
        new["text_encoder_lr"] = _product(rates["text_encoder_lr"], te)
    if snapshot.last and snapshot.steps and not old.get("max_train_epochs"):  # its last epoch may not be a whole one
        new["max_train_steps"] = snapshot.steps
    elif snapshot.epoch:
        new |= {"max_train_epochs": snapshot.epoch}
        new.pop("max_train_steps", None)
    elif snapshot.step:
        new |= {"max_train_steps": snapshot.step}
        new.pop("max_train_epochs", None)
    if lbw:
        new["network_args"] = _with_blocks(old.get("network_args"), lbw, x)
    if isinstance(new.get("resolution"), list):
        new["resolution"] = ",".join(map(str, new["resolution"]))  # as kohya's scripts read it too
    settings = Settings.from_dict(new)
    wrong = next((one for one in optimizer_problems(settings) if one.severity == "error"), None)
    if wrong:
        raise UserError(f"{wrong.message} So this cell can't become a run of its own: {wrong.fix}".strip())
    return new


def _with_blocks(arguments: Any, lbw: str, x: float | None) -> list[str]:
    """network_args that train the blocks as the cell weighted them."""
    others = [str(one) for one in arguments or () if str(one).partition("=")[0].strip() not in _BLOCKS]
    return [*others, f"block_weights={lbw}", *([] if x is None else [f"x={x:g}"])]


def _product(rate: float, strength: float) -> float:
    """Without the binary tail of 0.0001 · 0.7."""
    return float(f"{rate * strength:.10g}")


def write_next(path: Path, values: Mapping[str, Any]) -> Path:
    """Writes the settings under the given or the next free name; the path."""
    path = free_name(path if path.suffix.lower() in (".toml", ".json") else path.with_name(path.name + ".toml"))
    try:
        write_config(path, dict(values))
    except OSError as error:
        raise UserError(f"The settings can't be written: {system_sentence(error)}") from error
    return path


def verdict(
    te: float, unet: float, snapshot: Snapshot, snapshots: Sequence[Snapshot], trained: Sequence[str] = ("unet", "te")
) -> str:
    """The guide's words for what had to be changed to make it look right, with the setting to change."""
    strengths = {"unet": unet, "te": te}
    lines = [_of_part(strengths[part], name, setting) for part, name, setting in _PARTS if part in trained]
    overfit = any(strengths[part] < 1 for part in trained)
    later = [one for one in snapshots if (one.epoch or 0, one.step or 0) > (snapshot.epoch or 0, snapshot.step or 0)]
    later = [one for one in later if (one.epoch is None) == (snapshot.epoch is None)]
    if later:
        lines.append(
            f"{snapshot.label} is better than {later[-1].label}: training went on too long; max_train_epochs ends it there."
        )
        overfit = True
    elif len(snapshots) > 1:
        lines.append(f"{snapshot.label} is the last snapshot: more epochs may still be better (max_train_epochs).")
    return "\n".join([*lines, *([OVERFIT] if overfit else [])])


def _of_part(strength: float, name: str, setting: str) -> str:
    if strength == 1:
        return f"{name} works at 1.0, as it should: {setting} stays."
    if strength > 1:
        return f"{name} had to be raised to {strength:g}: undertrained; raise {setting} (times {strength:g}) or train longer."
    if strength == 0:
        return f"{name} had to be left out: what it learnt does harm; {setting} becomes 0, which trains it no more."
    words = f"{name} had to be lowered to {strength:g}: overfit; lower {setting} (times {strength:g})."
    if strength >= _FLEXIBLE:
        words += " If 1.0 is right as well and this is only freer, leave the rate: 0.8 for more flexibility is usual."
    return words


def others_of(snapshots: Sequence[Snapshot], chosen: Path) -> list[Path]:
    """The run's other snapshots; their -state folders are not among them. UserError where the files don't say of which run."""
    if not all(one.session for one in snapshots):
        raise UserError(
            f"{chosen.name} doesn't say which run it is of, so its others can't be told for sure: delete them by hand."
        )
    return [one.path for one in snapshots if one.path.resolve() != chosen.resolve()]


def delete(paths: Sequence[Path], run: str) -> None:
    """Removes the files, but never while the run is still writing."""
    folders = {path.parent for path in paths}
    for folder in folders:
        lock = JobLock(folder / f".{run}.running")
        if not lock.acquire():
            raise UserError(
                f"The run {run} is still going on in {folder}: wait for it or stop it before snapshots are deleted."
            )
        try:
            for path in (one for one in paths if one.parent == folder):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"Not all snapshots could be deleted: {system_sentence(error)}") from error
        finally:
            lock.release(remove=True)
