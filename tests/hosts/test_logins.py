"""Who may call: gradio's login, API passwords, a webui without tabs, one that others can reach."""

from __future__ import annotations

import base64
import http.cookiejar
import io
import json
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from typing import Any

import pytest

from lora_workbench.tests.hosts.running import KINDS, PREFIX

STATE = f"{PREFIX}/state"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2000)


@pytest.mark.parametrize("kind", KINDS)
def test_gradios_login_is_asked_for(kind, hosts) -> None:
    host = hosts(kind, "--gradio-auth", "ann:secret", "--api-auth", "robot:word")
    assert host.status(STATE) == 401
    assert host.status(STATE, Cookie="access-token=made-up; access-token-unsecure=made-up") == 401
    assert host.status(STATE, Authorization="Basic " + base64.b64encode(b"robot:wrong").decode()) == 401
    assert host.status(STATE, Authorization="Basic " + base64.b64encode(b"robot:word").decode()) == 200

    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    with pytest.raises(urllib.error.HTTPError):
        browser.open(host.address + STATE)
    words = urllib.parse.urlencode({"username": "ann", "password": "secret"}).encode()
    browser.open(host.address + "/login", words).close()
    with browser.open(host.address + STATE) as answer:
        assert answer.status == 200
    assert carried(browser, host.address + PREFIX) == PICTURE
    assert not host.errors()


def carried(browser: urllib.request.OpenerDirector, api: str) -> bytes:
    """A picture that went up and came down again in a zip, which nobody packed once more on its way."""

    def post(path: str, content: bytes) -> dict[str, Any]:
        asked = urllib.request.Request(f"{api}/{path}", content, {"X-LoRA-Workbench": "1"})
        with browser.open(asked) as answer:
            return json.load(answer)

    post("projects", b'{"name": "penny"}')
    files = [{"name": "a.png", "size": len(PICTURE), "modified": 1}]
    upload = post("uploads", json.dumps({"files": files}).encode())["id"]
    post(f"uploads/piece?id={upload}&file=0&at=0", PICTURE)
    while not post("uploads/finish", json.dumps({"id": upload}).encode())["ended"]:
        continue
    asked = urllib.request.Request(f"{api}/download/dataset", headers={"Accept-Encoding": "gzip"})
    with browser.open(asked) as answer:
        assert answer.headers["content-encoding"] == "identity"
        with zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
            return archive.read("a.png")


def test_without_tabs_there_is_the_api(hosts) -> None:
    host = hosts("gradio3", "--nowebui")
    assert host.get(STATE)["host"]["name"]
    assert not host.errors()


def test_a_webui_that_others_can_reach_is_restricted(hosts, tmp_path) -> None:
    host = hosts("gradio4", "--listen", "--hide-ui-dir-config")
    assert host.get(STATE)["rights"] == {"restricted": True, "hide_folders": True}
    assert host.status(f"{PREFIX}/folders?path=/") == 403
    for path, body in {
        f"{PREFIX}/setup": {},
        f"{PREFIX}/options": {"when_done": "command", "command": "touch /tmp/there"},
    }.items():
        with pytest.raises(urllib.error.HTTPError) as refused:
            host.post(path, body)
        assert refused.value.code == 403, path
