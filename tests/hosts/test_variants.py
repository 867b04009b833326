"""A training picture goes from Variants into the host's own fields, with words and mask, in place of what lies there."""

from __future__ import annotations

from typing import Any

from PIL import Image

from lora_workbench.tests.hosts.clicking import Workbench
from lora_workbench.tests.hosts.running import PREFIX


def told(page: Any, name: str, wanted: str) -> None:
    """Waits until the host says that it has these pictures in the tab."""
    for _ in range(100):
        page.locator(f"#{name}_look").click()
        page.wait_for_timeout(250)
        if page.locator(f"#{name}_told").first.inner_text().strip() == wanted:  # gradio 3 gives two elements the id
            return
    raise AssertionError(page.locator(f"#{name}_told").first.inner_text())


def test_handed_over_with_its_mask(host, window) -> None:
    folder = host.folder / "pictures" / "handed"
    folder.mkdir()
    for name, size in (("a", (96, 64)), ("b", (64, 80))):
        Image.new("RGB", size, (200, 200, 200)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"mia, {name}", encoding="utf-8")
    host.post(f"{PREFIX}/projects", {"name": "handed"})
    host.post(f"{PREFIX}/project", {"changes": {"dataset": str(folder), "page": "pictures"}})
    page, bench = window.page, Workbench(window.page)
    bench.open_in_host(window)
    bench.go("pictures")
    page.click("#lw-pictures-variants")
    page.wait_for_selector(".lw-variants-name >> text=a.png")
    page.wait_for_function("document.querySelector('.lw-mask-canvas').width === 96")
    page.click("#lw-mask-to-img2img")
    told(page, "img2img", "96x64/200 none none none")
    assert page.input_value("#img2img_prompt textarea") == "mia, a"
    bench.show_tab()
    page.locator("#lw-variants-cell-1").click()
    page.wait_for_function("document.querySelector('.lw-mask-canvas').height === 80")
    page.click("#lw-mask-to-img2img")  # where another one lies
    told(page, "img2img", "64x80/200 none none none")
    bench.show_tab()
    page.focus("#lw-mask-stage")
    page.keyboard.press("Space")
    page.click("#lw-mask-to-inpaint")
    told(page, "img2img", "64x80/200 none 64x80/200 64x80/255")
    assert page.locator("#img_inpaint_mask").is_visible() and page.input_value("#img2img_prompt textarea") == "mia, b"
    bench.show_tab()
    page.click("#lw-mask-to-controlnet")
    told(page, "txt2img", "64x80/200")
    assert page.input_value("#txt2img_prompt textarea") == "mia, b"
    assert window.wrong == [] and window.outside == []
