# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host has of hybrid plugs, in one dump. PRIVATE to the collection."""

from __future__ import annotations

import os

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.names import (
    BRIDGE,
    INNER,
    PREFIXES,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import bridge, link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

#: Settings of a bridge's own IP stack, which shall not answer for the instance.
_SYSCTLS = ("net.ipv4.conf.{}.arp_ignore", "net.ipv4.conf.{}.arp_announce", "net.ipv6.conf.{}.disable_ipv6")


def sysctls(name):
    """The keys of a bridge's settings: arp_ignore, arp_announce, and disable_ipv6 where the kernel speaks IPv6."""
    keys = _SYSCTLS if os.path.exists("/proc/sys/net/ipv6") else _SYSCTLS[:2]
    return [key.format(name) for key in keys]


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
        return {**common, **veth, **({"bridge": master} if name.startswith(INNER) else {})}
    return {"kind": found["kind"] if name.startswith(PREFIXES) else "other", "bridge": master}
