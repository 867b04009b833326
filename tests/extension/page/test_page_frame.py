"""What is always there: opening, projects, folder picker, set-up, the machine's pill, languages, themes, several windows."""

from __future__ import annotations

from typing import Any

import pytest

OPENS_WITHIN = 1.5
ENOUGH_CONTRAST = 4.5

# The contrast of every visible text with what lies behind it; gradients count with each of their colours.
CONTRASTS = """() => {
  const read = (text) => [...String(text).matchAll(/(rgba?|color)\\((?:srgb )?([^()]+)\\)/g)].map(([, kind, words]) => {
    const [r, g, b, a = 1] = words.split(/[,\\s/]+/).map(Number), k = kind === "color" ? 255 : 1;
    return [r * k, g * k, b * k, a];
  });
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const part = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => { const [r, g, b] = c.map((v) => part(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const grounds = (element) => {
    if (!element) return [[255, 255, 255, 1]];
    const style = getComputedStyle(element);
    const layers = style.backgroundImage === "none" ? read(style.backgroundColor) : read(style.backgroundImage);
    if (layers.length && layers.every((one) => one[3] === 1)) return layers;
    const below = grounds(element.parentElement);
    return layers.length ? layers.flatMap((one) => below.map((under) => over(one, under))) : below;
  };
  const found = [];
  const walker = document.createTreeWalker(document.getElementById("lw-root"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility({ checkVisibilityCSS: true })) continue;
    if (element.closest("[aria-disabled], :disabled, option, .lw-hidden-words, svg")) continue;
    const text = read(getComputedStyle(element).color)[0];
    const ratios = grounds(element).map((ground) => {
      const [a, b] = [light(over(text, ground)), light(ground)].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    });
    found.push([Math.min(...ratios), node.textContent.trim(), element.className]);
  }
  return found;
}"""
HEARD = """() => {
  const heard = [];
  document.addEventListener("keydown", ({ key }) => heard.push(key));
  for (const [key, ctrlKey] of [["Escape", false], ["Enter", true], ["Enter", false]])
    document.querySelector("#lw-root").dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, bubbles: true }));
  return heard;
}"""


def test_it_opens_quickly(pages: Any, quick: Any) -> None:
    """To fields that can be used."""
    own = pages()
    page = quick(lambda: own.open(wait="#lw-set-network_dim"), OPENS_WITHIN)
    assert page.is_editable("#lw-set-network_dim")


def test_the_first_project_is_made_by_clicking(pages: Any, posted: Any, until: Any) -> None:
    own = pages(project=False)
    own.expected = ("status of 404",)  # it begins on Pictures, for which this made-up server has no answers
    page = own.open(wait=".lw-start")
    page.get_by_role("button", name="Choose the folder").click()
    page.get_by_role("option", name="sets").click()
    page.get_by_role("option", name="penny").click()
    page.get_by_role("button", name="Use penny · 42 pictures").click()
    assert page.input_value("#lw-first-project") == "penny"
    page.press("#lw-first-project", "Enter")
    page.wait_for_selector("#lw-panel-pictures")
    page.wait_for_function("document.activeElement.id === 'lw-tab-pictures'")
    page.click("#lw-tab-tag")
    page.wait_for_selector(".lw-cell")
    until(lambda: own.world.projects.get("penny", {}).get("dataset") == "/data/sets/penny")
    assert posted(own.world, "projects") == [{"name": "penny"}]


