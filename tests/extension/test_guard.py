"""Who may call: names of the host, logins of both gradios, passwords, origins."""

from __future__ import annotations

import base64
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lora_workbench.extension.api.calls import Route
from lora_workbench.extension.errors import Refused
from lora_workbench.extension.guard import check_caller, check_login, check_name
from lora_workbench.extension.host import LOOPBACK, Alone
from lora_workbench.extension.tries import MARK, Tries
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


def test_a_page_for_others_without_a_login_takes_its_own_names_alone(tmp_path: Path) -> None:
    """A foreign page whose name was made to lead here would be of the same origin: its name gives it away."""
    ours = {"x-lora-workbench": "1"}
    for words, called, expected in (
        ({}, "192.168.0.5:7861", 200), ({}, "[fd00::5]:7861", 200), ({}, "localhost:7861", 200),
        ({}, f"{socket.gethostname()}.lan:7861", 200), ({}, "evil.example:7861", 403),
        ({"names": ["evil.example"]}, "evil.example:7861", 200), ({"trusted": True}, "evil.example", 403),
        ({"login": "ann:x"}, "evil.example:7861", 401),
    ):  # fmt: skip
        host = Alone(tmp_path, address="0.0.0.0", **words)
        assert status(GET, {"host": called}, host) == expected, called
        assert status(POST, {**ours, "host": called, "origin": f"http://{called}"}, host) == expected, called
    with pytest.raises(Refused, match="--name evil.example"):
        check_name("evil.example", Alone(tmp_path, address="192.168.0.5"))


def test_a_page_of_the_same_machine_on_another_port_is_a_foreign_one(tmp_path: Path) -> None:
    name = socket.gethostname()
    headers = {"host": f"{name}:7861", "origin": f"http://{name}:8080", "x-lora-workbench": "1"}
    assert status(POST, headers, Alone(tmp_path, address="0.0.0.0")) == 403


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


@pytest.mark.parametrize("words", ["ann:" + "x" * 500, "ann", "", "\xff:\xff"])
def test_odd_passwords_are_wrong_ones(host: FakeHost, words: str) -> None:
    host.passwords = {"ann": "secret"}
    assert status(GET, {"authorization": "Basic " + base64.b64encode(words.encode("latin-1")).decode()}, host) == 401


def test_who_guesses_has_to_wait(tmp_path: Path) -> None:
    host, now = Alone(tmp_path, address="0.0.0.0", login="ann:secret"), [0.0]
    host.tries = Tries(lambda: now[0])

    def given(words: str, address: str = "203.0.113.7", cookies: dict[str, str] | None = None) -> int:
        try:
            check_login(basic(words) if words else {}, cookies or {}, OPEN, host, address)
        except Refused as refused:
            return refused.status
        return 200

    assert [given("ann:old") for _ in range(50)] == [401] * 50, "an open page sends the same again and again"
    assert [given(f"ann:{number}") for number in range(4)] == [401] * 4
    assert given("ann:secret") == 429, "nor is the right one answered: it would tell that it was right"
    assert given("", "203.0.113.7") == 401 and given("ann:secret", "203.0.113.8") == 200, "others need not wait"
    assert given("ann:secret", cookies={MARK: host.tries.mark}) == 200, "nor does a browser that gave the right one before"
    assert given("ann:secret", cookies={MARK: "guess"}) == 429
    now[0] = 6.0
    assert given("ann:x") == 401 and given("ann:y") == 429
    now[0] = 12.0
    with pytest.raises(Refused, match="try again in 4 seconds"):
        check_login(basic("ann:secret"), {}, OPEN, host, "203.0.113.7")
    now[0] = 17.0
    assert given("ann:secret") == 200 and given("ann:z") == 401 and given("ann:secret") == 429, (
        "a right one in between changes nothing"
    )
    now[0] = 4000.0
    assert [given(f"ann:{number}") for number in range(4)] == [401] * 4 and given("ann:secret") == 200, "after an hour it does"


def test_who_guesses_from_many_addresses_has_to_wait_too() -> None:
    tries = Tries(lambda: 0.0)
    for number in range(4):
        tries.was_wrong(f"2001:db8::{number}", str(number))
    tries.was_wrong("2001:db8::ffff", "x")
    with pytest.raises(Refused):
        tries.must_be_allowed("2001:db8::abcd", {})  # one household has all addresses of such a network
    tries.must_be_allowed("198.51.100.1", {})
    for number in range(9000):
        tries.was_wrong(f"10.{number >> 8}.{number & 255}.1", str(number))
    assert len(tries._failures) <= 4096
    with pytest.raises(Refused):
        tries.must_be_allowed("198.51.100.1", {})
    tries.must_be_allowed("198.51.100.1", {MARK: tries.mark})
