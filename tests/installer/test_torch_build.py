"""Which PyTorch and onnxruntime the installer takes, and the lock beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lora_workbench.installer import environment, torch_build
from lora_workbench.installer.torch_build import Build, Gpu, choose_build, onnxruntime_request, torch_requests

ROOT = Path(__file__).resolve().parents[2]


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
