# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host has of hybrid plugs, in one dump. PRIVATE to the collection."""

from __future__ import annotations

import os

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import deaf, mark, sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.names import (
    BRIDGE,
    INNER,
    OUTER,
    PREFIXES,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import bridge, link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

#: {prefix: settings of the link's own IPv4 stack}. A bridge shall not answer for the instance (reference 7.1).
_SYSCTLS = {
    BRIDGE: {"net.ipv4.conf.{}.arp_ignore": "1", "net.ipv4.conf.{}.arp_announce": "2"},
    INNER: {},
    OUTER: deaf.IPV4,
}


def sysctls(name):
    """{key: value} of what a link's settings shall be."""
    own = _SYSCTLS[name[: len(BRIDGE)]]
    no_ipv6 = deaf.IPV6 if own and os.path.exists("/proc/sys/net/ipv6") else {}
    return {key.format(name): value for key, value in {**own, **no_ipv6}.items()}


def observe(taps):
    """{name: link} of every link with a name of ours, every tap of these names, and every port of a qbr."""
    with Netlink() as netlink:
        dumped = link.dump(netlink)
    names = {found["index"]: name for name, found in dumped.items()}
    links = {}
    for name, found in dumped.items():
        master = names.get(found["master"])
        if name.startswith(PREFIXES) or name in taps or (master and master.startswith(BRIDGE)):
            links[name] = _link(name, found, names, master)
    return links


def _link(name, found, names, master):
    common = {"kind": found["kind"], "owner": mark.owner_of_alias(found["alias"]), "up": found["up"]}
    if found["kind"] == bridge.KIND and name.startswith(PREFIXES):
        return {**common, **bridge.settings(found), "sysctls": sysctl.read_all(sysctls(name))}
    if found["kind"] == "veth" and name.startswith(PREFIXES):
        here = found["link_nsid"] is None
        veth = {"promisc": found["promisc"], "mtu": found["mtu"], "peer": names.get(found["link"]) if here else None}
        own = {"bridge": master} if name.startswith(INNER) else {"sysctls": sysctl.read_all(sysctls(name))}
        return {**common, **veth, **own}
    return {"kind": found["kind"] if name.startswith(PREFIXES) else "other", "bridge": master}
