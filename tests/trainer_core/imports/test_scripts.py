"""Pasted scripts and command lines: read without a shell, and what can't be read is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.tests.scripts.expand import powershell_commands
from lora_workbench.trainer_core.imports import Imported, import_text
from lora_workbench.trainer_core.imports.bash import read_bash
from lora_workbench.trainer_core.imports.cmd import read_cmd
from lora_workbench.trainer_core.imports.powershell import read_powershell
from lora_workbench.trainer_core.problems import WordsError

SCRIPTS = Path(__file__).parents[2] / "scripts"
LINUX = (SCRIPTS / "guide_linux.sh").read_text(encoding="utf-8")
WINDOWS = (SCRIPTS / "guide_windows.ps1").read_text(encoding="utf-8")
COMMENT = "#要训练的模型\n\n路径或基础模型。\n"
COMMON = {
    "network_module": "networks.lora", "caption_extension": ".txt", "shuffle_caption": True, "prior_loss_weight": 1.0,
    "resolution": (512, 512), "enable_bucket": True, "min_bucket_reso": 320, "learning_rate": 1e-4, "unet_lr": 1e-4,
    "text_encoder_lr": (5e-5,), "mixed_precision": "fp16", "save_precision": "fp16", "save_model_as": "safetensors",
    "clip_skip": 2, "seed": 420, "flip_aug": True, "lr_scheduler": "cosine_with_restarts", "xformers": True,
}  # fmt: skip
OF_WINDOWS = {
    "pretrained_model_name_or_path": Path("X:\\SD\\voldy\\models\\Stable-diffusion\\animefull-final-pruned.ckpt"),
    "train_data_dir": Path("X:\\SD\\training\\my_concepts_folder"), "reg_data_dir": Path("X:\\SD\\training\\reg"),
    "output_dir": Path("X:\\SD\\voldy\\models\\lora"), "keep_tokens": 1, "max_bucket_reso": 960, "train_batch_size": 1,
    "max_train_epochs": 8, "optimizer_type": "AdamW8bit", "save_every_n_epochs": 1, "network_dim": 128, "network_alpha": 128.0,
    "max_token_length": 225, "cache_latents": True, "noise_offset": 0.0,
}  # fmt: skip
OF_LINUX = {
    "pretrained_model_name_or_path": Path("/mnt/DATA/AI/stable-diffusion-models/Stable-diffusion//animefinal-full-pruned.ckpt"),
    "train_data_dir": Path("/mnt/DATA/AI/sd-scripts/SETS/penny/"),
    "reg_data_dir": Path("/mnt/DATA/AI/sd-scripts/SETS/penny/reg/"),
    "output_dir": Path("/mnt/DATA/AI/stable-diffusion-models/LORA/"), "output_name": "penny_last_e6_n160",
    "max_bucket_reso": 768,
    "train_batch_size": 2, "gradient_accumulation_steps": 1, "max_train_epochs": 6, "use_8bit_adam": True,
    "save_every_n_epochs": 2, "color_aug": True, "face_crop_aug_range": (2.0, 4.0), "network_dim": 160, "network_alpha": 160.0,
    "max_token_length": 150, "training_comment": "LORA:penny",
}  # fmt: skip


def notes(found: Imported) -> str:
    return "\n".join(found.notes)


def as_published(text: str) -> str:
    """The guide's PowerShell script with the two slips that our copy mends."""
    for old, new in (("#base model\n", COMMENT), ("--keep_tokens=1 `", "--keep_tokens=1`")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def test_the_guides_script_for_windows() -> None:
    found = import_text(as_published(WINDOWS))
    assert found.source == "a script for PowerShell"
    assert found.values == {**COMMON, **OF_WINDOWS}
    assert [one.name for one in found.left] == ["--num_cpu_threads_per_process"] and found.left[0].value == "8"
    lines = as_published(WINDOWS).splitlines()
    glued = next(n for n, line in enumerate(lines, 1) if "keep_tokens=1`" in line)
    rate = next(n for n, line in enumerate(lines, 1) if "* $train_batch_size" in line)
    listed = next(n for n, line in enumerate(lines, 1) if "SDGNesterov8bit" in line)
    assert len(found.notes) == 4
    assert f"Line {glued}: the backtick needs a blank before it" in notes(found)
    assert "Line 5: 路径或基础模型。 is the comment of line 3 going on" in notes(found)
    assert f"Line {listed}: the comment misspells SGDNesterov8bit as SDGNesterov8bit" in notes(found)
    assert f"Line {rate}: learning_rate is multiplied by train_batch_size" in notes(found)


def test_the_guides_script_for_windows_as_its_test_reads_it() -> None:
    """Another reader of the same script: the words are the same, one by one."""
    own = [list(one.words) for one in read_powershell(WINDOWS).commands]
    assert own == powershell_commands(WINDOWS)


def test_the_guides_script_for_linux() -> None:
    old = 'local train_batch_size="2"'
    assert LINUX.count(old) == 1
    text = LINUX.replace(old, old + " #我有8GB显存，所以设为1，运行顺畅。")
    found = import_text(text)
    assert found.source == "a script for bash"
    assert found.values == {**COMMON, **OF_LINUX}
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "设为1" in one)
    assert found.notes == [f"Line {line}: the comment says 1, and train_batch_size is 2; 2 is imported."]
    assert import_text(LINUX).notes == []


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="there is no bash here")
def test_bash_itself_gives_the_same_words(tmp_path: Path) -> None:
    text = "\n".join(
        (
            "A=one; B='two three'; C=\"$A and ${B}\"  # a comment, isn't it",
            "list=(x \"y z\" # inside\n  'w'); list+=(--last)",
            'show "$A" $B "$C" ${D:-else} "${list[@]}" $((2*3+1)) a\\ b $\'c\\n\' \\',
            '  --x="$A"/$B --y=\'$A\' "a\\"b" pre"mid"post ""',
            'show -- \'#no comment\' a#b "\\$A" "a\\\nb"',
        )
    )
    helper = f"show() {{ {sys.executable} -c 'import json,sys; print(json.dumps(sys.argv[1:]))' \"$@\"; }}\n"
    done = subprocess.run(["bash", "-c", helper + text], cwd=tmp_path, capture_output=True, text=True, check=True)
    expected = [json.loads(line) for line in done.stdout.splitlines()]
    script = read_bash(text)
    assert [list(one.words[1:]) for one in script.commands] == expected


