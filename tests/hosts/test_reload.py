""" "Reload UI": the scripts are executed again in the same process, with modules kept and a new app."""

from __future__ import annotations

from collections import Counter

from lora_workbench.tests.hosts.clicking import Window, Workbench
from lora_workbench.tests.hosts.running import PREFIX

TIMES = 10


def our_routes(host) -> Counter[str]:
    return Counter(path for path in host.inside()["routes"] if "lora_workbench" in path)


def test_ten_times(host, window, browser) -> None:
    bench = Workbench(window.page)
    bench.open_in_host(window)
    watching = Window(browser, host.address)  # its stream of events stays open: the server must end it, or it never stops
    Workbench(watching.page).open_in_host(watching)
    before = our_routes(host)

    window.page.locator("#tabs > .tab-nav > button", has_text="Settings").click()
    window.page.locator("#settings_restart_gradio").click()
    host.wait_until_ready()
    watching.close()
    window.page.goto("about:blank")  # for each open page gradio 4 waits five seconds, whatever is shown there
    for _ in range(TIMES - 1):
        host.reload()
    bench.open_in_host(window)

    inside = host.inside()
    assert inside["lives"] == TIMES + 1
    assert our_routes(host) == before
    assert inside["threads"].count("lora_workbench-queue") == 1
    assert len([name for name in inside["threads"] if name.startswith("lora_workbench")]) == 1
    assert window.page.locator("#tabs > .tab-nav > button", has_text="LoRA Workbench").count() == 1
    assert window.page.locator("#lw-root .lw-page").count() == 1
    assert host.get(f"{PREFIX}/state")["host"]["sends"]
    assert not host.errors()


def test_the_open_page_finds_the_server_again(host, window) -> None:
    """A window that was left open over a reload shows live jobs again, without being loaded anew."""
    bench = Workbench(window.page)
    bench.open_in_host(window)
    host.reload()
    gone = bench.root.get_by_text("The server does not answer")
    gone.wait_for(state="hidden", timeout=30_000)
    host.post(f"{PREFIX}/projects", {"name": "made elsewhere"})
    bench.root.get_by_text("made elsewhere").first.wait_for(timeout=60_000)
