# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that a killed run or a reboot has left in Open vSwitch's database, when their devices come."""

from __future__ import annotations

import json

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.backend import NetnsBackend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.parse import parse

from .conftest import run

#: Every time a few devices have a small chance of being opened by ovs-vswitchd at the moment at which they come up.
TIMES, DEVICES = 60, ("tap1", "tap2", "tap3")


def test_devices_that_open_vswitch_waits_for_stay_up(bridge):
    bridge("br-int")
    links = [{"name": tap.replace("tap", "qr-"), "plug": "veth", "peer": tap, "mtu": 1500} for tap in DEVICES]
    wanted = parse([{"name": "qrouter-1", "links": links}])
    added = [word for tap in DEVICES for word in ("--", "add-port", "br-int", tap)]
    for _time in range(TIMES):
        run("ovs-vsctl", "--no-wait", *added[1:])
        converge(NetnsBackend(wanted, "demo"))
        run("ovs-vsctl", "add-port", "br-int", "last", "--", "set", "interface", "last", "type=internal")  # and wait
        found = {link["ifname"]: link["flags"] for link in json.loads(run("ip", "-json", "link"))}
        assert [tap for tap in DEVICES if "UP" not in found[tap]] == []
        converge(NetnsBackend(dict.fromkeys(wanted), "demo"))
        for port in (*DEVICES, "last"):
            run("ovs-vsctl", "del-port", port)
