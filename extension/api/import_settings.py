"""Settings of other tools and pasted scripts, for the Train tab: what would be set, and what would not.

The page sends the text itself. No file is read for it, nothing is run, and what the project may not name is left out by name.
"""

from __future__ import annotations

from typing import Any

from ...trainer_core.imports.read import LARGEST
from ...trainer_core.settings import ALL
from ..asked_settings import HIDDEN, checked_settings
from ..errors import FORBIDDEN, Refused
from ..languages.translate import translate_fields
from .calls import PREFIX, Answer, Call, Route

_ABOVE = {"pretrained_model_name_or_path": "base_model", "train_data_dir": "dataset"}  # chosen in the top bar
_LONGEST_NAME = 300
_FOLDERS_ALONE = (
    "folders with options of their own stand in a file: `python -m trainer_core import FILE --out run.toml` writes it, "
    "and it can be given here as dataset_config"
)
_SENTENCES = frozenset(("source", "why", "notes"))


def post_import(call: Call) -> Answer:
    """What a text says: `settings`, `base_model`, `dataset` and `prompts` to be taken, `left` with reasons, `notes`."""
    call.only("text", "name")
    text, name = call.body.get("text"), call.body.get("name", "")
    if not isinstance(text, str) or not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise Refused("text and name must be texts.")
    if not text.strip():
        raise Refused("It is empty: give a settings file, or paste a training script.")
    if len(text) > LARGEST:
        raise Refused(f"It is too large for settings or a script: {LARGEST >> 10} KiB are enough.")
    call.workbench.setup.must_be_ready()
    found = call.workbench.plans.ask("import", text=text, name=name)
    left = list(found["left"])
    answer: dict[str, Any] = {"source": found["source"], "settings": {}, "notes": found["notes"], "prompts": found["prompts"]}
    for setting, value in found["values"].items():
        if ALL[setting].treatment != "implemented":
            continue  # it is among those left, with its reason
        try:
            taken = _taken(call, setting, value)
        except Refused as refused:
            left.append({"name": setting, "value": _shown(value), "why": str(refused).rstrip(".")})
            continue
        if setting in _ABOVE:
            answer[_ABOVE[setting]] = taken
        else:
            answer["settings"][setting] = taken
    if found["datasets"]:
        left.append({"name": "dataset_config", "value": "", "why": _FOLDERS_ALONE})
    return translate_fields({**answer, "left": left}, _SENTENCES, call.language)


def _taken(call: Call, setting: str, value: Any) -> Any:
    """The value as the project may have it; Refused where it may not."""
    bench = call.workbench
    project = bench.projects.current()
    if setting == "train_data_dir":
        if bench.rights.hide_folders and value != (project or {}).get("dataset"):
            raise Refused(HIDDEN, FORBIDDEN)
        return str(bench.rights.may_hold_pictures(value, "The dataset"))
    if setting == "pretrained_model_name_or_path":
        return str(bench.rights.may_read(value, "The base model"))
    own = bench.projects.own_folders(project["name"]) if project else ()
    checked = checked_settings({setting: value}, bench.rights, own)
    if setting not in checked:
        raise Refused("it is empty")
    return checked[setting]


def _shown(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


ROUTES = (
    Route(
        "POST", f"{PREFIX}/import", post_import, "other tools' settings or a script as settings", body=("text", "name"),
        largest=2 << 20,
    ),
)  # fmt: skip
