"""What the resident helper answers for the guide's part of the page: advice for the pictures, and mends of the plan's problems.

`advise` takes {"settings", "answers", "keep"}: the advised values with their reasons, for the settings' pictures and base.
`keep` names settings of the user's own choice, with which the others must go together. `plan_fix` takes {"settings", "code"}:
what was mended, with the settings that changed; `inside`: only where nothing is moved out of the dataset. `plan_unfix` takes
{"folder"} and moves what a mend moved in it back. `plan_crops` takes {"settings", "start", "count"}: that part of the list of
crops, those that lose most first.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .guide.facts import Advice, Answers, Reasoned
from .problems import UserError
from .questions import Request, path_of, settings_of, text_of, texts_of
from .settings import Settings

# Of an advised setting: another one that belongs to what was there before.
_SPOILING = (
    ("optimizer_type", "optimizer_args", "The advised optimizer needs none."),
    ("network_module", "network_args", "The advised kind of network needs none."),
    ("max_train_epochs", "max_train_steps", "The length is said in epochs."),
    ("lr_scheduler", "lr_scheduler_args", "The advised schedule needs none."),
)
_ADVISED_NETWORKS = ("locon", "loha", "lokr", "ia3", "dylora")


def answer(what: str, request: Request) -> dict[str, Any]:
    """One of the answers above."""
    return _ANSWERS[what](request)


def _advise(request: Request) -> dict[str, Any]:
    from .advise.command import advised

    settings = settings_of(request)
    if settings.train_data_dir is None:
        raise UserError("The folder with the pictures is missing: choose it, and advice can be given.")
    answers = Answers(**{**_table_of(request, "answers"), **_own_choice(settings, texts_of(request, "keep"))})
    base, reg = settings.pretrained_model_name_or_path, settings.reg_data_dir
    advice, _ = advised(settings.train_data_dir.expanduser(), answers, base, reg, settings.data_dir)
    values = [*advice.values, *_out_of_the_way(settings, advice)]
    return {
        "values": [asdict(one) for one in values],
        "notices": list(advice.notices),
        "wants_reg": advice.wants_reg and reg is None,
    }


def _out_of_the_way(settings: Settings, advice: Advice) -> list[Reasoned]:
    """What is given beside the advised values and would spoil them: its value is None."""
    advised = advice.settings()
    return [
        Reasoned(name, None, why)
        for beside, name, why in _SPOILING
        if beside in advised and name not in advised and name in settings.given
    ]


def _own_choice(settings: Settings, names: list[str]) -> dict[str, str]:
    """The answers that the user's own settings give."""
    found = {}
    if "optimizer_type" in names and settings.optimizer_type:
        found["optimizer"] = settings.optimizer_type
    if {"network_module", "network_args"} & set(names):
        algo = settings.network_options()["algo"]
        if algo == "lora" and settings.network_module == "lycoris.kohya":
            algo = "locon"  # LyCORIS' own name for the LoRA of convolutions too
        found["network"] = str(algo) if algo in _ADVISED_NETWORKS else "lora"
    return found


def _table_of(request: Request, name: str) -> dict[str, Any]:
    value = request.get(name)
    if not isinstance(value, dict):
        raise UserError(f"{name} must be a JSON object.")
    return value


def _fix(request: Request) -> dict[str, Any]:
    from .plan import make_plan
    from .planning.fixes import fix, mend_of

    code, plan = text_of(request, "code"), make_plan(settings_of(request))
    mend = mend_of(code, plan)
    if mend and request.get("inside"):
        root = plan.settings.train_data_dir
        written = [target for _, target in mend.moves] + [folder.parent for folder in mend.repeats]
        if root is None or not all(Path(path).is_relative_to(root) for path in written):
            raise UserError(f"{code} moves folders out of the dataset, which may be done on the machine itself only.")
    return fix(code, plan).as_dict()


def _unfix(request: Request) -> dict[str, Any]:
    from .planning.moves import undo_moves

    return {"moved": len(undo_moves(path_of(request, "folder")).pairs)}


def _crops(request: Request) -> dict[str, Any]:
    from .planning.crops import crops_page
    from .planning.stages import planned_stages

    settings = settings_of(request)
    root = settings.train_data_dir.expanduser() if settings.train_data_dir else None
    first = planned_stages(settings)[0]
    return crops_page(first.training_set, root, int(request.get("start") or 0), int(request.get("count") or 1))


_ANSWERS = {"advise": _advise, "plan_fix": _fix, "plan_unfix": _unfix, "plan_crops": _crops}
