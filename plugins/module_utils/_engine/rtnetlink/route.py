# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of any table over rtnetlink. PRIVATE to the collection."""

from __future__ import annotations

import errno
import socket
import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import (
    NEW,
    REPLACE,
    Request,
    attribute,
    attributes,
    u32,
)

_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, to length, from length, tos, table, protocol, scope, type, flags
_NEXTHOP = struct.Struct("=HBBi")  # length, flags, weight - 1, device index
_TO, _DEVICE, _GATEWAY, _METRIC, _SOURCE, _MULTIPATH, _TABLE, _VIA = 1, 4, 5, 6, 7, 9, 15, 18
_ONLINK = 0x4
_U32 = struct.Struct("=I")

UNICAST = 1
GLOBAL, LINK, HOST = 0, 253, 254  # scopes; IPv6 routes are always global
MAIN, _LOCAL = 254, 255
#: Protocols: who made a route. The first three are the kernel itself, RA is a router advertisement.
REDIRECT, KERNEL, BOOT, STATIC, RA = 1, 2, 3, 4, 9
IPV6_METRIC = 1024  # what the kernel makes of metric 0


def dump(netlink, without=(), local=True):
    """All routes but those of the protocols in `without` (which is much cheaper than dropping them later).

    local: also those of table local, which tells the host's own and its broadcast addresses.

    [{family: ipv4|ipv6, destination ("10.0.0.0/24"), table, protocol, scope, type, metric (0: none),
    source (address or None), nexthops: [{gateway (or None), device (index or None), onlink, weight}]}]
    """
    bodies = netlink.dump(_GETROUTE, _ROUTE.pack(*[0] * 9))
    skipped = () if local else (_LOCAL,)
    # The fifth byte is the table, the sixth the protocol
    return [_parse(b) for b in bodies if b[5] not in without and b[4] not in skipped and b[0] in inet.BITS]


def device_towards(netlink, destination):
    """The index of the device through which packets to this address leave, or None: there is no way."""
    family, data = inet.pack(destination)
    head = _ROUTE.pack(family, inet.BITS[family], 0, 0, 0, 0, 0, 0, 0)
    body = netlink.ask(_GETROUTE, head + attribute(_TO, data))
    return _parse(body)["nexthops"][0]["device"] if body else None


def _parse(body):
    family, length, _from, _tos, table, protocol, scope, kind, flags = _ROUTE.unpack_from(body)
    found = attributes(body, _ROUTE.size)

    def number(key, default):
        return _U32.unpack(found[key])[0] if key in found else default

    if _MULTIPATH in found:
        nexthops = _parse_nexthops(found[_MULTIPATH])
    else:
        nexthops = [_hop(found, number(_DEVICE, None), flags, 1)]
    return {
        "family": "ipv4" if family == socket.AF_INET else "ipv6",
        "destination": inet.unpack_prefix(family, found.get(_TO), length),
        "table": number(_TABLE, table),
        "protocol": protocol,
        "scope": scope,
        "type": kind,
        "metric": number(_METRIC, 0),
        "source": inet.unpack(found[_SOURCE]) if _SOURCE in found else None,
        "nexthops": nexthops,
    }


def _hop(found, device, flags, weight):
    gateway = found.get(_GATEWAY) or found.get(_VIA, b"")[2:]  # VIA: an address of another family, after its number
    return {
        "gateway": inet.unpack(gateway) if gateway else None,
        "device": device,
        "onlink": bool(flags & _ONLINK),
        "weight": weight,
    }


def _parse_nexthops(data):
    hops, offset = [], 0
    while offset + _NEXTHOP.size <= len(data):
        length, flags, weight, device = _NEXTHOP.unpack_from(data, offset)
        found = attributes(data[offset : offset + length], _NEXTHOP.size)
        hops.append(_hop(found, device, flags, weight + 1))
        offset += (length + 3) & ~3
    return hops


def create(route):
    """Add a route of dump's shape. A gateway's device may be None: the kernel finds it."""
    return Request(_NEWROUTE, NEW, _pack(route), f"create route {describe(route)}")


def replace(route):
    """Put the route in the place of the one with the same family, table, destination and metric, without a gap."""
    return Request(_NEWROUTE, REPLACE, _pack(route), f"replace route {describe(route)}")


def delete(route):
    """Delete a route of dump's shape. One that is already gone is fine."""
    return Request(_DELROUTE, 0, _pack(route), f"delete route {describe(route)}", (errno.ESRCH, errno.ENODEV))


def describe(route):
    """The route for a message: its destination and where it leads."""
    gateways = [hop["gateway"] for hop in route["nexthops"] if hop["gateway"]]
    via = f" via {', '.join(gateways)}" if gateways else ""
    table = "" if route["table"] == MAIN else f" table {route['table']}"
    return f"{route['destination']}{via}{table}"


def _pack(route):
    family, data, length = inet.pack_prefix(route["destination"])
    payload = attribute(_TO, data) if length else b""
    payload += u32(_TABLE, route["table"])
    if route["metric"]:
        payload += u32(_METRIC, route["metric"])
    if route["source"]:
        payload += attribute(_SOURCE, inet.pack(route["source"])[1])
    hops, flags = route["nexthops"], 0
    if len(hops) == 1:
        flags = _ONLINK if hops[0]["onlink"] else 0
        payload += _gateway(hops[0])
        if hops[0]["device"] is not None:
            payload += u32(_DEVICE, hops[0]["device"])
    elif hops:
        payload += attribute(_MULTIPATH, b"".join(map(_pack_nexthop, hops)))
    table = route["table"] if route["table"] < 256 else 0  # the attribute counts
    head = _ROUTE.pack(family, length, 0, 0, table, route["protocol"], route["scope"], route["type"], flags)
    return head + payload


def _pack_nexthop(hop):
    gateway = _gateway(hop)
    flags = _ONLINK if hop["onlink"] else 0
    return _NEXTHOP.pack(_NEXTHOP.size + len(gateway), flags, hop["weight"] - 1, hop["device"] or 0) + gateway


def _gateway(hop):
    return attribute(_GATEWAY, inet.pack(hop["gateway"])[1]) if hop["gateway"] else b""
