"""What dies and what goes on: the webui killed in the middle of a training, and the trainer killed under a living webui."""

from __future__ import annotations

import json
import os
import signal

from lora_workbench.tests.hosts.clicking import Window, Workbench
from lora_workbench.tests.hosts.running import PREFIX, wait_until


def events(host, job: str) -> list[dict]:
    """The job's own words, read without any server."""
    path = host.data / "jobs" / job / "events.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def test_a_killed_webui_leaves_the_training_alone(hosts, browser) -> None:
    host = hosts("gradio3")
    job = host.train(6, output_name="outlives")
    wait_until(lambda: host.job(job)["step"] >= 1, 120, "the first step")
    host.kill()
    wait_until(lambda: events(host, job)[-1]["kind"] == "done", 240, "the end without a webui")
    assert (host.loras / "outlives.safetensors").is_file()

    host.start()
    assert host.job(job)["state"] == "done"
    window = Window(browser, host.address)
    bench = Workbench(window.page)
    bench.open_in_host(window)
    bench.go("train")
    bench.root.locator("#lw-run[data-state=done]", has_text="6 of 6 steps").wait_for()
    assert not window.wrong
    window.close()


def test_a_killed_trainer_is_shown_and_resumed(hosts, browser) -> None:
    host = hosts("gradio4")
    job = host.train(400, output_name="dies")
    after = host.train(2, output_name="waits")
    wait_until(lambda: host.job(job)["step"] >= 6, 180, "an epoch with its state saved, and a step after it")
    window = Window(browser, host.address)
    bench = Workbench(window.page)
    bench.open_in_host(window)
    bench.go("train")
    bench.root.locator("#lw-run[data-state=running]").wait_for()

    os.kill(json.loads((host.data / "jobs" / job / "job.json").read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
    wait_until(lambda: host.job(job)["state"] == "failed", 60, "the failure is noticed")
    wait_until(lambda: host.job(after)["state"] == "done", 120, "the queue goes on")
    assert host.job(job)["resumable"]

    bench.root.locator("summary", has_text="Runs before").click()
    bench.root.locator("#lw-history").get_by_role("button", name="dies", exact=True).click()
    bench.root.locator("#lw-run[data-state=failed]").wait_for()
    bench.root.locator("#lw-run").get_by_role("button", name="Resume").click()
    resumed = wait_until(lambda: running(host), 120, "the resumed run")
    assert resumed["step"] >= 4, "it goes on where the state was saved"
    host.post(f"{PREFIX}/jobs/{resumed['id']}/stop")
    wait_until(lambda: host.job(resumed["id"])["state"] == "stopped", 120, "it stops and saves")
    assert not window.wrong
    window.close()


def running(host) -> dict | None:
    """The run that goes on now and has made a step."""
    jobs = host.get(f"{PREFIX}/jobs")["jobs"]
    return next((job for job in jobs if job["state"] == "running" and job["step"]), None)
