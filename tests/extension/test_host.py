"""The hosts: names, folders, rights, languages, options; and the GPU's memory around a training."""

from __future__ import annotations

import socket
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.host import DATA, FREE_GPU, HOSTS, LANGUAGE, LOOPBACK, Alone, WebUI, own_names
from lora_workbench.tests.extension.webui_fakes import WebUIFakes

NAMES = ("AUTOMATIC1111", "Forge", "reForge")


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., WebUIFakes]:
    return lambda name="AUTOMATIC1111", **more: WebUIFakes(name, tmp_path / "webui", monkeypatch, **more)


@pytest.mark.parametrize("name", NAMES)
def test_each_host_is_known(fakes: Callable[..., WebUIFakes], name: str) -> None:
    fakes(name)
    assert WebUI().name == name and WebUI().sends


def test_where_data_lies(fakes: Callable[..., WebUIFakes], tmp_path: Path) -> None:
    webui = fakes()
    assert WebUI().data == tmp_path / "webui" / "lora_workbench"
    webui.opts.data[DATA] = str(tmp_path / "mine")
    assert WebUI().data == tmp_path / "mine"
    assert WebUI().lora_folder() == tmp_path / "webui" / "models" / "Lora"
    del webui.words.lora_dir
    assert WebUI().lora_folder() == tmp_path / "webui" / "models" / "Lora"


def test_rights_are_those_that_webui_grants(fakes: Callable[..., WebUIFakes], tmp_path: Path) -> None:
    webui = fakes()
    assert not WebUI().rights().restricted and not WebUI().rights().hide_folders
    webui.words.disable_extension_access = webui.words.hide_ui_dir_config = True
    rights = WebUI().rights()
    assert rights.restricted and rights.hide_folders
    assert tmp_path / "webui" in rights.readable and tmp_path / "webui" not in rights.writable
    assert tmp_path / "webui" / "models" / "Lora" in rights.writable


def test_a_login_of_webuis(fakes: Callable[..., WebUIFakes]) -> None:
    webui = fakes()
    assert not WebUI().rights().login
    webui.words.gradio_auth = "ann:secret"
    assert WebUI().rights().login


def test_checkpoints_are_webuis_and_the_demos(fakes: Callable[..., WebUIFakes]) -> None:
    webui = fakes()
    for name in ("b/nai.ckpt", "anime.safetensors"):
        webui.checkpoints[name] = types.SimpleNamespace(name=name, filename=f"/models/{name}")
    found = WebUI().checkpoints("")
    assert [one["name"] for one in found] == ["anime", "b/nai", "toy_base (demo)"] and found[1]["path"] == "/models/b/nai.ckpt"


@pytest.mark.parametrize(
    ("saved", "language"),
    [
        ({}, "en"), ({"localization": "None"}, "en"), ({"localization": "zh_CN"}, "zh_CN"),
        ({"localization": "zh-Hans (Stable)"}, "zh-Hans (Stable)"),
        ({"bilingual_localization_file": "zh_CN"}, "zh_CN"), ({"localization": "zh_CN", LANGUAGE: "en"}, "en"),
        ({LANGUAGE: "auto"}, "en"),
    ],
)  # fmt: skip
def test_the_language(fakes: Callable[..., WebUIFakes], saved: dict[str, str], language: str) -> None:
    fakes().opts.data.update(saved)
    assert WebUI().language() == language


@pytest.mark.parametrize("word", ["listen", "share", "ngrok", "server_name"])
def test_names_are_asked_for_only_of_a_webui_for_this_machine(fakes: Callable[..., WebUIFakes], word: str) -> None:
    webui = fakes()
    webui.opts.data[HOSTS] = "Pics.example, box.lan"
    assert WebUI().known_hosts() == LOOPBACK | {"pics.example", "box.lan"}
    setattr(webui.words, word, "x")
    assert WebUI().known_hosts() is None


def test_passwords(fakes: Callable[..., WebUIFakes]) -> None:
    webui = fakes()
    assert WebUI().api_passwords() == {}
    webui.words.api_auth = "ann:se:cret, bob:x,nonsense"
    assert WebUI().api_passwords() == {"ann": "se:cret", "bob": "x"}


