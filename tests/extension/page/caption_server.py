"""The real API and page over a folder of captions, for tests that click: only thumbnails and tokens are made up."""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lora_workbench.extension.standalone import make_app
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tagger.store import Scores, Store, content_key
from lora_workbench.tests.extension.parts import make_workbench

# The smallest PNG there is: one grey point.
POINT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63680000008200815c5fbdd30000000049454e44ae426082"
)


class Made:
    """A helper whose answers are made up: every thumbnail is one point, a word is a token."""

    def __init__(self, point: Path) -> None:
        self.point = point

    def ask(self, what: str, **values: Any) -> Any:
        return {"path": str(self.point)} if what == "thumb" else {"counts": [len(text.split()) for text in values["texts"]]}

    def end(self) -> None:
        return None


def make_folder(folder: Path, captions: dict[str, str]) -> Path:
    """Pictures (all the same file) with these captions."""
    folder.mkdir(parents=True)
    point = folder.parent / "point.png"
    point.write_bytes(POINT)
    for name, caption in captions.items():
        os.link(point, folder / f"{name}.png")
        if caption:
            (folder / f"{name}.txt").write_text(caption, encoding="utf-8")
    return folder


@contextmanager
def serving(data: Path, folder: Path, language: str = "en") -> Iterator[tuple[str, Workbench]]:
    """(address, workbench) of a server whose open project has the folder as its dataset."""
    import uvicorn

    bench = make_workbench(data)
    bench.thumbs = bench.words = Made(folder.parent / "point.png")  # type: ignore[assignment]
    bench.projects.create("penny")
    bench.projects.change({"dataset": str(folder), "page": "captions"}, bench.rights)
    bench.projects.set_options({"language": language}, bench.rights)
    stopping = threading.Event()
    config = uvicorn.Config(make_app(bench, stopping), port=0, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", bench
    finally:
        stopping.set()
        server.should_exit = server.force_exit = True
        thread.join(10)
        bench.end()


def remember(bench: Workbench, folder: Path, scores: dict[str, dict[str, float]]) -> None:
    """Puts what a tagger saw into the store: {picture: {tag: score}}."""
    tags = sorted({tag for own in scores.values() for tag in own})
    labels = "[" + ", ".join(f'["{tag}", "general"]' for tag in tags) + "]"
    with Store(bench.host.data / "cache") as store:
        store._database.execute("INSERT INTO models VALUES ('m', 'p', 1, 1, ?, 1)", (labels,))
        for name, own in scores.items():
            path = folder / name
            path_bytes = path.read_bytes() + name.encode()  # all pictures are one file here, but each has scores of its own
            kept = Scores(array("I", [tags.index(tag) for tag in own]), array("f", own.values()))
            store.remember([(path, path.stat(), content_key(path_bytes))], [(content_key(path_bytes), "m", kept)])
