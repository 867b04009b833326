"""Who may call: the host's names, the login, the origin. Pure functions on headers, so that each is tested by itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .api.calls import Route
from .errors import FORBIDDEN, Refused
from .host import Host

HEADER = "x-lora-workbench"
UNAUTHORIZED = 401


def check_caller(
    route: Route, headers: Mapping[str, str], cookies: Mapping[str, str], app: Any, host: Host, address: str = ""
) -> None:
    """Raises Refused where the call may not be answered. `headers` by lower-case names, `address`: whose call it is."""
    check_name(headers.get("host", ""), host)
    check_login(headers, cookies, app, host, address)
    if route.method != "GET" and not route.outside and headers.get(HEADER) != "1":
        raise Refused(
            f"The header {HEADER}: 1 is missing: only pages and programs that know this API may change things.", FORBIDDEN
        )
    # Reading too: gradio 4 lets every site's pages read what a server says that has another name than localhost.
    check_origin(headers.get("origin"), headers.get("host", ""), host, headers.get("sec-fetch-site", ""))


def check_name(called: str, host: Host) -> None:
    """A foreign page's own name could be made to lead here (DNS rebinding): then that page would be of our origin.

    An address can't be made to lead elsewhere. A name counts where it is known to be ours; where passwords are asked for, any
    counts, since a browser gives them to the name alone that they were typed for.
    """
    known = host.known_hosts()
    if known is None or _name(called) in known or host.is_own_name(_name(called)):
        return
    if host.name == "alone":
        raise Refused(
            f"This page is not known as {_name(called)!r}: open it by its IP address (127.0.0.1 on the machine itself), "
            f"or start it with --name {_name(called)}.",
            FORBIDDEN,
        )
    raise Refused(
        f"This webui is not known as {_name(called)!r}: open it by 127.0.0.1, or add the name in Settings, LoRA Workbench.",
        FORBIDDEN,
    )


def check_origin(origin: str | None, called: str, host: Host, site: str = "") -> None:
    """Browsers say which page calls; only the host's own may.

    Behind a proxy that asks us under another name than the browser asked it, the two differ. There `site`, which browsers send
    over https and no script can write, says that the page and what it calls are one.
    """
    if origin is None or site == "same-origin":
        return
    place = urlsplit(origin).netloc.lower()
    known = host.known_hosts() or frozenset()
    if not place or (place != called.lower() and _name(place) not in known - {"localhost", "127.0.0.1", "::1"}):
        raise Refused(
            "Another site's page may not use anything here; if this is your own proxy, let it hand on the name that the "
            "browser asked for (`proxy_set_header Host $http_host`).",
            FORBIDDEN,
        )


def check_login(headers: Mapping[str, str], cookies: Mapping[str, str], app: Any, host: Host, address: str = "") -> None:
    """gradio's login where it is asked for, or a password of --api-auth; without either everyone is let in."""
    passwords, given = host.api_passwords(), headers.get("authorization", "")
    if passwords and given:
        if host.tries is not None:
            host.tries.must_be_allowed(address, cookies)
        if _has_password(given, passwords):
            return
        if host.tries is not None:
            host.tries.was_wrong(address, given)
    if asks_for_login(app):
        if not is_logged_in(cookies, app):
            raise Refused("Log in to webui first, then reload this page.", UNAUTHORIZED)
    elif passwords and host.name == "alone":
        raise Refused("This page asks for a name and a password: reload it and give them.", UNAUTHORIZED)
    elif passwords:
        raise Refused("This webui's API asks for a name and a password (--api-auth).", UNAUTHORIZED)


def asks_for_login(app: Any) -> bool:
    return getattr(app, "auth", None) is not None


def is_logged_in(cookies: Mapping[str, str], app: Any) -> bool:
    """As gradio tells its own users: 3.41 by two plain cookie names, 4.40 by names with the app's number in them."""
    number = getattr(app, "cookie_id", None)
    tail = f"-{number}" if number else ""
    token = cookies.get(f"access-token{tail}") or cookies.get(f"access-token-unsecure{tail}")
    return token is not None and getattr(app, "tokens", {}).get(token) is not None


def _has_password(authorization: str, passwords: Mapping[str, str]) -> bool:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, UnicodeError):
        return False
    if b":" not in given:
        return False
    # Fingerprints are as long as each other, and all are compared: how long it takes tells neither name nor password.
    print_of_it = hashlib.sha256(given).digest()
    right = [f"{user}:{password}".encode("utf-8", "surrogateescape") for user, password in passwords.items()]
    return sum(hmac.compare_digest(print_of_it, hashlib.sha256(one).digest()) for one in right) > 0


def _name(called: str) -> str:
    """The name without its port."""
    try:
        return (urlsplit(f"//{called}").hostname or "").lower()
    except ValueError:
        return ""