def test_a_beginner_is_told_what_is_missing_before_the_first_project(pages: Any, until: Any, posted: Any) -> None:
    own = pages(project=False)
    own.expected = ("status of 404",)
    own.world.models, own.world.host = (
        [{"name": "toy_base (demo)", "path": "/demo/toy_base.safetensors", "demo": True}],
        "alone",
    )
    page = own.open(wait=".lw-start")
    page.get_by_role("button", name="Begin", exact=True).click()
    page.wait_for_selector(".lw-start .lw-error >> text=First choose the folder with your pictures")
    assert posted(own.world, "projects") == []
    page.wait_for_selector(".lw-start >> text=A LoRA is trained on a base model")
    page.fill("#lw-first-project", "penny")
    page.select_option("#lw-first-base", label="models in another folder …")
    page.fill(".lw-picker input", "/home")
    page.get_by_role("button", name="Use home", exact=True).click()
    page.wait_for_selector(".lw-start >> text=A LoRA is trained on a base model", state="hidden")
    assert page.locator("#lw-first-base option:checked").inner_text() == "anything"
    page.get_by_role("button", name="Begin", exact=True).click()
    until(lambda: own.world.projects.get("penny", {}).get("base_model") == "/home/anything.safetensors")


def test_the_demos_base_is_never_chosen_by_itself(pages: Any, until: Any) -> None:
    own = pages(project=False)
    own.expected = ("status of 404",)
    own.world.models = [{"name": "toy_base (demo)", "path": "/demo/toy_base.safetensors", "demo": True}]
    page = own.open(wait=".lw-start")
    page.fill("#lw-first-project", "penny")
    page.get_by_role("button", name="Begin", exact=True).click()
    page.wait_for_selector("#lw-tab-tag")
    assert page.locator("#lw-base option:checked").inner_text() == "choose a base model"
    assert own.world.projects["penny"]["base_model"] == ""


def test_from_another_machine_the_start_says_where_models_go(pages: Any) -> None:
    own = pages(project=False)
    own.world.rights = {"restricted": True, "hide_folders": False}
    own.world.host = "alone"
    own.world.models = [{"name": "toy_base (demo)", "path": "/toy", "demo": True}]
    page = own.open(wait=".lw-start")
    assert "/data/models on the server" in page.inner_text("#lw-models-there")


def test_the_folder_picker_by_keyboard(pages: Any, until: Any) -> None:
    own = pages()
    page = own.open()
    page.click("#lw-dataset")
    chosen = page.locator(".lw-folder[aria-selected=true]")
    page.wait_for_selector(".lw-picker .lw-folder")
    page.keyboard.press("Backspace")
    page.wait_for_function("document.querySelector('.lw-folder[aria-selected=true]')?.innerText.includes('penny')")
    assert "42 pictures" in chosen.inner_text()
    page.keyboard.press("m")
    assert "many" in chosen.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Use many · 5,000 pictures")
    assert page.locator(".lw-crumbs").inner_text().split("\n") == ["/", "data", "sets", "many"]
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".lw-picker", state="detached")
    until(lambda: own.world.projects["penny"]["dataset"] == "/data/sets/many")
    page.click("#lw-dataset")
    page.wait_for_selector(".lw-picker .lw-folder")
    page.keyboard.press("Escape")
    page.wait_for_selector(".lw-picker", state="detached")
    assert page.evaluate(HEARD) == ["Enter"], "webui looks for its own buttons at the others"


def test_a_typed_folder_that_is_not_there_is_told_in_place(pages: Any) -> None:
    own = pages()
    own.expected = ("status of 400",)
    page = own.open()
    page.click("#lw-dataset")
    page.wait_for_selector(".lw-picker .lw-folder")
    page.fill(".lw-picker input", "/nowhere")
    page.keyboard.press("Enter")
    page.wait_for_selector(".lw-picker .lw-error >> text=/nowhere is not there")
    assert page.input_value(".lw-picker input") == "/nowhere"  # what was typed stays, to be mended


def test_what_is_typed_while_a_folder_is_listed_stays_and_is_what_is_used(pages: Any, until: Any) -> None:
    own = pages()
    page = own.open()
    page.click("#lw-dataset")
    page.wait_for_selector(".lw-picker .lw-folder")
    own.world.folders_wait = 0.6
    page.get_by_role("option", name="..").click()  # the listing of /data/sets comes late
    page.fill(".lw-picker input", "/data/sets/many")
    page.wait_for_selector(".lw-crumbs >> text=sets")
    page.wait_for_selector(".lw-picker [role=option] >> text=many")
    assert page.input_value(".lw-picker input") == "/data/sets/many"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Path of the folder"
    page.get_by_role("button", name="Use many").click()  # without Enter first
    page.wait_for_selector(".lw-picker", state="detached")
    until(lambda: own.world.projects["penny"]["dataset"] == "/data/sets/many")


