"""The words of `python install.py ui`, which both the command and the server that it runs read."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

PORT = 7861
LOGIN = "LORA_WORKBENCH_LOGIN"  # the login for who would not have it among the machine's processes


def add_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"port to listen at (default {PORT}; 0: any)")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: for this machine alone)"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder for projects, jobs and caches")
    parser.add_argument("--no-browser", action="store_true", help="don't open the page in a browser")
    parser.add_argument(
        "--login", type=_login, metavar="NAME:PASSWORD", help=f"ask for these before anything is shown (or set {LOGIN})"
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        type=_name,
        metavar="NAME",
        help="another name that the page is reached by, as through a proxy of yours; may be repeated",
    )
    parser.add_argument("--trust-network", action="store_true", help="let whoever reaches the page use all folders")


def as_words(asked: argparse.Namespace) -> list[str]:
    """The same words again, for the server's command line; the login goes through the environment."""
    words = [f"--port={asked.port}", f"--host={asked.host}"]
    words += [f"--data={asked.data.expanduser().absolute()}"] if asked.data else []
    words += [f"--name={name}" for name in asked.name]
    words += ["--no-browser"] if asked.no_browser else []
    return [*words, "--trust-network"] if asked.trust_network else words


def _login(text: str) -> str:
    name, _, password = text.partition(":")
    if not name or not password:
        raise argparse.ArgumentTypeError("a login is a name and a password with a colon between them, as in ann:secret")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.\-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a machine; write it without http:// and without a port")
    return text.lower()


def _port(text: str) -> int:
    number = int(text) if text.isdigit() else -1
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 1 to 65535, or 0 for any that is free")
    return number
