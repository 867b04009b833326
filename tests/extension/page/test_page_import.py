"""Importing in the Train tab by clicking: pasted or from a file, looked at, taken into the project, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def importing(pages: Any, until: Any) -> Any:
    """(world, page) with the project's preset in place and the part for imports open."""
    own = pages()
    own.expected = ("400 (Bad Request)",)
    page = own.open(wait="#lw-train:not([aria-disabled])")
    until(lambda: own.world.projects["penny"]["settings"])
    page.click("#lw-import > summary")
    return own.world, page


def test_a_pasted_script_is_looked_at_taken_and_taken_back(importing: Any, posted: Any, until: Any) -> None:
    world, page = importing
    before = dict(world.projects["penny"]["settings"])
    assert before["network_dim"] == 64
    page.fill("#lw-import-text", "python train_network.py --network_dim=8 --fancy=3")
    page.click("#lw-import-read")
    page.wait_for_selector("text=Read as: a script for bash")
    assert posted(world, "import") == [{"text": "python train_network.py --network_dim=8 --fancy=3", "name": ""}]
    values = page.inner_text("#lw-import-values")
    assert "network_dim = 8" in values and "optimizer_args = decouple=True" in values and "/data/sets/penny" in values
    assert "training_comment = <b>bold</b>" in values, "what a script says is never read as HTML"
    assert page.inner_text("#lw-import-left") == "--fancy = 3: has no equivalent here"
    assert page.inner_text("#lw-import-notes") == "Line 2: strange --words is not read."
    assert world.projects["penny"]["settings"] == before, "nothing is set before it is taken"

    assert page.inner_text("#lw-import-apply") == "Take 4 settings"
    page.click("#lw-import-apply")
    page.wait_for_selector("text=The settings are in the form now.")
    taken = {"network_dim": 8, "optimizer_args": ["decouple=True"], "training_comment": "<b>bold</b>", "output_name": "penny"}
    until(lambda: world.projects["penny"]["settings"] == taken)
    until(lambda: world.projects["penny"]["prompts"] == "penny, smile")
    assert page.input_value("#lw-set-network_dim") == "8"

    page.click("#lw-import-back")
    until(lambda: world.projects["penny"]["settings"] == before)
    assert page.input_value("#lw-set-network_dim") == "64" and not page.is_visible("#lw-import-back")


def test_a_file(importing: Any, posted: Any, tmp_path: Path) -> None:
    world, page = importing
    path = tmp_path / "run 寺.toml"
    path.write_text("network_dim = 8\n", encoding="utf-8")
    page.set_input_files("#lw-import-file", path)
    page.wait_for_selector("text=Read as: a script for bash run 寺.toml")
    assert posted(world, "import") == [{"text": "network_dim = 8\n", "name": "run 寺.toml"}]


def test_what_is_wrong_is_told_in_place(importing: Any, tmp_path: Path) -> None:
    _, page = importing
    page.fill("#lw-import-text", "hello")
    page.click("#lw-import-read")
    page.wait_for_selector("#lw-import >> text=There is no training in it.")
    assert not page.is_visible("#lw-import-values")
    large = tmp_path / "large.toml"
    large.write_bytes(b"a" * (65 * 1024))
    page.set_input_files("#lw-import-file", large)
    page.wait_for_selector("#lw-import >> text=The file is too large for settings or a script.")
