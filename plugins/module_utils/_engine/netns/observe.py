# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host has in its namespaces, one dump per kind and namespace. PRIVATE to the collection."""

from __future__ import annotations

import os

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import deaf, mark, namespace, offload, sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns import far_ends
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.parse_routing import hop_order
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import (
    address,
    inet,
    link,
    neighbour,
    route,
    rule,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

#: Routes that the kernel learns from the wire are nobody's configuration.
_LEARNED = (route.RA, route.REDIRECT)
#: An address of such a length has no subnet to which the kernel would make a route.
_ALONE = ("/32", "/128")
_NOTHING = {"sysctls": (), "links": {}}
#: (priority, table) of the rules that every namespace is born with.
_BORN_WITH = ((0, 255), (32766, 254), (32767, 253))


def observe(wanted, owner=None, offloads=False):
    """{"root": links of the process's own namespace, "namespaces": {name: namespace or None}}.

    wanted: {name: {"sysctls": keys to read, "links": {device: {"tx_checksumming": not None to read it}}}},
    or {name: None} to read no settings and offloads.
    owner: also read all other namespaces that carry this owner's mark. offloads: read all devices'.
    The peer of a veth between two namespaces is known if both are read.
    """
    live = set(namespace.names())
    with Netlink() as netlink:
        root = link.dump(netlink)
    names_of_root = {found["index"]: name for name, found in root.items()}
    own = namespace.descriptor_of(None)

    def read(name):
        with Netlink() as netlink:
            mine = wanted.get(name) or _NOTHING
            return _read(netlink, name in wanted and mine, (own, root, names_of_root), owner, offloads)

    try:
        seen = namespace.map_in_processes(read, live if owner else live.intersection(wanted), workers=1)
    finally:
        os.close(own)
    far_ends.resolve({name: found for name, found in seen.items() if found})
    namespaces = {name: seen.get(name) for name in wanted}
    namespaces.update((name, found) for name, found in sorted(seen.items()) if found)
    return {"root": root, "namespaces": namespaces}


def _read(netlink, wanted, root, owner, offloads):
    """The current namespace; None if it is neither wanted (False) nor owner's."""
    links = link.dump(netlink)
    loopback = links.pop("lo")
    mark_of = mark.owner_of_alias(loopback["alias"])
    if not wanted and mark_of != owner:
        return None
    names = {found["index"]: name for name, found in links.items()}
    wanted = wanted or _NOTHING
    checksums = {name for name, found in wanted["links"].items() if found["tx_checksumming"] is not None}
    shown, far = _links(netlink, links, root, links if offloads else checksums)
    routes = route.dump(netlink, _LEARNED, local=False)
    connected = {(hop["device"], found["destination"]) for found in routes for hop in found["nexthops"] if _made(found)}
    return {
        "namespace": {"owner": mark_of, "lo_up": loopback["up"]},
        "sysctls": sysctl.read_all(wanted["sysctls"]),
        "links": shown,
        "far": far,
        "addresses": {
            (names[found["index"]], found["address"]): _address(found, links[names[found["index"]]], connected)
            for found in address.dump(netlink)
            if found["index"] in names
        },
        "routes": _routes([found for found in routes if not _made(found)], names),
        "rules": {_rule_key(found): True for found in rule.dump(netlink) if _configured(found)},
        "neighbours": {
            (names[found["index"]], found["address"]): found["mac_address"]
            for found in neighbour.dump(netlink)
            if found["index"] in names
        },
    }


def _links(netlink, links, root, checksums):
    """({name: link}, {name: (index, peer's index, number of the peer's namespace)} of veths to other namespaces)"""
    own, root_links, names_of_root = root
    # The kernel numbers the namespaces at the far ends of veths when it lists the links, so this comes after.
    root_nsid = link.nsid(netlink, own) if any(found["kind"] == "veth" for found in links.values()) else None
    found, far = {}, {}
    for name, seen in links.items():
        peer = None
        if seen["kind"] == "veth" and seen["link_nsid"] is not None:
            if seen["link_nsid"] == root_nsid:
                peer = names_of_root.get(seen["link"])
            else:
                far[name] = (seen["index"], seen["link"], seen["link_nsid"])
        found[name] = _link(name, seen, peer, root_links)
        if name in checksums:
            found[name]["tx_checksumming"] = offload.tx_checksumming(name)
    return found, far


def _link(name, seen, peer, root):
    owner = mark.owner_of_alias(seen["alias"])
    if peer and mark.owner_of_alias(root[peer]["alias"]) != owner:
        owner = None  # marked at one end only: made by a run that was killed in between
    return {
        "plug": "veth" if seen["kind"] == "veth" else "internal",
        "peer": peer,
        "peer_namespace": None,
        "mac_address": seen["mac_address"],
        "mtu": seen["mtu"],
        "up": seen["up"],
        "tx_checksumming": None,
        "owner": owner,
        "peer_mtu": root[peer]["mtu"] if peer else None,
        "peer_up": root[peer]["up"] if peer else None,
        "peer_sysctls": deaf.observed(peer, root[peer]) if peer else None,
        # A restarted ovs-vswitchd makes a fresh device in the root namespace; the one in here is dead.
        "orphan": seen["kind"] != "veth" and name in root,
    }


def _made(found):
    """Whether the kernel made a route by itself: it goes with an address."""
    return found["protocol"] == route.KERNEL


def _address(found, device, connected):
    # Link-local ones and those learned from router advertisements come and go with the kernel.
    kernel = found["scope"] == address.LINK or not found["flags"] & address.PERMANENT
    leads = not device["up"] or found["flags"] & address.NO_PREFIX_ROUTE or found["address"].endswith(_ALONE)
    leads = bool(kernel or leads or (found["index"], inet.subnet(found["address"])) in connected)
    return {"broadcast": found["broadcast"], "kernel": kernel, "connected": leads}


def _routes(dumped, names):
    routes = {}
    for found in dumped:
        hops = [{**hop, "device": names.get(hop["device"], hop["device"])} for hop in found["nexthops"]]
        value = {key: found[key] for key in ("protocol", "scope", "type", "source")}
        value["nexthops"] = sorted(hops, key=hop_order)
        # Of several routes with one key the first is the one that counts.
        routes.setdefault(tuple(found[key] for key in ROUTE_KEY), value)
    return routes


def _configured(found):
    born = (found["priority"], found["table"]) in _BORN_WITH and not found["from"] and not found["to"]
    return found["plain"] and found["protocol"] != rule.KERNEL and not born


def _rule_key(found):
    return tuple(found[key] for key in RULE_KEY)


#: The parts of a route's key and of a rule's, in order.
ROUTE_KEY = ("family", "table", "destination", "metric")
RULE_KEY = ("family", "priority", "from", "to", "iif", "oif", "fwmark", "fwmask", "table")
