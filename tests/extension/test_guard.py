"""Who may call: names of the host, logins of both gradios, passwords, origins."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lora_workbench.extension.api.calls import Route
from lora_workbench.extension.errors import Refused
from lora_workbench.extension.guard import check_caller
from lora_workbench.extension.host import LOOPBACK
from lora_workbench.tests.extension.parts import FakeHost

GET, POST = (Route(method, "/x", lambda call: {}, "x") for method in ("GET", "POST"))
OUTSIDE = Route("POST", "/tagger/v1/interrogate", lambda call: {}, "x", outside=True)
OPEN = SimpleNamespace(auth=None)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    made = FakeHost(tmp_path)
    made.names = LOOPBACK
    return made


def status(
    route: Route, headers: dict[str, str], host: FakeHost, app: Any = OPEN, cookies: dict[str, str] | None = None
) -> int:
    try:
        check_caller(route, {"host": "127.0.0.1:7860", **headers}, cookies or {}, app, host)
    except Refused as refused:
        return refused.status
    return 200


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:7860", "localhost:1", "LOCALHOST", "[::1]:7860"])
def test_names_of_this_machine(host: FakeHost, name: str) -> None:
    assert status(GET, {"host": name}, host) == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:7860", "", "[::1", "x@127.0.0.2", "192.168.0.5"]
)
def test_names_that_were_made_to_lead_here(host: FakeHost, name: str) -> None:
    assert status(GET, {"host": name}, host) == 403


def test_with_listen_any_name_is_right(host: FakeHost) -> None:
    host.names = None
    assert status(GET, {"host": "box.lan:7860"}, host) == 200
    assert status(POST, {"host": "box.lan:7860", "origin": "http://box.lan:7860", "x-lora-workbench": "1"}, host) == 200
    assert status(POST, {"host": "box.lan:7860", "origin": "http://evil.example", "x-lora-workbench": "1"}, host) == 403


def test_a_proxys_name_that_the_settings_know(host: FakeHost) -> None:
    host.names = LOOPBACK | {"pics.example"}
    ours = {"x-lora-workbench": "1"}
    assert status(POST, {**ours, "host": "pics.example", "origin": "https://pics.example"}, host) == 200
    assert status(POST, {**ours, "origin": "https://pics.example"}, host) == 200, "where the proxy hands another name on"


def test_a_proxy_over_https_that_hands_no_name_on(host: FakeHost) -> None:
    """Browsers say there that page and call are of one site, in a header that no page can write."""
    host.names = None
    headers = {"host": "127.0.0.1:7860", "origin": "https://box.example", "x-lora-workbench": "1"}
    assert status(POST, {**headers, "sec-fetch-site": "same-origin"}, host) == 200
    for site in ("cross-site", "same-site", "none", ""):
        assert status(POST, {**headers, "sec-fetch-site": site}, host) == 403, site
    with pytest.raises(Refused, match="proxy_set_header Host"):
        check_caller(POST, headers, {}, OPEN, host)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:7860", "file://", ""]
)
def test_pages_of_others_change_and_read_nothing(host: FakeHost, origin: str) -> None:
    assert status(POST, {"origin": origin, "x-lora-workbench": "1"}, host) == 403
    assert status(OUTSIDE, {"origin": origin}, host) == 403
    assert status(GET, {"origin": origin}, host) == 403, "nor do they read"


def test_our_header_is_asked_for_but_by_scripts_of_others(host: FakeHost) -> None:
    assert status(POST, {}, host) == 403
    assert status(POST, {"x-lora-workbench": "0"}, host) == 403
    assert status(POST, {"x-lora-workbench": "1"}, host) == 200
    assert status(POST, {"x-lora-workbench": "1", "origin": "https://127.0.0.1:7860"}, host) == 200
    assert status(OUTSIDE, {}, host) == 200
    assert status(GET, {}, host) == 200


LOGIN_3 = SimpleNamespace(auth={"ann": "x"}, tokens={"t0ken": "ann"})
LOGIN_4 = SimpleNamespace(auth={"ann": "x"}, tokens={"t0ken": "ann"}, cookie_id="abc")


@pytest.mark.parametrize(
    ("app", "cookies", "expected"),
    [
        (LOGIN_3, {}, 401),
        (LOGIN_3, {"access-token": "t0ken"}, 200),
        (LOGIN_3, {"access-token-unsecure": "t0ken"}, 200),
        (LOGIN_3, {"access-token": "guess"}, 401),
        (LOGIN_4, {"access-token": "t0ken"}, 401),
        (LOGIN_4, {"access-token-abc": "t0ken"}, 200),
        (LOGIN_4, {"access-token-unsecure-abc": "t0ken"}, 200),
        (LOGIN_4, {"access-token-abc": ""}, 401),
    ],
)
def test_gradios_login(host: FakeHost, app: Any, cookies: dict[str, str], expected: int) -> None:
    assert status(GET, {}, host, app, cookies) == expected
    assert status(POST, {"x-lora-workbench": "1"}, host, app, cookies) == expected


def basic(words: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(words.encode()).decode()}


@pytest.mark.parametrize("app", [OPEN, LOGIN_3, SimpleNamespace()])
def test_passwords_of_api_auth(host: FakeHost, app: Any) -> None:
    host.passwords = {"ann": "se:cret", "": ""}
    assert status(GET, basic("ann:se:cret"), host, app) == 200
    for wrong in (
        {},
        basic("ann:x"),
        basic("bob:se:cret"),
        basic("bob:"),
        {"authorization": "Basic %%%"},
        {"authorization": "Bearer x"},
    ):
        assert status(GET, wrong, host, app) == 401
    assert status(GET, {}, host, LOGIN_3, {"access-token": "t0ken"}) == 200
