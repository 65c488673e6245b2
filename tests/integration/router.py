# SPDX-License-Identifier: GPL-3.0-or-later
"""A router for the tests of netns, and what they look at."""

from __future__ import annotations

import copy
import re

from tests.sandbox import run

ROUTER = {
    "name": "qrouter-1",
    "sysctls": {
        "net.ipv4.ip_forward": 1,
        "net.ipv4.conf.all.arp_ignore": 1,
        "net.ipv4.conf.all.promote_secondaries": True,
        "net.ipv6.conf.qg-1.accept_ra": 2,
        "net.ipv4.conf.qg-1.forwarding": "0",
    },
    "links": [
        {
            "name": "qr-1",
            "plug": "veth",
            "peer": "tap-1",
            "mac_address": "FA:16:3E:01:00:00",
            "mtu": 1450,
            "tx_checksumming": False,
            "addresses": ["10.0.0.1/24", "fd00:0::1/64"],
        },
        {"name": "qg-1", "plug": "veth", "peer": "tap-2", "addresses": ["203.0.113.5/24"]},
    ],
    "routes": [
        {"destination": "198.51.100.1/32", "device": "qg-1"},
        {"destination": "0.0.0.0/0", "gateway": "198.51.100.1", "device": "qg-1"},
        {"destination": "192.0.2.0/24", "gateway": "10.0.0.7"},
        {"destination": "10.9.0.0/16", "nexthops": [{"gateway": "203.0.113.9"}, {"gateway": "10.0.0.9"}]},
        {"destination": "0.0.0.0/0", "gateway": "10.0.0.2", "device": "qr-1", "table": 3232235777},
        {"destination": "::/0", "gateway": "fd00::2", "device": "qr-1"},
    ],
    "rules": [
        {"priority": 3232235777, "from": "10.0.0.1/24", "table": 3232235777},
        {"priority": 100, "iif": "qr-1", "fwmark": "0x4000000/0xffff0000", "table": 16},
        {"priority": 100, "family": "ipv6", "to": "fd01::1", "table": 16},
    ],
    "neighbours": [{"device": "qr-1", "address": "10.0.0.12", "mac_address": "fa:16:3e:01:00:12"}],
}


def ip(*argv, ns="qrouter-1"):
    return run("ip", "-n", ns, *argv)


def objects(result):
    return [f"{change['action']} {change['object']}" for change in result["changes"]]


def snapshot(*names):
    """What somebody has configured in the namespaces, as iproute2 tells it, without what the kernel does by itself."""
    shown = []
    for ns in names:
        for argv in (["addr"], ["-4", "route", "show", "table", "all"], ["-6", "route", "show", "table", "all"],
                     ["rule"], ["-6", "rule"], ["neigh", "show", "nud", "permanent"]):  # fmt: skip
            for line in ip(*argv, ns=ns).splitlines():
                by_itself = "fe80" in line or "proto kernel" in line
                if any(word in line for word in CONFIGURED) and not by_itself:
                    shown.append(re.sub(r"@\w+|<.*>| tentative|qdisc.*|linkdown", "", line).strip())
    return "\n".join(shown)


CONFIGURED = ("mtu", "alias", "inet", "via", "proto static", "lookup", "lladdr")


def edited(**changes):
    """A copy of ROUTER with keys replaced."""
    return {**copy.deepcopy(ROUTER), **changes}
