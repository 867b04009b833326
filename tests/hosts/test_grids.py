"""From a training to a test grid, and from a chosen cell to the next run in Train, by clicking in both hosts."""

from __future__ import annotations

from lora_workbench.tests.hosts.clicking import Workbench
from lora_workbench.tests.hosts.running import PREFIX, wait_until
from lora_workbench.tests.hosts.test_journey import shoot

CELL = ".lw-test-cell[data-cell='e1/te0.5/unet0.5']"


def test_training_to_grid_to_next_run(host, window) -> None:
    run = host.train(8, unet_lr=1e-4, text_encoder_lr=5e-5, output_name="zibbo")
    wait_until(lambda: host.job(run)["state"] == "done", 120, "the training")
    host.post(f"{PREFIX}/project", {"changes": {"page": "test", "tag": {"first": ["zibbo"]}}})
    page, bench = window.page, Workbench(window.page)
    bench.open_in_host(window)
    root = bench.root
    root.locator("label", has_text="First look").click()
    root.locator("#lw-test-prompts").fill("zibbo, smile")
    root.locator("#lw-test-strength").fill("0.5 1")
    root.locator(".lw-test-more summary").click()
    root.locator("#lw-test-steps").fill("4")
    make = root.locator("#lw-test-make:not([aria-disabled])").filter(has_text="Make 5 pictures")
    make.wait_for(timeout=60_000)  # the helper is started, and the base model's hash is made
    shoot(page, host.kind, "test_before")
    make.click()
    root.get_by_text("5 pictures drawn").wait_for(timeout=180_000)
    picture = root.locator(f"{CELL} img[src]")
    picture.wait_for()
    page.wait_for_function("cell => document.querySelector(cell)?.naturalWidth > 0", arg=f"{CELL} img")

    root.locator(CELL).click()
    root.get_by_text("The UNet had to be lowered to 0.5").wait_for()
    changes = root.locator("#lw-test-changes").inner_text()
    assert "unet_lr 0.0001 → 0.00005" in changes and "keep zibbo-000001" in changes
    shoot(page, host.kind, "test_chosen")
    root.locator(CELL).press(" ")
    root.locator(".lw-viewer").get_by_text("e1 · te 0.5 · unet 0.5").wait_for()
    page.keyboard.press("Escape")
    root.locator("#lw-test-delete").check()
    root.locator("#lw-test-next").click()
    bench.button("Delete them").click()
    root.locator("#lw-panel-train").wait_for()
    assert root.locator("#lw-set-unet_lr").input_value() == "0.00005"
    assert "From e1 · te 0.5 · unet 0.5 of zibbo" in root.locator("#lw-next-run").inner_text()
    left = [path.name for path in (host.data / "projects" / "zibbo" / "runs" / "zibbo").glob("*.safetensors")]
    assert left == ["zibbo-000001.safetensors"]
    bench.train_button().filter(has_text="4 steps").wait_for(timeout=60_000)
    shoot(page, host.kind, "test_next_run")
    assert not window.wrong, window.wrong
    assert not window.outside, window.outside
    assert not host.errors()
