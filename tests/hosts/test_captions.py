"""The Captions tab in both hosts with 5,000 captioned pictures: opened, filtered, merged and undone without a stall."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from lora_workbench.tests.hosts.clicking import Workbench
from lora_workbench.tests.hosts.running import PREFIX
from lora_workbench.tests.hosts.test_journey import shoot

COUNT, LONGEST_TASK = 5000, 500
WATCH = """window.lwTasks = []; const note = (list) => window.lwTasks.push(...list.getEntries().map((one) => one.duration));
new PerformanceObserver(note).observe({ type: 'longtask', buffered: true });"""
SCROLL = """(share) => { const shelf = document.querySelector('.lw-captions .lw-gallery');
shelf.scrollTop = share * shelf.scrollHeight; }"""


def captions() -> Iterator[str]:
    """Tags of hats, boots and backgrounds in all combinations, with what they say besides."""
    hats, boots = ("red hat", "top hat", ""), ("red boots", "boots", "")
    faces, places = ("smile", "frown", "open mouth"), ("beach", "forest", "night sky", "city", "snow")
    for hat, boot, face, place in itertools.cycle(itertools.product(hats, boots, faces, places)):
        said = [hat, "hat" if hat else "", boot, "boots" if boot == "red boots" else "", face, place]
        yield ", ".join(["zibbo", "1creature", *(tag for tag in said if tag)])


def make_pictures(folder: Path) -> dict[str, str]:
    """The host's few pictures under 5,000 names, each with a caption of its own."""
    drawn = sorted((folder / "zibbo").glob("*.png"))
    (folder / "many").mkdir()
    written = {}
    for number, text in zip(range(COUNT), captions(), strict=False):
        picture = folder / "many" / f"{number:05d}.png"
        os.link(drawn[number % len(drawn)], picture)
        picture.with_suffix(".txt").write_text(text, encoding="utf-8")
        written[picture.with_suffix(".txt").name] = text
    return written


def test_five_thousand_captions(host, window) -> None:
    before = make_pictures(host.folder / "pictures")
    folder = host.folder / "pictures" / "many"
    host.post(f"{PREFIX}/projects", {"name": "many"})
    host.post(f"{PREFIX}/project", {"changes": {"dataset": str(folder), "page": "captions"}})
    page, bench = window.page, Workbench(window.page)
    page.add_init_script(WATCH)
    longest: dict[str, int] = {}

    def note(name: str) -> None:
        page.wait_for_timeout(400)
        took = round(page.evaluate("() => Math.max(0, ...window.lwTasks.splice(0))"))
        longest[name] = min(took, longest.get(name, took))

    for _ in range(3):  # a busy machine lets a page wait: what counts is what it took at the best
        bench.open_in_host(window)
        page.evaluate("() => window.lwTasks.splice(0)")  # the host's own start
        bench.go("captions")
        bench.root.locator("#lw-filter").fill("")
        bench.root.get_by_text(f"{COUNT:,} of {COUNT:,}", exact=True).wait_for()
        bench.root.locator(".lw-captions .lw-thumb[src]").first.wait_for()
        note("open")
        for share in (0.3, 0.9, 0):
            page.evaluate(SCROLL, share)
            page.wait_for_timeout(300)
        note("scroll")
        bench.root.locator("#lw-filter").fill("has:hat not:smile")
        count = sum("hat" in text.split(", ") and "smile" not in text for text in before.values())
        bench.root.get_by_text(f"{count:,} of {COUNT:,}", exact=True).wait_for()
        note("filter")
        bench.root.locator("#lw-side-merge").click()
        bench.root.locator("#lw-merge-all").click()
        bench.root.locator("#lw-undo", has_text="merged").wait_for(timeout=120_000)
        note("merge")
        shoot(page, host.kind, "captions_merged")
        after = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}
        changed = {name for name in before if after[name] != before[name]}
        assert len(changed) == count and all("hat" not in after[name].split(", ") for name in changed)
        bench.root.locator("#lw-undo").click()
        bench.root.locator("#lw-redo", has_text="merged").wait_for(timeout=120_000)
        note("undo")
        shoot(page, host.kind, "captions_undone")
        assert {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")} == before
        if max(longest.values()) < LONGEST_TASK:
            break
    print(host.kind, longest)
    assert max(longest.values()) < LONGEST_TASK, longest
    assert not window.wrong and not window.outside and not host.errors()