BASH: dict[str, tuple[str, dict[str, Any]]] = {
    "a line": ("accelerate launch train_network.py --network_dim 8 --unet_lr=1e-4", {"network_dim": 8, "unet_lr": 1e-4}),
    "flags alone": ("--network_dim 8 \\\n --flip_aug", {"network_dim": 8, "flip_aug": True}),
    "from a notebook": ("!python train_network.py --network_dim=8", {"network_dim": 8}),
    "an array": ("a=(--seed 3)\na+=(\"--flip_aug\")\npython train_network.py \"${a[@]}\"", {"seed": 3, "flip_aug": True}),
    "lists": (
        'python sdxl_train_network.py --optimizer_args "decouple=True" "betas=0.9,0.999" --seed=3',
        {"optimizer_args": ("decouple=True", "betas=0.9,0.999"), "seed": 3},
    ),
    "in an export": ("export X=3; python train_network.py --seed=$X && echo done", {"seed": 3}),
    "piped": ("python train_network.py --seed=3 2>&1 | tee log.txt", {"seed": 3}),
    "a home": ("python train_network.py --output_dir=$HOME/x", {"output_dir": Path.home() / "x"}),
    "windows' line ends": ("python train_network.py \\\r\n --seed=3 \\\r\n --flip_aug\r\n", {"seed": 3, "flip_aug": True}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "values"), BASH.values(), ids=BASH)
def test_bash(text: str, values: dict[str, Any]) -> None:
    found = import_text(text)
    assert found.values == values and found.left == [] and found.notes == []