def test_a_folder_of_pictures_says_that_they_are_there(pages: Any) -> None:
    page = pages().open()
    page.click("#lw-dataset")
    page.wait_for_selector(".lw-picker >> text=42 pictures, no folders in here.")


def test_base_models_of_another_folder_are_found_without_webui(pages: Any, posted: Any, until: Any) -> None:
    own = pages()
    own.world.host = "alone"
    page = own.open()
    page.select_option("#lw-base", label="models in another folder …")
    page.wait_for_selector(".lw-picker .lw-folder")
    page.fill(".lw-picker input", "/home")
    page.keyboard.press("Enter")
    page.wait_for_selector(".lw-picker >> text=anything.safetensors")
    page.get_by_role("button", name="Use home", exact=True).click()
    until(lambda: own.world.projects["penny"]["base_model"] == "/home/anything.safetensors")
    assert posted(own.world, "options") == [{"models_folder": "/home"}]
    assert page.locator("#lw-base option:checked").inner_text() == "anything"
    page.select_option("#lw-base", label="models in another folder …")
    page.fill(".lw-picker input", "/data")
    page.get_by_role("button", name="Use data", exact=True).click()
    page.wait_for_selector(".lw-notice >> text=There is no base model in /data: no .safetensors or .ckpt file.")


def test_inside_webui_its_own_models_and_language_are_the_usual(pages: Any) -> None:
    page = pages().open()
    assert "models in another folder …" not in page.inner_text("#lw-base")
    page.click(".lw-pill")
    assert page.locator("#lw-language option").first.inner_text() == "as webui"
    alone = pages()
    alone.world.host = "alone"
    page = alone.open()
    page.click(".lw-pill")
    assert page.locator("#lw-language option").first.inner_text() == "as the browser"


def test_hidden_folders_say_why(pages: Any) -> None:
    own = pages()
    own.world.rights = {"restricted": True, "hide_folders": True}
    page = own.open()
    assert "--hide-ui-dir-config" in page.get_attribute("#lw-dataset", "title")
    page.click("#lw-dataset", force=True)
    page.wait_for_timeout(300)
    assert page.locator(".lw-picker").count() == 0


def test_set_up_shows_what_is_missing_and_goes_on_by_itself(pages: Any) -> None:
    own = pages(ready=False)
    page = own.open(wait=".lw-setup")
    assert "The trainer's environment is not there." in page.inner_text(".lw-setup")
    assert "set-up needed" in page.inner_text(".lw-pill")
    page.get_by_role("button", name="Set up", exact=True).click()
    page.wait_for_selector("text=Downloading torch")
    page.get_by_role("button", name="Check the installation").click()
    page.wait_for_selector("text=No GPU: the CPU trains, slowly.")
    own.world.setup = {**own.world.setup, "running": False, "failed": True, "lines": ["No space left on the disk"]}
    page.wait_for_selector("text=The set-up did not finish.")
    assert "No space left on the disk" in page.inner_text(".lw-log")
    assert page.get_by_role("button", name="Set up again").is_visible()
    own.world.setup = {"ready": True, "wrong": "", "running": False, "failed": False, "lines": []}
    page.wait_for_selector("#lw-set-network_dim")
    assert not page.locator(".lw-setup").is_visible()


def test_the_installation_is_checked_and_tried(pages: Any) -> None:
    page = pages().open(wait="#lw-set-network_dim")
    page.click(".lw-pill")
    page.get_by_role("button", name="Check the installation").click()
    page.wait_for_selector("text=No GPU: the CPU trains, slowly.")
    assert "20 steps" not in page.inner_text(".lw-doctor")
    page.get_by_role("button", name="Train twenty steps as a trial").click()
    page.wait_for_selector("text=20 steps in full precision: the losses are what they should be")


