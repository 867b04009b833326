"""What the tests in hosts share: environments with the hosts' pins, Chromium, pictures, hosts and windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lora_workbench.demo.world.pictures import make_training_pictures
from lora_workbench.tests.hosts.clicking import Window
from lora_workbench.tests.hosts.running import KINDS, Host, find_python, hashes, make_environments
from lora_workbench.tests.needs import missing


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
