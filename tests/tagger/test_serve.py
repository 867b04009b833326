"""wd14-tagger's endpoints without webui: their answers, what is refused, and that loopback alone is listened on."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.tagger.serve import Service, server

ROOT = Path(__file__).resolve().parents[2]


def picture(colour: str = "red") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


@pytest.fixture
def port(make_tagger: Callable[..., Path]) -> Iterator[int]:
    running = server(Service({"colours": make_tagger(), "other": make_tagger("other", size=10)}), 0)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    assert running.server_address[0] == "127.0.0.1"
    yield running.server_port
    running.shutdown()
    running.server_close()


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, path, content, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_interrogators_and_interrogate(port: int) -> None:
    assert ask(port, "GET", "/tagger/v1/interrogators") == (200, {"models": ["colours", "other"]})
    status, answer = ask(port, "POST", "/tagger/v1/interrogate", {"image": picture(), "model": "colours", "threshold": 0.35})
    assert status == 200 and list(answer["caption"]) == ["tag", "rating"]
    assert {tag: round(score, 3) for tag, score in answer["caption"]["tag"].items()} == {
        "red_hat": 0.982,
        "hatsune_miku": 0.881,
        "^_^": 0.5,
    }
    assert list(answer["caption"]["rating"]) == ["general", "sensitive"]
    status, answer = ask(
        port, "POST", "/tagger/v1/interrogate", {"image": "data:image/png;base64," + picture("blue"), "model": "other"}
    )
    assert status == 200 and next(iter(answer["caption"]["tag"])) == "long_hair" and len(answer["caption"]["tag"]) == 4
    assert ask(port, "POST", "/tagger/v1/unload-interrogators") == (200, "Unloaded other.")
    assert ask(port, "POST", "/tagger/v1/unload-interrogators") == (200, "No model was loaded.")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"image": "…", "model": "colours"}, 400, "base64"),
        ({"image": base64.b64encode(b"no picture").decode(), "model": "colours"}, 400, "corrupt"),
        ({"image": picture(), "model": "none"}, 404, "There is no model 'none' here: there are colours, other."),
        ({"image": picture(), "threshold": "much"}, 400, "no number"),
        (b"[]", 400, "JSON object"),
        (b"{", 400, "JSON object"),
    ],
)
def test_wrong_requests(port: int, body: Any, status: int, said: str) -> None:
    found, answer = ask(port, "POST", "/tagger/v1/interrogate", body)
    assert found == status and said in answer["error"]


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}])
def test_web_pages_may_not_ask(port: int, headers: dict[str, str]) -> None:
    assert ask(port, "POST", "/tagger/v1/interrogate", {"image": picture()}, **headers)[0] == 403
    assert ask(port, "GET", "/tagger/v1/interrogators", **headers)[0] == 403


def test_pages_of_this_machine_may(port: int) -> None:
    assert ask(port, "GET", "/tagger/v1/interrogators", Origin=f"http://localhost:{port}")[0] == 200
    assert ask(port, "GET", "/elsewhere")[0] == 404


def test_too_much_is_refused(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/tagger/v1/interrogate")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_the_command(make_tagger: Callable[..., Path]) -> None:
    command = [
        sys.executable,
        "-I",
        "-X",
        "utf8",
        "-u",
        "-m",
        "lora_workbench.tagger",
        "serve",
        "--port",
        "0",
        "--model",
        str(make_tagger()),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        line = child.stdout.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line)[1])
        status, answer = ask(port, "POST", "/tagger/v1/interrogate", {"image": picture(), "threshold": 0.9})
        assert status == 200 and list(answer["caption"]["tag"]) == ["red_hat"]
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) == 0 and "Ended" in child.stdout.read()
