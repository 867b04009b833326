"""Pictures from this device into the dataset, over lines that break, and the dataset back: by clicking, over the real API."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from caption_server import POINT, serving

from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench

PATIENCE = 40_000
PIECE = "**/uploads/piece*"
DROP = """(files) => { const made = new DataTransfer();
  for (const [name, text] of files) made.items.add(new File([text], name, { lastModified: 5 }));
  return made; }"""


class Scene:
    """A page on a server that others can reach, whose project penny has no dataset yet."""

    def __init__(self, page: Any, bench: Workbench) -> None:
        self.page, self.bench = page, bench
        self.pictures = bench.host.data / "projects" / "penny" / "pictures" / "penny"

    def choose(self, *files: tuple[str, bytes]) -> None:
        """Over the Files menu."""
        self.page.click(".lw-files")
        with self.page.expect_file_chooser() as chooser:
            self.page.click("#lw-upload-files")
        chooser.value.set_files([{"name": name, "mimeType": "image/png", "buffer": content} for name, content in files])

    def says(self, words: str) -> None:
        self.page.wait_for_selector(f"#lw-upload >> text={words}")


@pytest.fixture
def scene(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    dataset = tmp_path / "none"
    dataset.mkdir()
    with serving(tmp_path / "data", dataset) as (address, bench):
        data = bench.host.data
        name = bench.projects.current()["name"]  # type: ignore[index]
        assert name == "penny"
        bench.projects.change({"dataset": "", "page": "tag"}, Rights())
        bench.thumbs.point.write_bytes(POINT)  # type: ignore[attr-defined]
        monkeypatch.setattr(bench.host, "chosen_rights", Rights(True, readable=(data,), writable=(data,)))
        context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US")
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        page.wait_for_selector(".lw-brand")
        yield Scene(page, bench)
        context.close()
        assert not wrong


def test_chosen_pictures_become_the_dataset(scene: Scene) -> None:
    """On a telephone's screen."""
    scene.choose(("a.png", POINT), ("a.txt", b"penny, hat"), ("notes.pdf", b"x"))
    scene.says("pictures 1, captions 1")
    scene.page.wait_for_selector(".lw-cell")
    assert scene.bench.projects.read("penny")["dataset"] == str(scene.pictures)
    scene.page.click("#lw-upload summary")
    scene.says("notes.pdf: it is no picture and no caption")
    width = scene.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, f"the page is {width} px wide"


def test_a_line_that_breaks_and_a_proxy_that_takes_little(scene: Scene) -> None:
    content = POINT + bytes(range(256)) * 3000
    seen: list[int] = []

    def weak(route: Any) -> None:
        size = len(route.request.post_data_buffer)
        seen.append(size)
        if len(seen) in (1, 3):
            route.abort("connectionreset")
        elif size > 300_000:
            route.fulfill(status=413, body="<h1>413 Request Entity Too Large</h1>")
        else:
            route.continue_()

    scene.page.route(PIECE, weak)
    scene.choose(("big.png", content))
    scene.says("The server does not answer; the upload goes on")
    scene.says("pictures 1, captions 0")
    assert (scene.pictures / "big.png").read_bytes() == content
    assert max(seen) > 300_000 > min(seen), seen


def test_stop_leaves_nothing_in_the_dataset(scene: Scene) -> None:
    scene.page.route(PIECE, lambda route: route.abort("connectionreset"))
    scene.choose(("a.png", POINT))
    scene.says("The server does not answer")
    scene.page.click("#lw-upload-stop")
    scene.says("The upload was stopped")
    assert not scene.pictures.exists()
    scene.page.click("#lw-upload-close")
    scene.page.wait_for_selector("#lw-upload", state="hidden")


def test_pictures_are_dropped_and_the_dataset_is_taken_away(scene: Scene) -> None:
    files = [["красный.png", "first"], ["b.png", "second"], ["b.txt", "penny"]]
    dropped = scene.page.evaluate_handle(DROP, files)
    scene.page.dispatch_event(".lw-page", "dragenter", {"dataTransfer": dropped})
    scene.page.wait_for_selector(".lw-drop")
    scene.page.dispatch_event(".lw-page", "drop", {"dataTransfer": dropped})
    scene.says("pictures 2, captions 1")
    scene.page.wait_for_selector(".lw-drop", state="hidden")
    scene.page.click(".lw-files")
    with scene.page.expect_download() as coming:
        scene.page.get_by_role("link", name="Download pictures and captions").click()
    assert coming.value.suggested_filename == "penny.zip"
    with zipfile.ZipFile(io.BytesIO(Path(coming.value.path()).read_bytes())) as archive:
        assert sorted(archive.namelist()) == ["b.png", "b.txt", "красный.png"]
        assert archive.read("красный.png") == b"first"


def test_a_tag_that_is_dragged_is_no_upload(scene: Scene) -> None:
    tag = scene.page.evaluate_handle("() => { const made = new DataTransfer(); made.setData('text/plain', 'x'); return made; }")
    scene.page.dispatch_event(".lw-page", "dragenter", {"dataTransfer": tag})
    scene.page.wait_for_timeout(200)
    assert not scene.page.is_visible(".lw-drop")
