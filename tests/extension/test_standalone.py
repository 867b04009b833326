"""The page without webui, as a process of its own: it serves, says what is wrong, and ends with its streams."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension import standalone
from lora_workbench.installer import command
from lora_workbench.installer.ui_words import LOGIN
from lora_workbench.tests.extension.parts import API, wait_for
from lora_workbench.trainer_core.problems import UserError

MODULE = [sys.executable, "-I", "-X", "utf8", "-m", "lora_workbench.extension.standalone"]


class Served:
    """A running server, its first line, and its address."""

    def __init__(self, data: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [*MODULE, "--port=0", f"--data={data}", "--no-browser", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )  # fmt: skip
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.address = self.line.split()[2]

    def open(self, path: str, **headers: str) -> Any:
        return urllib.request.urlopen(urllib.request.Request(self.address + path, headers=headers), timeout=60)

    def end(self) -> str:
        if self.process.poll() is None:
            self.process.kill()
        return self.process.communicate(timeout=60)[0]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "data")
    yield made
    made.end()


def test_it_serves_the_page_and_its_api(served: Served, tmp_path: Path) -> None:
    assert served.line.startswith("LoRA Workbench: http://127.0.0.1:") and str(tmp_path / "data") in served.line
    page = served.open("/")
    assert 'id="lw-root"' in page.read().decode() and "default-src 'self'" in page.headers["content-security-policy"]
    assert json.load(served.open(f"{API}/state"))["host"]["name"] == "alone"
    assert served.open("/lora_workbench/page/main.js").status == 200
    with pytest.raises(urllib.error.HTTPError) as refused:
        served.open("/", Host="evil.example")
    assert refused.value.code == 403
    assert not (tmp_path / "data" / "projects").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_though_a_page_listens(served: Served, number: int) -> None:
    stream = served.open(f"{API}/events")
    assert stream.readline().startswith(b"data: ")
    served.process.send_signal(number)
    said = served.process.communicate(timeout=30)[0]
    assert "Traceback" not in said and "error" not in said.lower()


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*MODULE, f"--port={port}", "--no-browser", f"--data={tmp_path}"], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: Port {port}") and "--port" in line


@pytest.mark.parametrize("host", ["nowhere.invalid", "198.51.100.7"])
def test_an_address_of_another_machine_is_one_sentence(host: str) -> None:
    with pytest.raises(UserError, match=rf"{host} is no address of this machine .*0\.0\.0\.0"):
        standalone._listen(host, 0)


def test_an_address_for_others_comes_with_a_word(tmp_path: Path) -> None:
    for words, said, restricted in (
        ([], "works on the data folder alone", True),
        (["--trust-network"], "read and write", False),
    ):
        served = Served(tmp_path, "--host=0.0.0.0", *words)
        try:
            assert any(said in served.process.stdout.readline() for _ in range(2))
            assert json.load(served.open(f"{API}/state"))["rights"]["restricted"] is restricted
        finally:
            served.end()


def test_a_login_is_asked_for_before_anything(tmp_path: Path) -> None:
    served = Served(tmp_path, "--host=0.0.0.0", "--login=ann:se:cret")
    try:
        said = served.process.stdout.readline() + served.process.stdout.readline()
        assert "works on the data folder alone" in said and "Nobody is asked" not in said
        for path in ("/", f"{API}/state", f"{API}/events"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                served.open(path)
            assert "known" not in str(refused.value.headers)
            assert refused.value.code == 401 and refused.value.headers["www-authenticate"].startswith("Basic")
            with pytest.raises(urllib.error.HTTPError):
                served.open(path, Authorization="Basic " + base64.b64encode(b"ann:secret").decode())
            assert served.open(path, Authorization="Basic " + base64.b64encode(b"ann:se:cret").decode()).status == 200
        wrong = [f"Basic {base64.b64encode(f'ann:{number}'.encode()).decode()}" for number in range(6)]
        told = []
        for authorization in wrong:
            with pytest.raises(urllib.error.HTTPError) as refused:
                served.open(f"{API}/state", Authorization=authorization)
            told.append(refused.value.code)
        assert told == [401] * 4 + [429] * 2 and "try again in" in json.load(refused.value)["error"]
    finally:
        served.end()


def test_without_a_login_a_word_says_so(tmp_path: Path) -> None:
    served = Served(tmp_path, "--host=0.0.0.0")
    try:
        assert any("give --login NAME:PASSWORD" in served.process.stdout.readline() for _ in range(3))
    finally:
        served.end()


def test_a_proxys_name(tmp_path: Path) -> None:
    """Others reach it by that name, so that it works on the data folder alone."""
    served = Served(tmp_path, "--name=Pics.example")
    try:
        assert json.load(served.open(f"{API}/state", Host="pics.example"))["rights"]["restricted"] is True
        with pytest.raises(urllib.error.HTTPError) as refused:
            served.open(f"{API}/state", Host="evil.example")
        assert "--name evil.example" in json.load(refused.value)["error"]
    finally:
        served.end()


@pytest.mark.parametrize("login", ["ann", ":secret", "ann:", ""])
def test_a_login_that_is_none(login: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        standalone._parser().parse_args([f"--login={login}"])
    assert "ann:secret" in capsys.readouterr().err


def test_the_login_stands_in_no_list_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(command, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(command, "run_to_its_end", lambda words: ran.append([str(word) for word in words]) or 0)
    monkeypatch.setenv(LOGIN, "")
    assert command.main(["ui", "--login", "ann:secret", "--name", "pics.example"]) == 0
    assert "secret" not in " ".join(ran[0]) and "--name=pics.example" in ran[0]
    assert standalone._login_of_the_environment() == "ann:secret" and LOGIN not in os.environ
    monkeypatch.setenv(LOGIN, "ann")
    with pytest.raises(UserError, match="ann:secret"):
        standalone._login_of_the_environment()


def test_install_py_ui_hands_its_words_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(command, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(command, "run_to_its_end", lambda words: ran.append([str(word) for word in words]) or 0)
    assert command.main(["ui", "--port", "8000", "--data", str(tmp_path / "my data"), "--no-browser", "--host", "::1"]) == 0
    assert ran[0][4:6] == ["-m", "lora_workbench.extension.standalone"]
    asked = standalone._parser().parse_args(ran[0][6:])
    assert (asked.port, asked.host, asked.data, asked.no_browser) == (8000, "::1", tmp_path / "my data", True)
    assert not asked.trust_network


def test_install_py_ui_sets_up_what_is_missing_first(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(command, "what_is_wrong", lambda _: "is not there")
    monkeypatch.setattr(command, "set_up", lambda *_: done.append("set up"))
    monkeypatch.setattr(command, "run_to_its_end", lambda _: done.append("served") or 0)
    assert command.main(["ui", "--no-browser"]) == 0
    assert done == ["set up", "served"]


@pytest.mark.parametrize("words", [["--port", "http"], ["--port", "70000"], ["--port", "-1"], ["stray"]])
def test_wrong_words(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = command.main(["ui", *words])
    except SystemExit as ended:
        status = ended.code
    assert status == 2 and "error:" in capsys.readouterr().err


def test_jobs_outlive_the_page(tmp_path: Path) -> None:
    """Its end is not theirs: they have sessions of their own (tests of the queue kill servers too)."""
    from lora_workbench.extension.job_process import is_running, spawn, started_at

    process = spawn([sys.executable, "-c", "import time; time.sleep(30)"], tmp_path)
    began = wait_for(lambda: started_at(process.pid))
    assert is_running(process.pid, began)
    process.kill()
    process.wait()
