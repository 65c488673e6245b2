# SPDX-License-Identifier: GPL-3.0-or-later
"""netns puts right what has drifted, and reports only that."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace

from .conftest import run
from .router import ROUTER, ip, objects, snapshot

pytestmark = pytest.mark.usefixtures("clean_host", "clean_links")


DRIFT = {
    "link": (["link", "set", "qg-1", "mtu", "1400"], ["update link qg-1 in qrouter-1"]),
    "down": (
        ["link", "set", "qr-1", "down"],
        [
            "update link qr-1 in qrouter-1",
            "create address fd00::1/64 on qr-1 in qrouter-1",
            "create route 192.0.2.0/24 table 254 in qrouter-1",
            "create route 0.0.0.0/0 table 3232235777 in qrouter-1",
            "create route ::/0 table 254 in qrouter-1",
            "create neighbour 10.0.0.12 on qr-1 in qrouter-1",
        ],
    ),
    "gone": (
        ["link", "delete", "qg-1"],
        [
            "create link qg-1 in qrouter-1",
            "create sysctl net.ipv6.conf.qg-1.accept_ra in qrouter-1",
            "create sysctl net.ipv4.conf.qg-1.forwarding in qrouter-1",
            "create address 203.0.113.5/24 on qg-1 in qrouter-1",
            "create route 198.51.100.1/32 table 254 in qrouter-1",
            "create route 0.0.0.0/0 table 254 in qrouter-1",
            "create route 10.9.0.0/16 table 254 in qrouter-1",
        ],
    ),
    "address": (
        ["addr", "add", "10.77.0.1/24", "dev", "qr-1"],
        ["delete address 10.77.0.1/24 on qr-1 in qrouter-1"],
    ),
    "broadcast": (
        ["addr", "add", "203.0.113.9/32", "dev", "qg-1"],
        ["delete address 203.0.113.9/32 on qg-1 in qrouter-1"],
    ),
    "route": (
        ["route", "replace", "192.0.2.0/24", "via", "10.0.0.8", "proto", "static"],
        ["update route 192.0.2.0/24 table 254 in qrouter-1"],
    ),
    "multipath": (
        ["route", "replace", "10.9.0.0/16", "via", "10.0.0.9", "proto", "static"],
        ["update route 10.9.0.0/16 table 254 in qrouter-1"],
    ),
    "ipv6 route": (
        ["route", "replace", "default", "via", "fd00::3", "metric", "1024", "proto", "static"],
        ["update route ::/0 table 254 in qrouter-1"],
    ),
    "connected routes": (
        ["route", "flush", "table", "main"],
        [
            "update address 10.0.0.1/24 on qr-1 in qrouter-1",
            "update address 203.0.113.5/24 on qg-1 in qrouter-1",
            "create route 198.51.100.1/32 table 254 in qrouter-1",
            "create route 0.0.0.0/0 table 254 in qrouter-1",
            "create route 192.0.2.0/24 table 254 in qrouter-1",
            "create route 10.9.0.0/16 table 254 in qrouter-1",
        ],
    ),
    "connected ipv6 route": (
        ["route", "delete", "fd00::/64", "dev", "qr-1"],
        ["update address fd00::1/64 on qr-1 in qrouter-1"],
    ),
    "more routes": (
        ["route", "add", "9.9.9.9/32", "via", "10.0.0.9", "proto", "static", "table", "77"],
        ["delete route 9.9.9.9/32 table 77 in qrouter-1"],
    ),
    "rule": (
        ["rule", "delete", "priority", "3232235777"],
        ["create rule 3232235777: from 10.0.0.1/24 lookup 3232235777 (ipv4) in qrouter-1"],
    ),
    "more rules": (
        ["rule", "add", "priority", "5", "to", "10.1.1.0/24", "lookup", "5"],
        ["delete rule 5: from all to 10.1.1.0/24 lookup 5 (ipv4) in qrouter-1"],
    ),
    "neighbour": (
        ["neigh", "replace", "10.0.0.12", "dev", "qr-1", "lladdr", "02:00:00:00:00:01", "nud", "permanent"],
        ["update neighbour 10.0.0.12 on qr-1 in qrouter-1"],
    ),
    "mac": (  # the kernel forgets even permanent neighbours then
        ["link", "set", "qr-1", "address", "02:00:00:00:00:09"],
        ["update link qr-1 in qrouter-1", "create neighbour 10.0.0.12 on qr-1 in qrouter-1"],
    ),
    "mark": (["link", "set", "lo", "down"], ["update network namespace qrouter-1"]),
}


@pytest.mark.parametrize("drift", DRIFT, ids=str)
def test_drift_is_put_right_and_only_drift_is_reported(netns, drift):
    argv, expected = DRIFT[drift]
    netns(ROUTER)
    wanted = snapshot("qrouter-1")
    ip(*argv)
    predicted = netns(ROUTER, purge=True, check=True)
    result = netns(ROUTER, purge=True)
    assert objects(result) == expected
    assert result["changes"] == predicted["changes"]
    if drift not in ("gone",):  # the new veth has other numbers
        assert snapshot("qrouter-1") == wanted
    assert not netns(ROUTER, purge=True)["changed"]


def test_settings_drift_also_where_a_wide_one_takes_others_along(netns):
    netns(ROUTER)
    namespace.inside("qrouter-1", run, "sysctl", "-w", "net.ipv4.ip_forward=0")
    result = netns(ROUTER)
    assert objects(result) == ["update sysctl net.ipv4.ip_forward in qrouter-1"]
    # Writing ip_forward has set qg-1's forwarding to 1; it must be 0 again.
    assert namespace.inside("qrouter-1", run, "sysctl", "-n", "net.ipv4.conf.qg-1.forwarding") == "0\n"


def test_offload_drift(netns):
    netns(ROUTER)
    namespace.inside("qrouter-1", run, "ethtool", "-K", "qr-1", "tx", "on")
    assert objects(netns(ROUTER)) == ["update link qr-1 in qrouter-1"]


def test_the_other_end_of_a_veth_is_kept_right_too(netns):
    netns(ROUTER)
    run("ip", "link", "set", "tap-1", "down")
    run("ip", "link", "set", "tap-2", "mtu", "1300")
    result = netns(ROUTER)
    assert objects(result) == ["update link qr-1 in qrouter-1", "update link qg-1 in qrouter-1"]
    assert not netns(ROUTER)["changed"]
