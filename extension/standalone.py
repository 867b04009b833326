"""The page without webui: `python -m lora_workbench.extension.standalone`, which `python install.py ui` runs."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from typing import Any

from ..installer.ui_words import LOGIN, add_words
from ..trainer_core.files import data_folder
from ..trainer_core.problems import UserError
from .errors import Refused
from .guard import UNAUTHORIZED, check_login, check_name
from .host import Alone
from .http import CHALLENGE, PAGE, address_of, mount
from .tries import MARK
from .workbench import Workbench

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'; base-uri 'self'"
)


_ANY = ("0.0.0.0", "::")
_WITHOUT_LOGIN = (
    "Nobody is asked for a password, so whoever reaches this address sees the pictures and uses the machine: give --login "
    "NAME:PASSWORD, and over the internet a proxy with https or an SSH tunnel besides."
)


def make_app(workbench: Workbench, stopping: threading.Event) -> Any:
    """The server's app: the page, its files and the API."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, PlainTextResponse
    from starlette.routing import Route

    async def index(request: Any) -> Any:
        try:
            check_name(request.headers.get("host", ""), workbench.host)
            check_login(request.headers, request.cookies, request.app, workbench.host, address_of(request))
        except Refused as error:
            asks = {"WWW-Authenticate": CHALLENGE} if error.status == UNAUTHORIZED else {}
            return PlainTextResponse(str(error), status_code=error.status, headers=asks)
        page = (PAGE / "index.html").read_text(encoding="utf-8")
        reply = HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})
        if workbench.host.api_passwords() and workbench.host.tries is not None:
            reply.set_cookie(MARK, workbench.host.tries.mark, httponly=True, samesite="strict")
        return reply

    app = Starlette(routes=[Route("/", index, methods=["GET"])])
    mount(app, workbench, stopping.is_set)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    words = _parser().parse_args(argv)
    try:
        return serve(words)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_status


def serve(words: argparse.Namespace) -> int:
    """Serves until it is interrupted. Running jobs go on."""
    import uvicorn

    data = data_folder(words.data).absolute()
    listening = _listen(words.host, words.port)
    login = words.login or _login_of_the_environment()
    host = Alone(data, address=words.host, trusted=words.trust_network, names=words.name, login=login)
    bench = Workbench(host)
    stopping = threading.Event()
    config = uvicorn.Config(make_app(bench, stopping), log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    server = _server(config, stopping)
    port = listening.getsockname()[1]
    address = f"http://{'127.0.0.1' if words.host in _ANY else _bracketed(words.host)}:{port}"
    print(f"LoRA Workbench: {address}   (data: {data}; Ctrl+C ends the page, not its jobs)", flush=True)
    if words.host in _ANY and (own := _own_address()):
        print(f"From other machines: http://{_bracketed(own)}:{port}", flush=True)
    if not host.is_local:
        print(_word_about_the_network(words.trust_network), flush=True)
    if not host.is_local and not login:
        print(_WITHOUT_LOGIN, flush=True)
    if not words.no_browser and _has_screen():
        threading.Timer(1.0, webbrowser.open, (address,)).start()
    bench.begin()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    finally:
        bench.end()
    return 0


def _login_of_the_environment() -> str:
    """The login that was set there, which no job needs to know."""
    login = os.environ.pop(LOGIN, "")
    if login and not all(login.partition(":")):
        raise UserError(f"{LOGIN} must be a name and a password with a colon between them, as in ann:secret.")
    return login


def _own_address() -> str:
    """This machine's address in its network; "" where it is in none. Nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, contextlib.suppress(OSError):
        asking.connect(("192.0.2.1", 9))  # an address that belongs to nobody
        return str(asking.getsockname()[0])
    return ""


def _has_screen() -> bool:
    """Whether a browser could be seen here; on a server without a screen one for terminals would open among our lines."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _server(config: Any, stopping: threading.Event) -> Any:
    """A server that says when it is told to stop, so that streams end first."""
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, number: int, frame: Any) -> None:
            stopping.set()
            super().handle_exit(number, frame)

    return Server(config)


def _listen(host: str, port: int) -> socket.socket:
    """The socket, taken before anything else is done; UserError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there it would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise UserError(
                f"{host} is no address of this machine ({error.strerror}): give one of its own as --host, or 0.0.0.0 for all."
            ) from None
        raise UserError(
            f"Port {port} at {host} can't be used ({error.strerror}): stop what uses it, or give another with --port."
        ) from None
    listening.set_inheritable(False)
    return listening


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _word_about_the_network(trusted: bool) -> str:
    if trusted:
        return "Everyone who can reach this address can read and write this machine's files through the page (--trust-network)."
    return (
        "Others can reach this page: it works on the data folder alone. Where everyone on the network is trusted, "
        "--trust-network lifts that."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.py ui", description=__doc__, allow_abbrev=False)
    add_words(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
