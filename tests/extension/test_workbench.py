"""What holds the parts together: the end of all jobs, places in the queue, updates under a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension import workbench as module
from lora_workbench.extension.errors import Refused
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import FakeHost, add


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options with which something was run at the end of all jobs."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "when_done", found.append)
    return found


def test_nothing_is_run_where_nothing_was_chosen(bench: Workbench, ran: list[dict[str, Any]]) -> None:
    bench._when_all_is_done()
    assert ran == []


def test_the_chosen_command_is_run_each_time(bench: Workbench, ran: list[dict[str, Any]]) -> None:
    bench.projects.set_options({"when_done": "command", "command": "ring"}, Rights())
    bench._when_all_is_done()
    bench._when_all_is_done()
    assert [one["command"] for one in ran] == ["ring", "ring"]


def test_the_machine_is_shut_down_once(bench: Workbench, ran: list[dict[str, Any]]) -> None:
    bench.projects.set_options({"when_done": "shutdown"}, Rights())
    bench._when_all_is_done()
    assert [one["when_done"] for one in ran] == ["shutdown"]
    assert bench.projects.options()["when_done"] == "nothing"


def test_what_was_chosen_before_others_could_reach_it_is_not_run(bench: Workbench, ran: list[dict[str, Any]]) -> None:
    bench.projects.set_options({"when_done": "command", "command": "ring"}, Rights())
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True)
    bench._when_all_is_done()
    assert ran == []


def test_a_snapshot_shows_what_waits_and_the_newest_of_what_has_ended(bench: Workbench) -> None:
    ended = [add(bench.jobs) for _ in range(23)]
    for job in ended:
        bench.jobs.stop(job)
    waiting = [add(bench.jobs).id, add(bench.jobs).id]
    shown = bench.snapshot()
    assert shown["queue"] == waiting and len(shown["jobs"]) == 22
    assert {one["id"]: one["place"] for one in shown["jobs"] if one["place"]} == {waiting[0]: 1, waiting[1]: 2}


def test_an_update_on_the_disk_is_noticed(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not bench.restart_needed()
    monkeypatch.setattr(module.versions, "on_disk", lambda: "another")
    assert bench.restart_needed()


def test_the_thread_is_one_and_ends(bench: Workbench) -> None:
    bench.begin()
    first = bench.queue._thread
    bench.begin()
    assert bench.queue._thread is first and first is not None and first.is_alive()
    bench.end()
    assert not first.is_alive()


def test_a_base_model_on_another_disk_is_for_everybody(bench: Workbench, tmp_path: Path) -> None:
    """Its owner has linked it into the models' folder, or has named its folder; a page can do neither."""
    data, disk = bench.host.data, tmp_path / "disk"
    (data / "models").mkdir(parents=True)
    (disk / "named").mkdir(parents=True)
    for name in ("base.safetensors", "secret.safetensors", "named/other.safetensors"):
        (disk / name).write_bytes(b"x" * 100)
    link = data / "models" / "base.safetensors"
    link.symlink_to(disk / "base.safetensors")
    bench.projects.set_options({"models_folder": str(disk / "named")}, Rights())
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True, readable=(data,), writable=(data,))
    for path in (link, disk / "named" / "other.safetensors"):
        assert bench.rights.may_read(str(path), "The base model") == path
    for path in (disk / "base.safetensors", disk / "secret.safetensors", disk / "named", tmp_path):
        with pytest.raises(Refused):
            bench.rights.may_read(str(path), "The base model")
    with pytest.raises(Refused):
        bench.projects.set_options({"models_folder": str(disk)}, bench.rights)