def test_a_server_that_is_gone_is_told_and_found_again(pages: Any) -> None:
    own = pages()
    own.expected = ("ERR_", "Failed to load")
    page = own.open(wait="#lw-set-network_dim")
    own.world.down = True
    page.wait_for_selector(".lw-notice >> text=The server does not answer")
    assert "no answer" in page.inner_text(".lw-pill")
    own.world.down = False
    page.wait_for_selector(".lw-notice >> text=The server does not answer", state="hidden")
    page.wait_for_selector(".lw-pill >> text=idle")


def test_the_language_can_be_changed_in_place(pages: Any) -> None:
    own = pages()
    page = own.open(wait="#lw-set-network_dim")
    page.click(".lw-project")
    page.click(".lw-pill")
    page.locator("#lw-language").press("Shift+Tab")
    assert page.locator(".lw-panel:visible").count() == 1
    page.focus(".lw-tab[tabindex='0']")
    page.wait_for_selector(".lw-panel", state="hidden")  # the focus left it
    page.click(".lw-pill")
    page.select_option("#lw-language", "zh_CN")
    page.wait_for_selector("#lw-tab-train >> text=训练")
    assert page.get_attribute("#lw-root", "lang") == "zh-CN"


def test_two_windows_see_the_same(pages: Any, until: Any) -> None:
    own = pages(speed=5)
    own.world.new_project("other", dataset="/data/sets/many", page="tag")
    own.world.current = "penny"
    first, second = own.open(wait="#lw-set-network_dim"), own.open(wait="#lw-set-network_dim")
    first.wait_for_selector("#lw-train:not([aria-disabled])")
    first.click("#lw-train")
    second.wait_for_selector("#lw-run >> text=running")
    first.click(".lw-project")
    first.get_by_role("button", name="other", exact=True).click()
    second.wait_for_selector(".lw-project >> text=other")
    second.wait_for_selector(".lw-dataset >> text=many")
    assert own.world.current == "other"
    for page in (first, second):
        page.wait_for_selector("#lw-panel-tag .lw-cell")  # where it was left
    first.click(".lw-project")
    first.get_by_role("button", name="penny", exact=True).click()
    for page in (first, second):
        page.wait_for_selector("#lw-panel-train #lw-set-network_dim")
    held: list[Any] = []
    first.route("**/api/v1/project", lambda route: held.append(route), times=1)
    first.fill("#lw-set-seed", "7")
    until(lambda: first.evaluate("1") and held)
    second.click(".lw-project")
    second.get_by_role("button", name="other", exact=True).click()
    until(lambda: own.world.current == "other")
    held[0].continue_()
    first.wait_for_selector("#lw-panel-tag .lw-cell")
    until(lambda: own.world.projects["penny"]["settings"].get("seed") == 7)
    assert "seed" not in own.world.projects["other"]["settings"]


def test_below_another_path(pages: Any) -> None:
    own = pages()
    own.open("/sub/", wait="#lw-set-network_dim")
    assert any("/sub/lora_workbench/api/v1/form" in line for line in own.world.requests)


def test_a_reload_brings_back_the_same_page(pages: Any) -> None:
    own = pages(speed=5)
    page = own.open(wait="#lw-set-network_dim")
    page.wait_for_selector("#lw-train:not([aria-disabled])")
    page.click("#lw-train")
    page.click("text=Advanced")
    page.fill("#lw-search", "unet")
    page.reload()
    page.wait_for_selector("#lw-run >> text=running")
    assert page.input_value("#lw-search") == "unet"
    page.click("#lw-tab-tag")
    page.locator(".lw-cell").nth(3).click()
    page.reload()
    page.wait_for_selector("#lw-detail >> text=0003_smile.png")
    assert page.get_attribute("#lw-tab-tag", "aria-selected") == "true"


