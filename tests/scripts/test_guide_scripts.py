"""Runs the guide's two scripts against trainer_core/, with their paths edited, on the toy base and a tiny dataset."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lora_workbench.tests.scripts.expand import powershell_commands

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOY_BASE = ROOT / "demo" / "models" / "toy_base.safetensors"
TRAINER = ROOT / "trainer_core" / "train_network.py"
ACCELERATE = shutil.which("accelerate", path=str(Path(sys.executable).parent))

pytestmark = [
    pytest.mark.skipif(not TOY_BASE.is_file(), reason="the toy base is not there"),
    pytest.mark.skipif(not TRAINER.is_file(), reason="train_network.py is not there"),
    pytest.mark.skipif(ACCELERATE is None, reason="accelerate is not installed beside this Python"),
]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder that stands in for sd-scripts, with this Python as its venv, a dataset, an empty reg folder."""
    from PIL import Image

    scripts = tmp_path / "sd-scripts"
    images = scripts / "SETS" / "penny" / "1_penny"
    images.mkdir(parents=True)
    for script in TRAINER.parent.glob("*train_network.py"):
        shutil.copy(script, scripts)
    for number in range(2):
        Image.linear_gradient("L").resize((512, 448)).rotate(90 * number).convert("RGB").save(images / f"{number}.png")
        (images / f"{number}.txt").write_text(f"penny, red hat, number {number}", encoding="utf-8")
    (scripts / "SETS" / "penny" / "reg").mkdir()
    (tmp_path / "output").mkdir()
    activate = scripts / "venv" / "bin" / "activate"
    activate.parent.mkdir(parents=True)
    activate.write_text(f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n', encoding="utf-8")
    return tmp_path


def edited(script: str, paths: dict[str, str]) -> str:
    text = (HERE / script).read_text(encoding="utf-8")
    for old, new in paths.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def run(command: list[str], folders: Path) -> str:
    environment = {**os.environ, "LORA_WORKBENCH_DATA": str(folders / "data"), "OMP_NUM_THREADS": "2"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command,
        cwd=folders / "sd-scripts",
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not to be had")
def test_linux_script_runs(folders: Path) -> None:
    output = folders / "output"
    text = edited(
        "guide_linux.sh",
        {
            "$MODEL_DIR/animefinal-full-pruned.ckpt": str(TOY_BASE),
            "/mnt/DATA/AI/sd-scripts": str(folders / "sd-scripts"),
            "/mnt/DATA/AI/stable-diffusion-models/LORA/": f"{output}/",
        },
    )
    script = folders / "guide_linux.sh"
    script.write_text(text, encoding="utf-8")
    log = run(["bash", str(script)], folders)
    name = "penny_last_e6_n160"
    assert sorted(path.name for path in output.glob("*.safetensors")) == [
        f"{name}-000002.safetensors",
        f"{name}-000004.safetensors",
        f"{name}.safetensors",
    ]
    written = metadata(output / f"{name}.safetensors")
    # Two pictures in one batch of two: one step an epoch.
    assert (written["ss_steps"], written["ss_epoch"], written["ss_num_train_images"]) == ("6", "6", "2")
    assert written["ss_training_comment"] == "LORA:penny"
    assert "use_8bit_adam" in log


def test_windows_script_runs(folders: Path) -> None:
    output = folders / "output"
    text = edited(
        "guide_windows.ps1",
        {
            r"X:\SD\voldy\models\Stable-diffusion\animefull-final-pruned.ckpt": str(TOY_BASE),
            r"X:\SD\training\my_concepts_folder": str(folders / "sd-scripts" / "SETS" / "penny"),
            r"X:\SD\voldy\models\lora": str(output),
            r"X:\SD\training\reg": str(folders / "sd-scripts" / "SETS" / "penny" / "reg"),
        },
    )
    (folders / "sd-scripts" / "SETS" / "penny" / "1_penny" / "1.png").unlink()
    _, launch = powershell_commands(text)
    run([str(ACCELERATE), *launch[1:]], folders)
    names = [f"last-{epoch:06d}.safetensors" for epoch in range(1, 8)] + ["last.safetensors"]
    assert sorted(path.name for path in output.glob("*.safetensors")) == names
    written = metadata(output / "last.safetensors")
    assert (written["ss_steps"], written["ss_network_dim"], written["ss_max_token_length"]) == ("8", "128", "225")
