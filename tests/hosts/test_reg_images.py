"""The Reg images tab in both hosts: a matched set made by clicking, stale with another seed, and the plan with it."""

from __future__ import annotations

from lora_workbench.tests.hosts.clicking import Workbench
from lora_workbench.tests.hosts.running import PREFIX
from lora_workbench.tests.hosts.test_journey import shoot

SMALL = {
    "resolution": "64", "min_bucket_reso": 64, "max_train_steps": 2, "network_dim": 2, "optimizer_type": "AdamW", "seed": 7,
    "caption_extension": ".txt", "output_name": "zibbo",
}  # fmt: skip


def test_a_set_and_the_plan_with_it(host, window) -> None:
    pictures = host.folder / "pictures" / "zibbo"
    for picture in pictures.glob("*.png"):
        picture.with_suffix(".txt").write_text("zibbo, 1creature, smile", encoding="utf-8")
    host.open_project()
    host.post(f"{PREFIX}/project", {"changes": {"settings": SMALL, "page": "reg"}})
    page, bench = window.page, Workbench(window.page)
    bench.open_in_host(window)
    bench.go("reg")
    bench.root.locator("#lw-reg-class").fill("1creature")
    bench.root.locator("#lw-reg-steps").fill("2")
    bench.button("Make 4 pictures").and_(bench.root.locator(":not([aria-disabled])")).click()
    bench.root.get_by_text("The training uses these pictures.").wait_for(timeout=180_000)
    bench.root.locator("#lw-reg-chip-fresh", has_text="4 fresh").wait_for()
    bench.root.locator(".lw-reg-pair img[src]").nth(7).wait_for()
    shoot(page, host.kind, "reg_made")
    bench.root.locator("#lw-reg-seed").fill("8")
    bench.root.locator("#lw-reg-chip-stale", has_text="4 stale (seed)").wait_for()
    shoot(page, host.kind, "reg_stale")
    bench.root.locator("#lw-reg-seed").fill("7")
    bench.root.locator("#lw-reg-chip-fresh", has_text="4 fresh").wait_for()

    bench.root.locator("#lw-panel-reg .lw-next button").click()
    bench.root.locator("#lw-plan-sum", has_text="4 reg pictures").wait_for()
    bench.train_button().wait_for()
    shoot(page, host.kind, "reg_planned")
    made = sorted((host.data / "projects" / "zibbo" / "reg" / "matched" / "1_reg").glob("*.png"))
    assert [path.name for path in made] == sorted(path.name for path in pictures.glob("*.png"))
    assert not window.wrong and not window.outside and not host.errors()