def test_wd14_tagger_is_seen_by_name_or_by_its_api(fakes: Callable[..., WebUIFakes], tmp_path: Path) -> None:
    webui = fakes()
    assert not WebUI().has_wd14_tagger()
    webui.active.append(types.SimpleNamespace(name="other", path=str(tmp_path)))
    assert not WebUI().has_wd14_tagger()
    webui.active.append(types.SimpleNamespace(name="stable-diffusion-webui-wd14-tagger", path=str(tmp_path)))
    assert WebUI().has_wd14_tagger()
    (tmp_path / "tagger").mkdir()
    (tmp_path / "tagger" / "api.py").touch()
    webui.active[:] = [types.SimpleNamespace(name="renamed", path=str(tmp_path))]
    assert WebUI().has_wd14_tagger()


def test_presets_are_lora_block_weights_where_that_is_switched_on(fakes: Callable[..., WebUIFakes], tmp_path: Path) -> None:
    webui = fakes()
    assert WebUI().block_presets() is None and Alone(tmp_path).block_presets() is None
    folder = tmp_path / "extensions" / "sd-webui-lora-block-weight"
    (folder / "scripts").mkdir(parents=True)
    webui.active.append(types.SimpleNamespace(name="renamed", path=str(folder)))
    assert WebUI().block_presets() is None
    (folder / "scripts" / "lora_block_weight.py").touch()
    assert WebUI().block_presets() == folder / "scripts" / "lbwpresets.txt"
    webui.active.clear()
    assert WebUI().block_presets() is None


def test_the_settings_page(fakes: Callable[..., WebUIFakes], monkeypatch: pytest.MonkeyPatch) -> None:
    webui = fakes()
    webui._add("gradio", Dropdown="dropdown")
    WebUI().add_options()
    assert set(webui.opts.added) == {DATA, LANGUAGE, FREE_GPU, HOSTS}
    assert all(info.section == ("lora_workbench", "LoRA Workbench") for info in webui.opts.added.values())
    webui.opts.added.clear()
    webui.words.disable_extension_access = True
    WebUI().add_options()
    assert set(webui.opts.added) == {LANGUAGE, FREE_GPU}, "nobody from elsewhere may move the data folder to /"


def test_a1111s_model_leaves_and_comes_back(fakes: Callable[..., WebUIFakes]) -> None:
    webui = fakes()
    memory = WebUI().memory
    assert memory.free() and webui.model.place == "cpu"
    assert memory.free(), "again does nothing"
    memory.restore()
    assert webui.model.place == "gpu"
    memory.restore()


def test_another_model_that_was_loaded_meanwhile_is_left_alone(fakes: Callable[..., WebUIFakes]) -> None:
    import sys

    webui = fakes()
    memory = WebUI().memory
    memory.free()
    sys.modules["modules.sd_models"].model_data.sd_model = None  # type: ignore[attr-defined]
    memory.restore()
    assert webui.model.place == "cpu"


@pytest.mark.parametrize("name", ["Forge", "reForge"])
def test_forks_unload(fakes: Callable[..., WebUIFakes], name: str) -> None:
    webui = fakes(name)
    memory = WebUI().memory
    assert memory.free() and webui.unloaded == 1 and webui.model.place == "gpu"
    memory.restore()
    assert webui.unloaded == 1


@pytest.mark.parametrize("name", NAMES)
def test_generate_gets_a_word_while_a_job_has_the_gpu(fakes: Callable[..., WebUIFakes], name: str) -> None:
    webui = fakes(name)
    original = webui.processing.process_images_inner
    memory = WebUI().memory
    memory.free()
    with pytest.raises(RuntimeError, match="LoRA Workbench is training"):
        webui.processing.process_images_inner("penny")
    if name != "AUTOMATIC1111":
        with pytest.raises(RuntimeError, match="LoRA Workbench is training"):
            webui.thread.run_and_wait_result(webui.processing.process_images_inner, "penny")
        assert webui.thread.run_and_wait_result(lambda: None) is None, "a model was loaded there, say"
    memory.restore()
    assert webui.processing.process_images_inner is original and original("penny") == "picture of penny"
    assert name == "AUTOMATIC1111" or webui.thread.run_and_wait_result == webui._losing_errors


def test_who_wrapped_generate_meanwhile_keeps_it(fakes: Callable[..., WebUIFakes]) -> None:
    webui = fakes()
    memory = WebUI().memory
    memory.free()
    guarded = webui.processing.process_images_inner
    webui.processing.process_images_inner = lambda p: guarded(p) + "!"
    with pytest.raises(RuntimeError):
        webui.processing.process_images_inner("penny")
    memory.restore()
    assert webui.processing.process_images_inner("penny") == "picture of penny!"


