"""The resident helper's client, with a helper in small."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.helper import Helper, worker_command
from lora_workbench.installer.environment import VENV, what_is_wrong

ECHO = """
import json, os, sys, threading, time
def answer(asked):
    if asked["what"] == "slow":
        time.sleep(asked["seconds"])
    reply = {"error": "No such thing."} if asked["what"] == "wrong" else {"result": {**asked, "pid": os.getpid()}}
    print(json.dumps({"id": asked["id"], **reply}), flush=True)
print("a library says hello", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["what"] == "die":
        os._exit(1)
    threading.Thread(target=answer, args=(asked,)).start()
"""


@pytest.fixture
def helper(tmp_path: Path):
    made = Helper("plan", tmp_path, lambda kind: [sys.executable, "-c", ECHO])
    yield made
    made.end()


def test_it_answers_with_one_process(helper: Helper) -> None:
    first, second = helper.ask("plan", settings={"a": "ü"}), helper.ask("plan")
    assert first["settings"] == {"a": "ü"} and first["pid"] == second["pid"]


def test_its_sentence_is_raised(helper: Helper) -> None:
    with pytest.raises(Refused, match="No such thing"):
        helper.ask("wrong")


def test_many_ask_at_once_and_each_gets_its_own(helper: Helper) -> None:
    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        answers[number] = helper.ask("slow", seconds=0.3 - number / 100, number=number)["number"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number for number in range(20)}


def test_a_dead_one_is_started_anew(helper: Helper) -> None:
    first = helper.ask("plan")["pid"]
    with pytest.raises(Refused, match="ended at once"):
        helper.ask("die")
    assert helper.ask("plan")["pid"] != first


def test_a_stuck_one_is_ended(helper: Helper) -> None:
    with pytest.raises(Refused, match="took more than"):
        helper.ask("slow", seconds=30, patience=0.3)
    assert helper.ask("plan")["what"] == "plan"


ONE_BY_ONE = ECHO.replace("threading.Thread(target=answer, args=(asked,)).start()", "answer(asked)")


def test_who_waits_for_his_turn_ends_nobody(tmp_path: Path) -> None:
    """Most questions are answered one after the other: a short one behind a long one is no reason to end the process."""
    helper = Helper("plan", tmp_path, lambda kind: [sys.executable, "-c", ONE_BY_ONE])
    answers: dict[str, int] = {}

    def ask(name: str, seconds: float, patience: float) -> None:
        answers[name] = helper.ask("slow", seconds=seconds, patience=patience)["pid"]

    long = threading.Thread(target=ask, args=("long", 3.0, 60.0))
    long.start()
    while "long" not in answers and not helper._process:
        time.sleep(0.01)
    time.sleep(0.2)  # it is at work on the long one
    ask("short", 0.0, 2.0)
    long.join()
    assert answers["short"] == answers["long"]
    helper.end()
    with pytest.raises(Refused, match="is ending"):
        helper.ask("plan")


def test_its_complaints_are_kept(tmp_path: Path) -> None:
    helper = Helper("plan", tmp_path, lambda kind: [sys.executable, "-c", "raise SystemExit('no torch today')"])
    with pytest.raises(Refused, match="helper-plan.txt"):
        helper.ask("plan")
    assert "no torch today" in (tmp_path / "logs" / "helper-plan.txt").read_text()


def test_without_an_environment_it_says_so(tmp_path: Path) -> None:
    helper = Helper("plan", tmp_path, lambda kind: [str(tmp_path / "python")])
    with pytest.raises(Refused, match="Set up") as refused:
        helper.ask("plan")
    assert refused.value.status == 409


@pytest.mark.skipif(bool(what_is_wrong(VENV)), reason="the trainer's environment is not whole")
def test_the_real_one_plans_and_makes_thumbnails(tmp_path: Path) -> None:
    from PIL import Image

    helper = Helper("plan", tmp_path, worker_command)
    Image.new("RGB", (640, 480), "red").save(tmp_path / "a.png")
    try:
        made = helper.ask("thumb", path=str(tmp_path / "a.png"), size=128, cache=str(tmp_path / "cache"))
        with Image.open(made["path"]) as image:
            assert max(image.size) == 128
        plan = helper.ask("plan", settings={"train_data_dir": str(tmp_path), "resolution": "512"})
        assert plan["images"] == 1 and plan["problems"]
        with pytest.raises(Refused):
            helper.ask("no such question")
    finally:
        helper.end()
