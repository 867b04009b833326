"""The routes in a starlette app: bodies, errors, marks, page files, streams."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension import http, workbench
from lora_workbench.extension.http import PAGE, EventStream, mount
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, make_workbench


def in_own_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """What the work returns; in a thread, because a browser that other tests have open runs its loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def test_state_of_an_empty_data_folder(client: Any, bench: Workbench) -> None:
    state = client.get(f"{API}/state").json()
    assert state["project"] is None and state["projects"] == [] and state["host"]["name"] == "alone"
    assert state["setup"]["ready"] and state["language"] == "en" and state["restart_needed"] is False
    assert not bench.host.data.exists(), "looking makes nothing"


def test_the_language_is_the_users_then_the_hosts_then_the_browsers(client: Any, bench: Workbench) -> None:
    ask = {"Accept-Language": "zh-TW,en;q=0.5"}
    assert client.get(f"{API}/state", headers=ask).json()["language"] == "zh_TW"
    bench.host.language = lambda: "None"  # type: ignore[method-assign]
    assert client.get(f"{API}/state", headers=ask).json()["language"] == "en"
    client.post(f"{API}/options", json={"language": "zh_CN"})
    assert client.get(f"{API}/state").json()["language"] == "zh_CN"
    error = client.post(f"{API}/projects/open", json={"name": "no-such"}).json()["error"]
    assert "no-such" in error


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400), (b"[]", 400), (b"5", 400), (b"\xff\xfe", 400), (b'{"name": NaN}', 400), (b'{"name": "\\ud800"}', 400),
        (b"[" * 100_000, 400), (b"", 400), (b'{"name": "x", "more": 1}', 400), (b'{"name": "' + b"x" * (5 << 20) + b'"}', 413),
    ],
    ids=range(10),
)  # fmt: skip
def test_bodies_that_are_refused(client: Any, bench: Workbench, body: bytes, status: int) -> None:
    reply = client.post(f"{API}/projects", content=body)
    assert reply.status_code == status and list(reply.json()) == ["error"]
    assert bench.projects.names() == []


def test_an_unexpected_error_is_one_sentence(client: Any, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.projects, "names", lambda: 1 / 0)
    reply = client.get(f"{API}/state")
    assert reply.status_code == 500 and "terminal" in reply.json()["error"] and "division" not in reply.text


def test_what_a_disk_refuses_is_said(client: Any, bench: Workbench) -> None:
    bench.host.data.mkdir(parents=True)
    (bench.host.data / "projects").write_text("a file in its way")
    reply = client.post(f"{API}/projects", json={"name": "penny"})
    assert reply.status_code in (404, 500) and "projects" in reply.json()["error"] and "Traceback" not in reply.text


def test_wrong_methods_and_paths(client: Any) -> None:
    assert client.get(f"{API}/projects").status_code == 405
    assert client.post(f"{API}/state").status_code == 405
    assert client.get(f"{API}/no-such").status_code == 404
    assert client.options(f"{API}/projects", headers={"Origin": "http://evil.example"}).status_code == 405


def test_answers_are_not_kept_and_not_guessed_at(client: Any) -> None:
    headers = client.get(f"{API}/state").headers
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_routes_come_once_an_app_and_first() -> None:
    from starlette.applications import Starlette
    from starlette.routing import Route

    app = Starlette(routes=[Route("/{path:path}", lambda request: None)])
    bench = make_workbench(Path("/nonexistent"))
    mount(app, bench)
    count = len(app.router.routes)
    mount(app, bench)
    assert len(app.router.routes) == count and app.router.routes[-1].path == "/{path:path}"
    another = Starlette()
    mount(another, bench)
    assert len(another.router.routes) == count - 1


def test_wd14_taggers_own_routes_are_left_to_it(bench: Workbench) -> None:
    paths = [route.path for route in http.routes(bench, lambda: False)]
    assert "/tagger/v1/interrogate" in paths
    bench.host.has_wd14_tagger = lambda: True  # type: ignore[method-assign]
    assert not any(route.path.startswith("/tagger") for route in http.routes(bench, lambda: False))


