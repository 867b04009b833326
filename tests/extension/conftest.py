"""Fixtures of the extension's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import HEADERS, make_workbench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = make_workbench(tmp_path / "data")
    yield made
    made.end()


@pytest.fixture
def client(bench: Workbench) -> Iterator[Any]:
    """A client of a starlette app with our routes, which sends our header as the page does."""
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from lora_workbench.extension.http import mount

    app = Starlette()
    mount(app, bench)
    with TestClient(app, headers=HEADERS, raise_server_exceptions=False) as made:
        yield made
