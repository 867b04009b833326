"""After all that other tests did in the hosts (this file comes last by its name): nothing was installed or changed there."""

from __future__ import annotations

import pytest

from lora_workbench.tests.hosts.running import KINDS, hashes


@pytest.mark.parametrize("kind", KINDS)
def test_the_hosts_packages_are_as_before(kind, hosts, interpreters, untouched) -> None:
    hosts(kind).kill()
    assert len(untouched[kind]) > 1000
    assert hashes(interpreters[kind]) == untouched[kind]
