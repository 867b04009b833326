"""The installer: what it does without words, which Python and PyTorch it takes, what it notices and says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lora_workbench.installer import command, environment, torch_build
from lora_workbench.installer.environment import fingerprint, long_path_objection, set_up, what_is_wrong
from lora_workbench.installer.processes import ask, clean_environment
from lora_workbench.installer.pythons import Python, describe, find_python
from lora_workbench.installer.torch_build import Build, Gpu, choose_build, onnxruntime_request, torch_requests
from lora_workbench.trainer_core.problems import UserError

ROOT = Path(__file__).resolve().parents[1]


def install(*words: str, cwd: Path | None = None, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "install.py"), *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


# As webui calls it


def test_without_words_it_returns_at_once_and_touches_nothing(tmp_path: Path) -> None:
    """From webui's folder, with webui's PYTHONPATH, from a checkout without an environment."""
    copy = tmp_path / "extensions" / "workbench"
    copy.mkdir(parents=True)
    (copy / "install.py").write_bytes((ROOT / "install.py").read_bytes())
    files = sorted(tmp_path.rglob("*"))
    begun = os.times()
    done = install(cwd=tmp_path, root=copy, PYTHONPATH=str(tmp_path), PIP_NO_INDEX="1")
    used = (os.times().children_user + os.times().children_system) - (begun.children_user + begun.children_system)
    assert done.returncode == 0 and done.stderr == ""
    assert "setup" in done.stdout and len(done.stdout.splitlines()) == 1
    assert used < 1
    assert sorted(tmp_path.rglob("*")) == files


def test_without_words_it_is_silent_once_set_up(tmp_path: Path) -> None:
    (tmp_path / "install.py").write_bytes((ROOT / "install.py").read_bytes())
    stamp = tmp_path / "trainer_core" / "venv" / "lora_workbench.json"
    stamp.parent.mkdir(parents=True)
    stamp.write_text("{}", encoding="utf-8")
    done = install(root=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_words_it_imports_nothing_of_ours(tmp_path: Path) -> None:
    """A broken checkout must not break webui's start."""
    (tmp_path / "install.py").write_bytes((ROOT / "install.py").read_bytes())
    (tmp_path / "installer").mkdir()
    (tmp_path / "installer" / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    assert install(root=tmp_path).returncode == 0


# Words


@pytest.mark.parametrize("words", [["setpu"], ["setup", "--torch", "cuda"], ["setup", "stray"], ["ui"], ["doctor", "--deep"]])
def test_wrong_words_end_with_2_and_no_traceback(words: list[str]) -> None:
    done = install(*words)
    assert done.returncode == 2
    assert "error:" in done.stderr and "Traceback" not in done.stderr


def test_a_folder_of_another_name_on_the_path_is_not_taken_for_ours(tmp_path: Path) -> None:
    for name in ("installer", "trainer_core"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('shadowed')", encoding="utf-8")
    done = install("setup", "--help", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0 and "--torch" in done.stdout


def test_demo_and_test_hand_their_words_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(command, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(command, "run", lambda words, **_: ran.append([str(word) for word in words]) or 7)
    assert command.main(["demo", "--out", str(tmp_path / "my demo"), "--creature", "mirra"]) == 7
    assert command.main(["test", "-k", "walls"]) == 7
    assert ran[0][0] == str(environment.venv_python(environment.VENV))
    assert ran[0][1:] == [
        "-I", "-X", "utf8", "-m", "lora_workbench.demo", "--out", str(tmp_path / "my demo"), "--creature", "mirra",
    ]  # fmt: skip
    assert ran[1][1:] == ["-I", "-X", "utf8", "-m", "pytest", "-q", "-k", "walls"]


def test_demo_and_test_set_up_what_is_missing_first(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(command, "what_is_wrong", lambda _: "is not there")
    monkeypatch.setattr(command, "set_up", lambda *_: done.append("set up"))
    monkeypatch.setattr(command, "run", lambda *_, **__: done.append("run") or 0)
    assert command.main(["test"]) == 0
    assert done == ["set up", "run"]


def test_two_set_ups_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def second(*_: object) -> None:
        assert command.main(["setup"]) == 1
        assert "Another set-up is at work" in capsys.readouterr().err

    monkeypatch.setattr(command, "set_up", second)
    assert command.main(["setup"]) == 0


# Pythons


def fake_python(folder: Path, name: str, answer: object) -> Path:
    """A program that answers as a Python with those traits would."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n", encoding="utf-8")
    path.chmod(0o755)
    return path


needs_sh = pytest.mark.skipif(os.name == "nt", reason="the pretended Pythons are shell scripts")


def test_this_python_describes_itself() -> None:
    python = describe(Path(sys.executable))
    assert python is not None
    assert python.version == sys.version_info[:3] and python.missing == () and python.objection == ""


@pytest.mark.parametrize(
    ("version", "missing", "is_64_bit", "words"),
    [
        ((3, 9, 18), (), True, "3.10 to 3.13 is needed"),
        ((3, 14, 0), (), True, "3.10 to 3.13 is needed"),
        ((3, 11, 7), ("ssl",), True, "lacks the module ssl"),
        ((3, 10, 0), ("venv", "ensurepip"), True, "lacks the modules venv, ensurepip"),
        ((3, 11, 7), (), False, "32-bit"),
    ],
)
def test_what_is_held_against_a_python(version: tuple, missing: tuple, is_64_bit: bool, words: str) -> None:
    assert words in Python(Path("python"), version, missing, is_64_bit).objection


@needs_sh
def test_another_python_is_looked_for_where_the_given_lacks_ssl(tmp_path: Path) -> None:
    bad = fake_python(tmp_path, "bad", [str(tmp_path / "bad"), [3, 11, 7], ["ssl"], True])
    old = fake_python(tmp_path, "old", [str(tmp_path / "old"), [3, 9, 1], [], True])
    good = fake_python(tmp_path, "good", [str(tmp_path / "good"), [3, 12, 1], [], True])
    python, notice = find_python(bad, candidates=[tmp_path / "nowhere", old, good])
    assert python.path == good
    assert "ssl" in notice and str(bad) in notice and str(good) in notice


@needs_sh
def test_without_a_fitting_python_it_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    bad = fake_python(tmp_path, "bad", [str(tmp_path / "bad"), [3, 12, 1], ["ensurepip"], True])
    with pytest.raises(UserError, match=r"lacks the module ensurepip.*python3\.12-venv.*--python"):
        find_python(bad, candidates=[])
    with pytest.raises(UserError, match="can't be run as a Python.*--python"):
        find_python(tmp_path / "nowhere", candidates=[])


def test_subprocesses_get_a_clean_environment() -> None:
    kept = {"PIP_INDEX_URL": "https://mirror.example/simple", "HTTPS_PROXY": "http://proxy.example:3128"}
    dropped = {"PYTHONPATH": "x", "PYTHONHOME": "y", "LD_PRELOAD": "z", "PIP_TARGET": "t"}
    assert clean_environment({**kept, **dropped}) == {**kept, "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


def test_ask_returns_nothing_for_what_fails() -> None:
    assert ask([sys.executable, "-c", "raise SystemExit(3)"]) is None
    assert ask(["no such program"]) is None
    assert ask([sys.executable, "-c", "import time; time.sleep(9)"], timeout=0.5) is None


# PyTorch


def gpu(capability: float, driver: str) -> list[Gpu]:
    return [Gpu("GeForce", capability, "8192 MiB", driver)]


@pytest.mark.parametrize(
    ("gpus", "rocm", "build"),
    [
        ([], False, "cpu"),
        ([], True, "rocm7.2"),
        (gpu(8.6, "580.82.07"), False, "cu130"),
        (gpu(12.0, "580.82.07"), False, "cu130"),
        (gpu(12.0, "572.16"), False, "cu129"),
        (gpu(8.9, "560.94"), False, "cu126"),
        (gpu(6.1, "580.82.07"), False, "cu126"),  # CUDA 13 leaves Pascal out
        (gpu(8.6, "470.57"), False, "cpu"),  # driver of CUDA 11
        (gpu(3.5, "535.1"), False, "cpu"),
    ],
)
def test_the_build_follows_the_gpu(gpus: list[Gpu], rocm: bool, build: str) -> None:
    chosen = choose_build("auto", {}, gpus, rocm)
    assert chosen.name == build and chosen.index == f"https://download.pytorch.org/whl/{build}"


def test_the_newest_of_several_gpus_decides() -> None:
    assert choose_build("auto", {}, gpu(6.1, "580.1") + gpu(8.6, "580.1"), False).name == "cu130"


def test_what_is_asked_for_beats_what_is_found() -> None:
    assert choose_build("cpu", {}, gpu(8.6, "580.1"), False).name == "cpu"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://mirror.example/whl/cu126/", "cu126"),
        ("https://mirror.example/whl/cpu", "cpu"),
        ("https://mirror.example/simple", ""),
    ],
)
def test_torch_index_url_is_honoured(url: str, name: str) -> None:
    chosen = choose_build("auto", {"TORCH_INDEX_URL": url}, [], False)
    assert (chosen.name, chosen.index) == (name, url.rstrip("/"))
    assert torch_requests(chosen, True)[0][1:] == ["--extra-index-url", url.rstrip("/")]
    assert choose_build("cu130", {"TORCH_INDEX_URL": url}, [], False) == Build("cu130", url.rstrip("/"), "as asked for")


def test_nvidia_smi_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "NVIDIA GeForce RTX 3060, 8.6, 12288 MiB, 560.35.03\nno line of a GPU\n"
    monkeypatch.setattr(torch_build, "ask", lambda *_, **__: answer)
    assert torch_build.find_gpus() == [Gpu("NVIDIA GeForce RTX 3060", 8.6, "12288 MiB", "560.35.03")]
    monkeypatch.setattr(torch_build, "ask", lambda *_, **__: None)
    assert torch_build.find_gpus() == []


def test_an_unreachable_index_never_leads_to_a_build_for_another_gpu() -> None:
    exact = f"torch=={torch_build.TORCH}"
    assert torch_requests(Build("cpu", "x", ""), False, "linux") == [[f"{exact}+cpu"], [exact]]
    assert torch_requests(Build("cu130", "x", ""), False, "linux") == [[f"{exact}+cu130"], [exact]]
    assert torch_requests(Build("cu130", "x", ""), False, "win32") == [[f"{exact}+cu130"]]
    assert torch_requests(Build("cu126", "x", ""), False, "linux") == [[f"{exact}+cu126"]]
    assert torch_requests(Build("rocm7.2", "x", ""), False, "linux") == [[f"{exact}+rocm7.2"]]
    assert torch_requests(Build("cu126", "x", ""), True, "linux") == [[f"{exact}+cu126", "--extra-index-url", "x"]]


@pytest.mark.parametrize(
    ("build", "cuda", "python", "request_"),
    [
        ("cpu", None, (3, 11), "onnxruntime==1.23.2"),
        ("cpu", "13.0", (3, 11), "onnxruntime==1.23.2"),  # a CUDA build that came for want of a CPU one
        ("cu126", "12.6", (3, 10), "onnxruntime-gpu==1.23.2"),
        ("cu130", "13.0", (3, 12), "onnxruntime-gpu==1.30.0"),
        ("cu130", "13.0", (3, 10), "onnxruntime==1.23.2"),
        ("rocm7.2", None, (3, 11), "onnxruntime==1.23.2"),
    ],
)
def test_onnxruntime_follows_torch(build: str, cuda: str | None, python: tuple, request_: str) -> None:
    assert onnxruntime_request(build, cuda, python) == request_


# The lock


def locked() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in environment.LOCK.read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line), line
        found.setdefault(line.partition("==")[0], []).append(line)
    return found


def test_the_lock_pins_everything_and_leaves_out_what_follows_the_gpu() -> None:
    names = locked()
    assert not set(names) & {"torch", "torchvision", "timm", "onnxruntime", "onnxruntime-gpu", "triton", "xformers"}
    assert not [name for name in names if name.startswith("nvidia")]
    assert {"diffusers", "transformers", "open-clip-torch", "lycoris-lora", "gradio", "tensorboard", "pytest"} <= set(names)


def test_the_lock_holds_what_is_asked_for_and_the_installer_the_same_torch() -> None:
    names = locked()
    asked = (ROOT / "requirements" / "trainer.in").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", asked, re.MULTILINE)
    assert len(pins) > 15
    for name, version in pins:
        if name == "torch":
            assert version == torch_build.TORCH
        elif name == "onnxruntime":
            assert f"onnxruntime=={version}" == onnxruntime_request("cpu", None, (3, 11))
        else:
            lines = names[name.lower().replace("_", "-")]
            assert any(line.partition(" ;")[0].endswith(f"=={version}") for line in lines), (name, lines)


# The environment


def stamped(folder: Path, **changes: str) -> Path:
    venv = folder / "venv"
    venv.mkdir(parents=True, exist_ok=True)
    values = {"fingerprint": fingerprint(environment.LOCK), "root": str(ROOT), "python": "3.11.7"}
    values |= {"asked": "auto", "build": "cpu", "torch": "2"}
    (venv / environment.STAMP).write_text(json.dumps({**values, **changes}), encoding="utf-8")
    return venv


def test_what_is_wrong_with_an_environment_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert what_is_wrong(tmp_path / "none") == "is not there"
    (tmp_path / "half").mkdir()
    assert "interrupted" in what_is_wrong(tmp_path / "half")
    (tmp_path / "half" / environment.STAMP).write_text('{"fingerprint":', encoding="utf-8")
    assert "interrupted" in what_is_wrong(tmp_path / "half")
    assert "moved" in what_is_wrong(stamped(tmp_path, root="/elsewhere"))
    assert "another version" in what_is_wrong(stamped(tmp_path, fingerprint="old"))
    assert "broken" in what_is_wrong(stamped(tmp_path))
    monkeypatch.setattr(environment, "venv_python", lambda *_: Path(sys.executable))
    assert what_is_wrong(stamped(tmp_path)) == ""


def test_the_fingerprint_follows_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("a==1\n", encoding="utf-8")
    first = fingerprint(lock)
    lock.write_bytes(b"a==1\r\n")  # as git may check it out on Windows
    assert fingerprint(lock) == first
    lock.write_text("a==2\n", encoding="utf-8")
    assert fingerprint(lock) != first


class SetUp:
    """A set-up in a folder of its own whose pip is a note of what it was asked; `fail_at` makes the n-th call fail."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.venv, self.log, self.said, self.fail_at = folder / "venv", folder / "log.txt", [], 0
        self.pip: list[list[str]] = []
        monkeypatch.setattr(environment, "VENV", self.venv)
        monkeypatch.setattr(environment, "find_gpus", list)
        monkeypatch.setattr(environment, "has_rocm", lambda: False)
        monkeypatch.setattr(environment, "is_reachable", lambda _: False)
        monkeypatch.setattr(environment, "run", self.run)
        monkeypatch.setattr(environment, "ask", self.ask)
        monkeypatch.setattr(environment, "_SPACE", {True: 0, False: 0})
        monkeypatch.delenv("TORCH_INDEX_URL", raising=False)

    @property
    def stamp(self) -> str:
        path = self.venv / environment.STAMP
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def run(self, words: list, **_: object) -> int:
        words = [str(word) for word in words]
        if "venv" in words:
            assert not self.venv.exists()
            self.venv.mkdir()
            return 0
        self.pip.append([word for word in words[words.index("install") + 1 :] if word not in ("--quiet", "--progress-bar=off")])
        with self.log.open("a", encoding="utf-8") as log:
            if len(self.pip) == self.fail_at:
                log.write("2026 ERROR: No space left on device\n")
                return 1
            if "torch==2.13.0+cpu" in words:
                log.write("2026 ERROR: No matching distribution found for torch==2.13.0+cpu\n")
                return 1
        return 0

    def ask(self, words: list, **_: object) -> str:
        if "import torch;" in words[-1]:
            return "2.13.0+cu130 13.0"
        return f"{self.venv / 'site-packages'}\n"

    def __call__(self, python: Path | None = None, torch: str | None = None) -> None:
        set_up(python, torch, self.said.append, self.log)


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetUp:
    return SetUp(tmp_path, monkeypatch)


def test_a_set_up_installs_without_dependencies_and_stamps_last(attempt: SetUp) -> None:
    attempt()
    assert attempt.pip[0] == ["--no-deps", "-r", str(environment.LOCK)]
    torch = [["--no-warn-conflicts", "torch==2.13.0+cpu"], ["--no-warn-conflicts", "torch==2.13.0"]]
    assert attempt.pip[1:] == [*torch, ["--no-deps", "onnxruntime==1.23.2"]]
    package = attempt.venv / "site-packages" / "lora_workbench" / "__init__.py"
    names: dict = {}
    exec(package.read_text(encoding="utf-8"), names)
    assert names["__path__"] == [str(ROOT)]
    assert json.loads(attempt.stamp)["asked"] == "auto"


def test_a_whole_environment_is_left_alone(attempt: SetUp) -> None:
    attempt()
    attempt.pip.clear()
    attempt()
    assert attempt.pip == [] and "whole" in attempt.said[-1]
    attempt(python=Path(sys.executable))
    assert attempt.pip == []


@pytest.mark.parametrize("fail_at", [1, 3, 4])
def test_an_interrupted_set_up_is_mended_by_the_next(attempt: SetUp, fail_at: int) -> None:
    attempt.fail_at = fail_at
    with pytest.raises(UserError, match=r"No space left on device.*run the set-up again.*log\.txt"):
        attempt()
    assert attempt.venv.is_dir() and attempt.stamp == ""
    (attempt.venv / "half a package").write_text("", encoding="utf-8")
    attempt.pip.clear()
    attempt.fail_at = 0
    attempt()
    assert attempt.stamp and not (attempt.venv / "half a package").exists()
    assert any("interrupted" in line for line in attempt.said)


def test_another_torch_makes_it_anew_and_is_remembered(attempt: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt(torch="cpu")
    monkeypatch.setattr(environment, "find_gpus", lambda: gpu(8.6, "580.1"))
    attempt()
    assert "whole" in attempt.said[-1]  # cpu was asked for
    attempt.pip.clear()
    attempt(torch="auto")
    assert ["--no-warn-conflicts", "torch==2.13.0+cu130"] in attempt.pip
    assert json.loads(attempt.stamp)["build"] == "cu130"


def test_no_build_to_be_had_is_one_sentence(attempt: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(words: list, **_: object) -> int:
        if "pip" in words and any("torch==" in str(word) for word in words):
            attempt.log.write_text("2026 ERROR: No matching distribution found for torch\n", encoding="utf-8")
            return 1
        return attempt.run(words)

    monkeypatch.setattr(environment, "run", refuse)
    with pytest.raises(UserError, match=r"torch==2\.13\.0\+cu126.*TORCH_INDEX_URL"):
        attempt(torch="cu126")
    assert attempt.stamp == ""


def test_a_full_disk_is_noticed_before_anything_is_made(attempt: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_SPACE", {True: 1 << 60, False: 1 << 60})
    with pytest.raises(UserError, match="free some space"):
        attempt()
    assert not attempt.venv.exists()


def test_long_paths_on_windows() -> None:
    short, long = "C:\\w\\trainer_core\\venv", "C:\\" + "x" * 90
    assert long_path_objection(short, False) == "" and long_path_objection(long, True) == ""
    message = long_path_objection(long, False)
    assert "LongPathsEnabled" in message and long in message
    room = int(re.search(r"at most (\d+) letters", message)[1])  # type: ignore[index]
    assert long_path_objection("x" * room, False) == "" and long_path_objection("x" * (room + 1), False)


# The doctor


def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.installer import doctor

    monkeypatch.setattr(doctor, "find_gpus", lambda: gpu(8.6, "580.1"))
    monkeypatch.setattr(doctor, "what_is_wrong", lambda _: "is unfinished")
    lines, is_well = doctor.examine()
    assert not is_well
    assert any("GeForce" in line for line in lines)
    wrong = next(number for number, line in enumerate(lines) if "is unfinished" in line)
    assert lines[wrong + 1].strip() == "mend: python install.py setup"


def test_the_doctor_compares_the_packages_with_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of this very environment, whose versions importlib knows."""
    from importlib.metadata import version

    from lora_workbench.installer import doctor

    lock = tmp_path / "trainer.lock"
    monkeypatch.setattr(doctor, "find_gpus", list)
    monkeypatch.setattr(doctor, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(doctor, "venv_python", lambda _: Path(sys.executable))
    monkeypatch.setattr(doctor, "LOCK", lock)

    lock.write_text(f"pytest=={version('pytest')}\nno-such-package==1 ; python_version < '3'\n", encoding="utf-8")
    text = "\n".join(doctor.examine()[0])
    assert "all as in the lock" in text and f"PyTorch {version('torch')}" in text
    lock.write_text("pytest==1.0\nno-such-package==1\n", encoding="utf-8")
    lines, is_well = doctor.examine()
    text = "\n".join(lines)
    assert not is_well
    assert f"pytest is {version('pytest')}, not 1.0; no-such-package is missing" in text
