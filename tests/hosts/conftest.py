"""What the tests in hosts share: environments with the hosts' pins, Chromium, pictures, hosts and windows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.demo.world.pictures import make_training_pictures
from lora_workbench.tests.hosts.clicking import Window, find_chromium
from lora_workbench.tests.hosts.running import KINDS, Host, find_python, hashes, make_environments

IS_CI = os.environ.get("CI", "").lower() == "true"


def missing(what: str) -> None:
    """Skips by name, but where everything is asked for it fails."""
    if IS_CI:
        pytest.fail(f"continuous integration needs {what}")
    pytest.skip(f"{what} is not here")


@pytest.fixture(scope="session")
def interpreters() -> dict[str, Path]:
    python = find_python()
    if python is None:
        missing("Python 3.10 or 3.11, for the hosts' pins")
    return make_environments(python)


@pytest.fixture(scope="session")
def untouched(interpreters: dict[str, Path]) -> dict[str, dict[str, str]]:
    """The environments' files before any host ran."""
    return {kind: hashes(interpreter) for kind, interpreter in interpreters.items()}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    chromium = find_chromium()
    if chromium is None:
        missing("Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield one
        one.close()


@pytest.fixture(scope="module")
def hosts(interpreters, untouched, tmp_path_factory) -> Iterator[Callable[..., Host]]:
    """Makes hosts with a folder of pictures, pictures/zibbo, in their home; none outlives the module."""
    made: list[Host] = []

    def make(kind: str, *words: str) -> Host:
        host = Host(kind, interpreters[kind], tmp_path_factory.mktemp(kind))
        made.append(host)
        make_training_pictures(host.folder / "pictures" / "zibbo", "zibbo", 4)
        return host.start(*words)

    yield make
    for host in made:
        host.kill()


@pytest.fixture(scope="module", params=KINDS)
def host(request, hosts) -> Host:
    return hosts(request.param)


@pytest.fixture
def window(browser, host) -> Iterator[Window]:
    one = Window(browser, host.address)
    yield one
    one.close()