def test_a_picture_that_is_being_generated_is_waited_for(fakes: Callable[..., WebUIFakes]) -> None:
    webui = fakes()
    webui.queue_lock.acquire()
    memory = WebUI().memory
    assert memory.free() is False and webui.model.place == "gpu"
    webui.queue_lock.release()
    assert memory.free() and webui.queue_lock.acquire(blocking=False), "the lock is given back"


def test_a_move_that_fails_is_no_reason_not_to_train(fakes: Callable[..., WebUIFakes], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    webui = fakes()

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(sys.modules["modules.sd_models"], "send_model_to_cpu", fail)
    memory = WebUI().memory
    assert memory.free() and webui.model.place == "gpu"
    assert webui.queue_lock.acquire(blocking=False)
    memory.restore()
    assert webui.processing.process_images_inner("penny") == "picture of penny"


def test_the_word_is_in_webuis_language(fakes: Callable[..., WebUIFakes]) -> None:
    from lora_workbench.extension.host_memory import BUSY
    from lora_workbench.extension.languages.translate import translate

    webui = fakes()
    webui.opts.data["localization"] = "zh-Hans (Stable)"
    WebUI().memory.free()
    with pytest.raises(RuntimeError) as busy:
        webui.processing.process_images_inner("penny")
    assert str(busy.value) == translate(BUSY, "zh_CN") != BUSY


@pytest.mark.parametrize("case", ["no GPU", "not wanted", "no model"])
def test_where_nothing_is_to_be_done(fakes: Callable[..., WebUIFakes], case: str) -> None:
    import sys

    webui = fakes(gpu=case != "no GPU")
    webui.opts.data[FREE_GPU] = case != "not wanted"
    if case == "no model":
        sys.modules["modules.sd_models"].model_data.sd_model = None  # type: ignore[attr-defined]
    memory = WebUI().memory
    assert memory.free() and webui.model.place == "gpu"
    if case != "no model":
        assert webui.processing.process_images_inner("penny") == "picture of penny"
    memory.restore()


def test_alone(tmp_path: Path) -> None:
    host = Alone(tmp_path)
    assert not host.rights().restricted and host.known_hosts() == LOOPBACK and host.lora_folder() is None
    for name in ("base", "folder/more"):
        (tmp_path / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / f"{name}.safetensors").touch()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "nai.ckpt").touch()
    names = [one["name"] for one in host.checkpoints(str(tmp_path / "own"))]
    assert names == ["base", "folder/more", "nai", "toy_base (demo)"]


@pytest.mark.parametrize(
    ("address", "trusted", "restricted"), [("0.0.0.0", False, True), ("0.0.0.0", True, False), ("::1", False, False)]
)
def test_alone_on_a_network(tmp_path: Path, address: str, trusted: bool, restricted: bool) -> None:
    host = Alone(tmp_path, address=address, trusted=trusted)
    assert host.rights().restricted is restricted
    assert host.known_hosts() == LOOPBACK
    assert (Alone(tmp_path, address=address, login="ann:x").known_hosts() is None) is (address == "0.0.0.0")


def test_what_a_machine_is_called_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_names.cache_clear()
    monkeypatch.setattr(socket, "gethostname", lambda: "Box.corp.example")
    open_to_all, local = Alone(tmp_path, address="0.0.0.0"), Alone(tmp_path, address="127.0.0.1")
    for name in ("192.168.0.5", "fe80::1%eth0", "box", "box.local", "box.lan", "box.corp.example"):
        assert open_to_all.is_own_name(name) and not local.is_own_name(name), name
    for name in ("evil.example", "box.evil.example", "192.168.0.5.evil.example", ""):
        assert not open_to_all.is_own_name(name), name
    own_names.cache_clear()


def test_taggers_that_were_fetched_by_name_are_offered(fakes: Callable[..., WebUIFakes], tmp_path: Path) -> None:
    fakes()
    for host in (Alone(tmp_path / "alone"), WebUI()):
        assert all("demo" in one["name"] for one in host.taggers())
        folder = host.data / "models" / "taggers" / "wd-swinv2-tagger-v3"
        folder.mkdir(parents=True)
        for name in ("model.onnx", "selected_tags.csv"):
            (folder / name).write_bytes(b"")
        assert host.taggers()[0] == {"name": "wd-swinv2-tagger-v3", "path": str(folder)}
