"""Settings as a Jupyter notebook for a rented machine: set up, upload, train, go on after a disconnect, download.

Everything lies in one folder, WORK. A run whose connection was cut goes on from its last saved state when all cells are
run again. The notebook is read by people, so its cells are short and say what they do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from .settings import ALL

# Made on the machine that trains, not uploaded.
_MADE_THERE = {"output_dir": "output", "logging_dir": "logs", "data_dir": "data"}
_INTRO = """# {name}: a LoRA trained on a rented machine

This notebook sets up LoRA Workbench, trains with the settings below and gives you the finished file. Choose a machine with
a GPU, then run the cells from top to bottom.

**After a disconnect run all cells again.** What is there stays, and the training goes on from the last saved state with the
same step and epoch. So that nothing is lost with the machine, let `WORK` be a folder that outlives it: a mounted drive or
volume.
"""
_PLACES = '''# One folder for everything: pictures, base model, states, the finished LoRA.
from pathlib import Path
import json, shutil, subprocess, sys

WORK = Path("lora_run").absolute()  # on Colab with a drive: Path("/content/drive/MyDrive/lora_run")
REPOSITORY = ""  # the address of LoRA Workbench's repository, as `git clone` takes it
PROGRAM = Path("lora-workbench").absolute()

if str(WORK).startswith("/content/drive"):
    from google.colab import drive

    drive.mount("/content/drive")
WORK.mkdir(parents=True, exist_ok=True)


def run(*words):
    """Runs a program and shows what it says as it comes."""
    with subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          encoding="utf-8", errors="replace", cwd=PROGRAM if PROGRAM.is_dir() else None) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
    if process.returncode:
        raise SystemExit(f"{Path(str(words[0])).name} ended with status {process.returncode}; its last lines say why.")
'''
_SET_UP = """# Set-up: some minutes the first time, seconds afterwards.
if not (PROGRAM / "install.py").is_file():
    if not REPOSITORY:
        raise SystemExit("Write the repository's address into REPOSITORY in the cell above, and run that cell again.")
    run("git", "clone", REPOSITORY, PROGRAM)
run(sys.executable, PROGRAM / "install.py", "setup")
run(sys.executable, PROGRAM / "install.py", "doctor")
python = PROGRAM / "trainer_core" / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
TRAINER = (python, "-I", "-X", "utf8", "-m", "lora_workbench.trainer_core")
"""
_UPLOAD = """## Upload

Put these into the folder `WORK` (drag them into the file list, or copy them from your drive). A folder may come as a zip file
of its name, `penny.zip` for `penny`: the next cell unpacks it.

{list}
"""
_UNPACK = """# Unpacks what came as zip files, and says what is still missing.
for archive in sorted(WORK.glob("*.zip")):
    if not archive.with_suffix("").exists():
        shutil.unpack_archive(archive, archive.with_suffix(""))
        inside = list(archive.with_suffix("").iterdir())
        if len(inside) == 1 and inside[0].name == archive.stem:  # the folder itself was zipped
            inside[0].rename(WORK / (archive.stem + ".part"))
            archive.with_suffix("").rmdir()
            (WORK / (archive.stem + ".part")).rename(archive.with_suffix(""))
missing = [name for name in {names} if not (WORK / name).exists()]
print("Still missing: " + ", ".join(missing) if missing else "Everything is there.")
"""
_PLAN = """# The plan: steps, sizes, and whatever is wrong with pictures or settings. Nothing is trained yet.
run(*TRAINER, "plan", "--config_file", CONFIG)
"""
_TRAIN = """# Training. Run again after a disconnect, it goes on from the last saved state.
finished = Path(SETTINGS["output_dir"]) / (SETTINGS["output_name"] + ".safetensors")
if finished.is_file():
    print(f"{finished} is finished.")
else:
    run(*TRAINER, "train", "--config_file", CONFIG, "--resume", "auto")
"""
_DOWNLOAD = """# Download: the finished LoRA, or the newest snapshot where the training is not finished.
found = sorted(Path(SETTINGS["output_dir"]).glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
for path in found:
    print(path.name, f"{path.stat().st_size / 1e6:.1f} MB")
if not found:
    raise SystemExit("There is no LoRA yet: run the training first.")
best = finished if finished.is_file() else found[-1]
try:
    from google.colab import files

    files.download(str(best))
except ImportError:
    from IPython.display import FileLink, display

    display(FileLink(best.relative_to(Path.cwd()) if best.is_relative_to(Path.cwd()) else best))
"""


def notebook(values: Mapping[str, Any], name: str) -> str:
    """The notebook's file. `values`: settings as TOML has them; `name`: the LoRA's."""
    files = _file_names(values)
    upload = [name for setting, name in files.items() if setting not in _MADE_THERE]
    listed = "\n".join(f"- `{files[one]}`: {_what(one)}" for one in files if one not in _MADE_THERE)
    cells = [
        _text(_INTRO.format(name=name)),
        _code(_PLACES),
        _code(_SET_UP),
        _text(_UPLOAD.format(list=listed or "- nothing: the settings name no file")),
        _code(_UNPACK.format(names=repr(upload))),
        _text("## Settings\n\nWhat they mean is in the program's `docs/settings.md`. Change them here.\n"),
        _code(_settings_cell(values, files, name)),
        _code(_PLAN),
        _code(_TRAIN),
        _text("## Download\n\nThen try the LoRA, and keep the folder `WORK` if you may want to go on from here.\n"),
        _code(_DOWNLOAD),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "accelerator": "GPU"}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _file_names(values: Mapping[str, Any]) -> dict[str, str]:
    """Setting → the name below WORK of the file or folder that it points to; no two are alike."""
    names: dict[str, str] = {}
    for setting, value in values.items():
        if ALL[setting].kind != "path" or setting == "resume":
            continue
        name = _MADE_THERE.get(setting) or PurePath(str(value).replace("\\", "/")).name or setting
        names[setting] = f"{setting}_{name}" if name in names.values() else name
    return {**names, "output_dir": _MADE_THERE["output_dir"]}


def _what(setting: str) -> str:
    """What a file is, in words."""
    label = ALL[setting].label or setting
    also = "; the folders that it names must be there too, below `WORK`" if setting == "dataset_config" else ""
    return f"{label} (`{setting}`){also}"


def _settings_cell(values: Mapping[str, Any], files: Mapping[str, str], name: str) -> str:
    """The settings as a dictionary; states are saved, since without them a disconnect costs the whole run."""
    chosen = {**values, "output_dir": "", "output_name": name, "save_state": True}
    chosen.setdefault("save_last_n_epochs_state", 1)
    if not any(chosen.get(one) for one in ("save_every_n_epochs", "save_every_n_steps", "save_n_epoch_ratio")):
        chosen["save_every_n_epochs"] = 1
    lines = ["SETTINGS = {"]
    for setting, value in chosen.items():
        if setting == "resume":
            continue
        shown = f"str(WORK / {files[setting]!r})" if setting in files else repr(value)
        lines.append(f"    {setting!r}: {shown},")
    lines += ["}", 'CONFIG = WORK / "run.json"', 'CONFIG.write_text(json.dumps(SETTINGS, indent=2), encoding="utf-8")']
    return "\n".join(lines) + "\n"


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.rstrip("\n").splitlines(keepends=True),
    }
