# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox between two measurements: what it holds, and how it is emptied."""

from __future__ import annotations

import json
import os

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from tests.bench.routers import BRIDGE, OWNER
from tests.sandbox import eventually, make_bridge, run


def empty():
    """Bring the host back to nothing but an empty bridge, and wait until the kernel has done so."""
    run("ovs-vsctl", "--if-exists", "del-br", BRIDGE)
    names = os.listdir("/run/netns")
    # The kernel destroys namespaces later, in the order of deletion: once this last one's veth is gone, all are
    run("ip", "netns", "add", "last")
    run("ip", "link", "add", "last", "type", "veth", "peer", "name", "inner", "netns", "last")
    batch = "".join(f"netns delete {name}\n" for name in [*names, "last"])
    run("ip", "-batch", "-", input=batch)
    eventually(lambda: run("ip", "-o", "link").count("\n") <= 2 + _datapath_devices(), seconds=120)
    make_bridge(BRIDGE)
    run("ovs-vsctl", "br-set-external-id", BRIDGE, mark.EXTERNAL_ID, OWNER)


def _datapath_devices():
    """The userspace datapath keeps a device of its own once there was a bridge."""
    return int(os.path.exists("/sys/class/net/ovs-netdev"))


def state():
    """What a cloud consists of, as the system's own tools print it: two ways that build the same print the same."""
    ports = json.loads(run("ovs-vsctl", "--format=json", "--columns=name,tag", "list", "Port"))["data"]
    found = {"ports": sorted(map(json.dumps, ports))}
    for name in sorted(os.listdir("/run/netns")):
        inside = ("ip", "netns", "exec", name)
        found[name] = {
            "addresses": _addresses(json.loads(run(*inside, "ip", "-j", "address"))),
            "routes": sorted(run(*inside, "ip", "route").splitlines()),
            "ipv4": _rules(run(*inside, "iptables-save")),
            "ipv6": _rules(run(*inside, "ip6tables-save")),
        }
    return found


def _addresses(links):
    return sorted(
        [link["ifname"], link["address"], link["mtu"], address["local"], address["prefixlen"], address.get("broadcast")]
        for link in links
        for address in link["addr_info"]
        if address["family"] == "inet"
    )


def _rules(text):
    """Chains and rules without counters and comments, tables in a fixed order."""
    tables = text.split("*")[1:]
    return sorted([line.split("[")[0] for line in table.splitlines() if line[0] != "#"] for table in tables)
