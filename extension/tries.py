"""Wrong passwords: who gave too many has to wait, longer each time. In memory, for the page without webui.

Who once gave the right one gets a mark (a cookie), and with it needs not wait: else whoever guesses from behind the same proxy
or router would lock its owner out. The mark opens nothing without the password.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .errors import TOO_MANY, Refused

MARK = "lora_workbench_known"
FREE, FREE_FOR_ALL = 5, 100  # different wrong passwords before the first wait: from one address, from all of them together
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 900.0  # seconds
_FORGOTTEN = 3600.0  # seconds without a wrong password, after which an address begins anew; a right one changes nothing
_MOST_ADDRESSES = 4096
_ALL = "all"


@dataclass
class _Failures:
    """What one address gave: fingerprints of its wrong passwords, when the last was, and until when it waits."""

    seen: set[bytes] = field(default_factory=set)
    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Tries:
    """Counts wrong passwords by address; `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._key = secrets.token_bytes(32)
        self.mark = secrets.token_urlsafe(32)
        self._failures: dict[str, _Failures] = {}

    def must_be_allowed(self, address: str, cookies: Mapping[str, str]) -> None:
        """Refused while the address has to wait; nothing is looked at then, so that no guess is answered."""
        if hmac.compare_digest(cookies.get(MARK, "").encode(), self.mark.encode()):
            return
        until = max((self._failures[one].until for one in (_network(address), _ALL) if one in self._failures), default=0.0)
        seconds = math.ceil(until - self._now())
        if seconds > 0:
            raise Refused(f"Too many wrong passwords were given: try again in {seconds} seconds.", TOO_MANY)

    def was_wrong(self, address: str, given: str) -> None:
        """Counts it, but not the same password again, which an open page sends and which tells who guesses nothing."""
        print_of_it = hmac.new(self._key, given.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
        self._count(_network(address), print_of_it, FREE)
        self._count(_ALL, print_of_it, FREE_FOR_ALL)

    def _count(self, who: str, given: bytes, free: int) -> None:
        now = self._now()
        one = self._failures.get(who)
        if one is None or now - one.last > _FORGOTTEN:
            self._make_room(now)
            one = self._failures[who] = _Failures()
        if given in one.seen:
            return
        one.seen = {*one.seen, given} if len(one.seen) < FREE_FOR_ALL else {given}
        one.count += 1
        one.last = now
        if one.count >= free:
            one.until = now + min(_FIRST_WAIT * 2.0 ** min(one.count - free, 20), _LONGEST_WAIT)

    def _make_room(self, now: float) -> None:
        """Forgets who gave nothing wrong for long; the longest ago where there are still too many."""
        if len(self._failures) < _MOST_ADDRESSES:
            return
        kept = [(who, one) for who, one in self._failures.items() if now - one.last <= _FORGOTTEN]
        kept.sort(key=lambda pair: pair[1].last)
        self._failures = dict(kept[-_MOST_ADDRESSES // 2 :])


def _network(address: str) -> str:
    """Whose guesses count together: an IPv4 address, or the /64 that one has in IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), 64), strict=False))