POWERSHELL: dict[str, tuple[str, dict[str, Any]]] = {
    "an array": (
        "$words = @('--seed=3', \"--network_dim=$(4 * 2)\"\n '--flip_aug')\n& python train_network.py @words",
        {"seed": 3, "network_dim": 8, "flip_aug": True},
    ),
    "a list": ("$a = '--seed', '3'\npython .\\train_network.py $a", {"seed": 3}),
    "names in any case": ("$Dim = 8\npython train_network.py --network_dim $dim", {"network_dim": 8}),
    "a cast": ("[int]$n = 4\n$n = ($n + 2) * 2 # twelve\npython train_network.py --seed=$n", {"seed": 12}),
    "marks": ("$x = 'it''s'\n$y = \"a `\"b`\" ${x}\"\npython train_network.py --training_comment=\"$y\"",
              {"training_comment": "a \"b\" it's"}),
    "texts joined": (
        "$dir = 'D:\\lora'\n$name = \"penny\"\n$to = $dir + \"\\out\" + '_' + 2\n$n = $name + 'e2'\n"
        "python train_network.py --output_dir=$to --output_name $n",
        {"output_dir": Path("D:\\lora\\out_2"), "output_name": "pennye2"},
    ),
    "Join-Path": (
        "$dir = 'D:\\lora\\'\n$n = 'penny'\n$w = Join-Path -Path $dir -ChildPath \"$n.safetensors\"\n"
        "$log = Join-Path /out logs\npython train_network.py --network_weights=$w --logging_dir $log",
        {"network_weights": Path("D:\\lora\\penny.safetensors"), "logging_dir": Path("/out/logs")},
    ),
    "environment": ("$Env:HF_HOME = 'x'\npython train_network.py --seed 3; pause", {"seed": 3}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "values"), POWERSHELL.values(), ids=POWERSHELL)
def test_powershell(text: str, values: dict[str, Any]) -> None:
    found = import_text(text, "run.ps1")
    assert found.values == values and found.left == [] and found.notes == []


def test_cmd() -> None:
    text = (
        "@echo off\r\nrem a comment with --seed=9\r\nset DIM=8\r\nset \"NAME=my penny\"\r\ncall venv\\Scripts\\activate.bat\r\n"
        "accelerate launch --num_cpu_threads_per_process=4 train_network.py ^\r\n  --network_dim=%DIM% ^\r\n"
        "  --output_name=\"%name%\" --flip_aug\r\npause\r\n"
    )  # fmt: skip
    for name in ("", "run.bat"):
        found = import_text(text, name)
        assert found.source == "a script for cmd" and found.notes == []
        assert found.values == {"network_dim": 8, "output_name": "my penny", "flip_aug": True}
    assert read_cmd('a & b && c "d & e"').commands[2].words == ("c", "d & e")


def test_hyphens_are_understood_and_told() -> None:
    found = import_text("python train_network.py --flip-aug --network-dim 8")
    assert found.values == {"flip_aug": True, "network_dim": 8}
    assert "--flip-aug is --flip_aug" in notes(found) and "--network-dim is --network_dim" in notes(found)


def test_unknown_and_wrong_flags_are_named() -> None:
    found = import_text(
        "accelerate launch --num_processes 2 --mixed_precision=bf16 train_network.py --network_dimm 8 --fancy --seed many "
        "--optimizer_type=SDGNesterov8bit --deepspeed --max_data_loader_n_workers 2 --resume --unet_lr 1e-4 1e-5"
    )
    told = {one.name: one.why for one in found.left}
    assert told["--network_dimm"] == "has no equivalent here; perhaps network_dim is meant"
    assert told["--fancy"].startswith("has no equivalent here")
    assert told["seed"].startswith("must be a whole number")
    assert told["deepspeed"].startswith("is refused: ") and told["resume"] == "has no value"
    assert told["max_data_loader_n_workers"].startswith("is ignored: ")
    assert "several GPUs" in told["--num_processes"]
    assert found.values == {
        "mixed_precision": "bf16", "optimizer_type": "SDGNesterov8bit", "max_data_loader_n_workers": 2, "unet_lr": 1e-4,
    }  # fmt: skip
    assert "optimizer_type SDGNesterov8bit is taken for SGDNesterov8bit." in found.notes
    assert "1e-5 behind --unet_lr belongs to no flag" in notes(found)