def test_tabs_by_keyboard(pages: Any) -> None:
    own = pages()
    own.expected = ("status of 404",)  # other tabs ask for what this made-up server has not
    page = own.open(wait="#lw-set-network_dim")
    page.focus("#lw-tab-train")
    page.keyboard.press("ArrowLeft")
    before = page.evaluate("document.getElementById('lw-tab-train').previousElementSibling.id")
    assert page.evaluate("document.activeElement.id") == before
    page.wait_for_selector(f"#{before.replace('tab', 'panel')}")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("path", ["/", "/host", "/host?theme=dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(pages: Any, path: str, scheme: str) -> None:
    own = pages(speed=100)
    own.world.problems = [
        {"severity": severity, "code": "made-up", "message": f"A {severity}.", "fix": "Do this."}
        for severity in ("warning", "note")
    ]
    page = own.open(path, wait="#lw-set-network_dim", color_scheme=scheme)
    page.wait_for_selector("#lw-train:not([aria-disabled])")
    pale = [one for one in page.evaluate(CONTRASTS) if one[0] < ENOUGH_CONTRAST]
    page.click("#lw-train")
    page.wait_for_selector(".lw-sample")
    page.fill("#lw-set-network_dim", "nonsense")
    pale += [one for one in page.evaluate(CONTRASTS) if one[0] < ENOUGH_CONTRAST]
    page.click("#lw-tab-tag")
    page.wait_for_selector(".lw-kept")
    pale += [one for one in page.evaluate(CONTRASTS) if one[0] < ENOUGH_CONTRAST]
    assert pale == []


def test_what_is_changed_while_the_server_is_gone_is_saved_later(pages: Any, until: Any) -> None:
    own = pages()
    own.expected = ("ERR_", "Failed to load")
    page = own.open(wait="#lw-set-network_dim")
    own.world.down = True
    page.fill("#lw-set-network_dim", "24")
    page.press("#lw-set-network_dim", "Tab")
    page.wait_for_selector(".lw-notice >> text=not saved yet")
    page.fill("#lw-set-network_alpha", "12")
    page.press("#lw-set-network_alpha", "Tab")
    own.world.down = False
    expected = {"network_dim": 24, "network_alpha": 12}
    until(lambda: expected.items() <= own.world.projects["penny"]["settings"].items())
    page.wait_for_selector(".lw-notice >> text=not saved yet", state="hidden")
    assert page.input_value("#lw-set-network_dim") == "24"


def test_a_set_up_that_is_withheld_says_what_to_do(pages: Any, posted: Any) -> None:
    own = pages(ready=False)
    own.world.withheld = {"setup": "Setting up is not allowed: start it with --login NAME:PASSWORD.", "fetching": ""}
    page = own.open(wait=".lw-setup")
    words = page.inner_text("#lw-setup-withheld")
    assert "--login NAME:PASSWORD" in words and "python install.py setup" in words
    page.get_by_role("button", name="Set up", exact=True).click(force=True)
    assert posted(own.world, "setup") == []


def test_a_tab_whose_scripts_did_not_come_is_loaded_when_they_do(pages: Any) -> None:
    own = pages()
    own.expected = ("ERR_", "Failed to load")
    page = own.open(wait="#lw-set-network_dim")
    page.route("**/tools_results.js", lambda route: route.abort("connectionrefused"))
    page.click("#lw-tab-tools")
    page.wait_for_selector(".lw-notice >> text=could not be loaded")
    page.unroute("**/tools_results.js")
    page.wait_for_selector("#lw-panel-tools .lw-segments")
    assert not page.is_visible(".lw-notice >> text=could not be loaded")


def test_a_login_that_has_ended_says_so(pages: Any) -> None:
    """A webui that was started anew knows nobody; its answer stands where else only silence would be told."""
    own = pages()
    own.expected = ("ERR_", "Failed to load", "MIME type")
    page = own.open(wait="#lw-set-network_dim")
    sentence = "Log in to webui first, then reload this page."
    page.route("**/api/v1/**", lambda route: route.fulfill(status=401, json={"error": sentence}))
    own.world.down = True
    page.wait_for_selector(f".lw-notice >> text={sentence}")
