# SPDX-License-Identifier: GPL-3.0-or-later
"""Teardown leaves the hosts as they were. Then the same cloud again, on endpoints with IPv6 addresses."""

from __future__ import annotations

import pytest

from tests.instances import Echoing, booted, instances_of
from tests.wire import Capture

HOSTS = ("compute1", "compute2", "compute3")
OVER_IPV6 = ("--extra-vars", "dataplane_local_ip={{ endpoint_ipv6 }}")
ENDPOINTS = {"fd00:1::31", "fd00:1::32", "fd00:1::33"}
MTU = {"blue1": 1430, "green1": 1438, "gold2": 1430}
ECHO = 7001


def test_teardown_leaves_nothing(lab):
    lab.play("teardown.yml")
    for host in HOSTS:
        assert lab.snapshot(host) == lab.sh(host, "cat /root/before.txt").splitlines()


@pytest.fixture(scope="module")
def over_ipv6(lab):
    """The instances of the cloud over IPv6."""
    lab.play("lab_up.yml", *OVER_IPV6)
    lab.play("site.yml", *OVER_IPV6)
    found = instances_of(lab)
    booted(found.values())
    with Echoing(found.values(), [ECHO]):
        yield found


@pytest.mark.parametrize(
    ("kind", "source", "address"),
    [("vxlan", "blue1", "10.0.0.3"), ("gre", "green1", "10.0.3.2"), ("geneve", "gold2", "10.0.4.3")],
)
def test_tunnels_over_ipv6_carry_full_size_packets(lab, over_ipv6, kind, source, address):
    capture, instance = Capture(lab, "tunnel"), over_ipv6[source]
    assert instance.device()["mtu"] == MTU[source]
    instance.ping(address)
    instance.ping(address, size=MTU[source] - 28)
    instance.carries(address, ECHO)
    seen = [each for each in capture.tunnelled() if each.kind == kind]
    assert seen
    assert {end for each in seen for end in (each.source, each.destination)} <= ENDPOINTS


def test_a_second_run_over_ipv6_changes_nothing(lab, over_ipv6):
    assert lab.play("site.yml", *OVER_IPV6).changes() == {}
