"""Who may call: gradio's login, API passwords, a webui without tabs, one that others can reach."""

from __future__ import annotations

import base64
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request

import pytest

from lora_workbench.tests.hosts.running import KINDS, PREFIX

STATE = f"{PREFIX}/state"


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
    assert not host.errors()


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