def test_what_only_running_would_tell_is_not_guessed(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    found = import_text(
        f"X=$(touch {gone})\npython train_network.py --seed=$X --output_dir=$NOWHERE/x --network_dim=8 --vae=`id`"
    )
    assert found.values == {"network_dim": 8} and not gone.exists()
    assert {one.name for one in found.left} == {"seed", "output_dir", "vae"}
    assert [one.sentence() for one in found.left if one.name == "output_dir"] == [
        "output_dir = $NOWHERE/x: rests on what only running the script would tell."
    ]


def test_choices_of_a_script_are_not_made() -> None:
    text = 'dim=8\nif [ "$x" = 1 ]; then\n  dim=16\n  args=(--flip_aug)\nfi\npython train_network.py --network_dim=$dim'
    found = import_text(text)
    assert found.values == {"network_dim": 8}
    assert found.notes == ["Lines 2 to 5: `if` is not decided here, so what it would do is left out."]
    text = "$dim = 8\nif ($x -eq '}') {\n  $dim = 16 # }\n}\npython train_network.py --network_dim=$dim"
    found = import_text(text, "a.ps1")
    assert found.values == {"network_dim": 8} and "Lines 2 to 4: `if` is not decided" in notes(found)
    found = import_text("for x in 1 2; do\n python train_network.py --network_dim=8\ndone")
    assert found.values == {"network_dim": 8} and "whose condition is not known" in notes(found)


def test_lines_of_flags_below_a_training_belong_to_it() -> None:
    """As sd-scripts' own instructions show commands; a shell would run the first line alone."""
    found = import_text(
        "accelerate launch --num_cpu_threads_per_process 1 train_network.py\n --network_dim=16\n --sdpa\n --seed=3\n\n"
        "python train_network.py --seed 4\n"
    )
    assert found.values == {"network_dim": 16, "sdpa": True, "seed": 3}
    assert "Line 1: the lines of flags below it are read as part of this command." in notes(found)
    assert "Line 6: there is a second training" in notes(found)


def test_of_two_trainings_the_first_counts() -> None:
    found = import_text("python train_network.py --seed=1\npython train_network.py --seed=2\nstrange --words")
    assert found.values == {"seed": 1}
    assert "Line 2: there is a second training" in notes(found) and "Line 3: strange --words is not read." in notes(found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("python train_network.py --seed='3", "line 1 opens a quotation mark"),
        ('python train_network.py\n --seed="3', "line 2 opens a quotation mark"),
        ("echo hello", "There is no training in it"),
        (
            "python finetune/merge_captions_to_metadata.py a b --caption_extension .txt",
            "There is no training in it",
        ),
        ("python train_network.py --fancy", "no setting in it that is known"),
        ("python train_network.py --seed=${x", "never closed"),
    ],
)
def test_what_is_no_training_is_one_sentence(text: str, told: str) -> None:
    with pytest.raises(WordsError, match=told) as error:
        import_text(text)
    assert "\n" not in str(error.value)


GROWING = {
    "bash doubles": ("a.sh", "a=xx\n" + "a=$a$a\n" * 40 + "train.py --seed=$a"),
    "bash's arrays double": ("a.sh", "a=(x)\n" + 'a+=("${a[@]}")\n' * 40 + "train.py --seed=$a"),
    "PowerShell doubles": ("a.ps1", "$a = 'xx'\n" + '$a = "$a$a"\n' * 40 + "train.py --seed=$a"),
    "cmd doubles": ("a.bat", "set a=xx\n" + "set a=%a%%a%\n" * 40 + "train.py --seed=%a%"),
    "splatted often": ("a.ps1", "$a = @(" + "'x'," * 9000 + "'x')\n" + "b @a\n" * 5000),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), GROWING.values(), ids=GROWING)
def test_what_grows_without_an_end_is_refused(name: str, text: str) -> None:
    with pytest.raises(WordsError, match="longer than any"):
        import_text(text, name)


def test_nonsense_ends_in_an_import_or_a_sentence() -> None:
    """Cut at any place, and with signs that mean much: never another error, never a hang."""
    for text in (as_published(WINDOWS), LINUX):
        for place in range(0, len(text), 97):
            for piece in (text[:place], text[place:], text[:place] + "$(`\"'@({[<#" + text[place:]):
                for name in ("a.sh", "a.ps1", "a.bat"):
                    try:
                        import_text(piece, name)
                    except WordsError as error:
                        assert "\n" not in str(error)
