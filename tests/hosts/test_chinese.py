"""The page in Simplified Chinese, where webui is set to a Chinese whose file name is not ours: no English is left in sight."""

from __future__ import annotations

import json
import re

from lora_workbench.tests.hosts.clicking import Window, Workbench
from lora_workbench.tests.hosts.running import KINDS, PREFIX

# What stays as it is: names, and the words that Chinese users write in Latin letters too.
TERMS = {
    "LoRA Workbench", "LoRA", "UNet", "MCut", "TOML", "bash", "PowerShell", "English", "GPU", "CPU", "KB", "MB", "GB", "token",
    "VAE", "SD 1.x", "Stable Diffusion", "SNR", "CLIP", "Prodigy", "DAdaptAdam", "AdamW",
}  # fmt: skip
# Names and values that users and their files gave, kohya's names of settings and their values, and what a program said.
NOT_WORDS = (
    "code, pre, option, .lw-path, .lw-crumbs, .lw-folder-name, .lw-roots, .lw-project, .lw-dataset, .lw-run-title, #lw-base"
    ", .lw-tag-row"
)
TEXTS = """
(ours) => {
  const kept = [];
  const sees = (one) => one.checkVisibility({ visibilityProperty: true });
  const walk = document.createTreeWalker(document.querySelector("#lw-root"), NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest(ours) || !sees(element)) continue;
    if (node.nodeType === Node.TEXT_NODE) kept.push(node.textContent.trim());
    else {
      const names = element.closest(".lw-settings") ? ["title", "aria-label"] : ["title", "aria-label", "alt", "placeholder"];
      kept.push(...names.map((name) => element.getAttribute(name) ?? "")); // a setting's placeholder is its usual value
    }
  }
  return [...new Set(kept.filter(Boolean))];
}
"""

# Of labels whose other words are Chinese; the glossary's words stand in elements of their own.
NAMES = ("（Rank）", "Alpha")


def english(page, known: set[str]) -> list[str]:
    """Texts in sight with Latin words and nothing Chinese, but for known words."""
    left = []
    for text in page.evaluate(TEXTS, NOT_WORDS):
        if re.search(r"[\u4e00-\u9fff]", text) or not re.search(r"[A-Za-z]{2}", text):
            continue
        words = text
        for term in sorted(TERMS | known, key=len, reverse=True):
            words = words.replace(term, "")
        if re.search(r"[A-Za-z]{2}", words):
            left.append(text)
    return left


def test_no_english_is_left(hosts, browser) -> None:
    host = hosts(KINDS[0])
    host.post("/sdapi/v1/options", {"localization": "zh_Hans"})
    left: dict[str, list[str]] = {}
    window = Window(browser, host.address, locale="en-US")
    page, bench = window.page, Workbench(window.page)

    def look(where: str, *known: str) -> None:
        page.wait_for_timeout(300)
        if found := english(page, {*known, *NAMES}):
            left[where] = found

    bench.open_in_host(window)
    look("start")
    host.open_project()
    bench.open_in_host(window)
    bench.go("tag")
    page.locator("#lw-captioned").wait_for()
    tags = {"zibbo.png", *(path.name for path in (host.folder / "pictures" / "zibbo").iterdir())}
    look("tag", *tags)
    page.locator("#lw-tag").click()
    page.locator("#lw-captioned", has_text="4").wait_for(timeout=60_000)
    look("tagged", *tags, *captions(host))
    bench.go("reg")
    look("reg, nothing said", "CFG", "DDIM")
    page.locator("#lw-reg-activation").fill(sorted(captions(host) - {"general"})[0])
    page.locator("#lw-reg-class").fill("1creature")
    page.locator("#lw-reg-chip-missing").wait_for()
    page.locator(".lw-reg-note summary").click()
    look("reg", *tags, *captions(host), "1creature", "DDIM", "CFG")
    host.train(2, output_name="zh")
    bench.go("train")
    page.locator("#lw-levels button").last.click()
    look("all settings")
    page.locator("#lw-run[data-state=done]").wait_for(timeout=180_000)
    page.evaluate("for (const one of document.querySelectorAll('#lw-root details')) one.open = true")
    look("trained", *tags, *captions(host))
    for menu in page.locator(".lw-top .lw-menu-button").all():
        menu.click()
        look("menus", "zibbo", *tags)
        page.keyboard.press("Escape")
    page.locator("#lw-dataset").click()
    look("folders", *tags)
    page.keyboard.press("Escape")
    helps = [setting for group in host.get(f"{PREFIX}/form")["groups"] for setting in group["settings"]]
    left_in_helps = [one["name"] for one in helps if not re.search(r"[\u4e00-\u9fff]", one["help"] + one["label"])]
    assert not left_in_helps
    assert not left, json.dumps(left, ensure_ascii=False, indent=1)
    assert not window.wrong
    window.close()


def captions(host) -> set[str]:
    """The tags themselves: they are data."""
    files = (host.folder / "pictures" / "zibbo").glob("*.txt")
    return {tag.strip() for path in files for tag in path.read_text(encoding="utf-8").split(",")} | {"general"}