def test_the_pages_files(client: Any) -> None:
    reply = client.get("/lora_workbench/page/main.js")
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/javascript")
    assert reply.content == (PAGE / "main.js").read_bytes()
    again = client.get("/lora_workbench/page/main.js", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304 and not again.content


@pytest.mark.parametrize(
    "name",
    ["", "no-such.js", "..%2fhttp.py", "../http.py", "%2e%2e/http.py", "..%5chttp.py", "%2fetc%2fpasswd", "main.js%00",
    "index.html",
     "C:%5cx.js", "....//http.py", "subfolder/%2e%2e/%2e%2e/app.py"],
)  # fmt: skip
def test_no_other_files(client: Any, name: str) -> None:
    assert client.get(f"/lora_workbench/page/{name}").status_code == 404


def test_the_openapi_document_names_every_route(client: Any) -> None:
    document = client.get(f"{API}/openapi.json").json()
    assert document["openapi"].startswith("3.")
    shown = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert shown == {(route.method, route.path) for route in (*http.OWN, *http.WD14)}
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
    curve = document["paths"][f"{API}/jobs/{{id}}/curve"]["get"]
    assert [(one["name"], one["in"]) for one in curve["parameters"]] == [("id", "path"), ("since", "query")]


class Talk:
    """An ASGI conversation with a stream: what was sent, and a client that leaves when it is told to."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def data(self) -> list[Any]:
        bodies = [one.get("body", b"").decode() for one in self.sent[1:]]
        return [json.loads(body.removeprefix("data: ")) for body in bodies if body.startswith("data: ")]


def test_a_stream_tells_changes_only_and_ends_with_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_LOOK", 0.01)
    looks = iter([1, 1, 1, 2, 2, 3])
    seen = []

    async def run() -> Talk:
        talk = Talk()

        def look() -> dict[str, Any]:
            seen.append(next(looks, 3))
            if len(seen) >= 8:
                loop.call_soon_threadsafe(talk.left.set)
            return {"n": seen[-1]}

        loop = asyncio.get_running_loop()
        await asyncio.wait_for(EventStream(look, lambda: False)({}, talk.receive, talk.send), 10)
        return talk

    talk = in_own_loop(run())
    assert talk.data == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert dict(talk.sent[0]["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert talk.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_stream_ends_when_the_server_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_LOOK", 0.01)
    stopping = threading.Event()

    async def run() -> Talk:
        talk = Talk()
        asyncio.get_running_loop().call_later(0.1, stopping.set)
        await asyncio.wait_for(EventStream(lambda: {"n": 1}, stopping.is_set)({}, talk.receive, talk.send), 10)
        return talk

    assert in_own_loop(run()).data == [{"n": 1}]


def test_a_client_that_is_gone_is_no_error() -> None:
    tried = []

    async def refuse(message: dict[str, Any]) -> None:
        tried.append(message["type"])
        if message["type"] == "http.response.body":
            raise OSError("gone")

    in_own_loop(EventStream(dict, lambda: False)({}, Talk().receive, refuse))
    assert tried == ["http.response.start", "http.response.body"]  # and nothing after that


def test_events_over_the_wire_show_a_new_project(client: Any, bench: Workbench) -> None:
    bench.projects.create("penny")
    snapshot = bench.snapshot()
    assert snapshot["project"] == "penny" and snapshot["jobs"] == [] and snapshot["setup"]["ready"]


def test_one_look_serves_all_pages_of_a_second(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(workbench, "_FRESH", 60)
    monkeypatch.setattr(bench.jobs, "refresh", lambda: looks.append(1) or [])
    for _ in range(20):
        bench.snapshot()
    assert len(looks) == 1
    bench.changed()
    bench.snapshot()
    assert len(looks) == 2


def test_the_host_decides_on_names(client: Any, bench: Workbench) -> None:
    host = bench.host
    assert isinstance(host, FakeHost)
    assert client.get(f"{API}/state", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/lora_workbench/page/main.js", headers={"Host": "evil.example"}).status_code == 403
    host.names = None
    assert client.get(f"{API}/state", headers={"Host": "evil.example"}).status_code == 200


def test_a_login_is_asked_for_with_its_header(client: Any, bench: Workbench) -> None:
    assert isinstance(bench.host, FakeHost)
    bench.host.passwords = {"ann": "secret"}
    reply = client.get(f"{API}/state")
    assert reply.status_code == 401 and reply.headers["www-authenticate"].startswith("Basic")
    assert client.get(f"{API}/state", auth=("ann", "secret")).status_code == 200
