# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections that the kernel tracks, read and deleted over netlink. PRIVATE to the collection.

The tool conntrack would need a process for every connection to delete.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import (
    Netlink,
    Request,
    attribute,
    attributes,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.verdict import Connection

_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x101, 0x102  # subsystem ctnetlink, linux/netfilter/nfnetlink_conntrack.h
_TUPLE_ORIG, _ZONE = 1, 18
_NESTED = 0x8000
_IP, _PROTO = 1, 2
_SOURCES, _TARGETS = (1, 3), (2, 4)  # CTA_IP_V4_SRC, _V6_SRC and _DST
_NUMBER, _SOURCE_PORT, _TARGET_PORT = 1, 2, 3
_KINDS = ((5, 6), (8, 9))  # CTA_PROTO_ICMP_TYPE, _CODE and those of ICMPv6
_HEADER = struct.Struct("=BBH")


class Entry(NamedTuple):
    """One tracked connection. tuple: its original direction as the kernel wrote it."""

    zone: int
    connection: Connection
    tuple: bytes


def read(zones):
    """[Entry] of these zones in the current namespace, both families."""
    with Netlink(_NETLINK_NETFILTER) as netlink:
        bodies = netlink.dump(_GET, _HEADER.pack(socket.AF_UNSPEC, 0, 0))
    entries = []
    for body in bodies:
        found = attributes(body, _HEADER.size)
        zone = _number(found.get(_ZONE, b"\0\0"))
        if zone in zones:
            entries.append(Entry(zone, _connection(attributes(found[_TUPLE_ORIG])), found[_TUPLE_ORIG]))
    return entries


def _connection(found):
    addresses, protocol = attributes(found[_IP]), attributes(found[_PROTO])
    kinds = [tuple(protocol[part][0] for part in kind) for kind in _KINDS if kind[0] in protocol]
    return Connection(
        protocol[_NUMBER][0],
        next(addresses[kind] for kind in _SOURCES if kind in addresses),
        next(addresses[kind] for kind in _TARGETS if kind in addresses),
        _number(protocol.get(_SOURCE_PORT)),
        _number(protocol.get(_TARGET_PORT)),
        kinds[0] if kinds else None,
    )


def delete(entries):
    """Delete entries. What ended meanwhile is fine."""
    with Netlink(_NETLINK_NETFILTER) as netlink:
        netlink.write(map(_deletion, entries))


def _deletion(entry):
    family = socket.AF_INET if len(entry.connection.source) == 4 else socket.AF_INET6
    payload = _HEADER.pack(family, 0, 0)
    payload += attribute(_TUPLE_ORIG | _NESTED, entry.tuple) + attribute(_ZONE, struct.pack(">H", entry.zone))
    return Request(_DELETE, 0, payload, f"forget a connection of zone {entry.zone}", (errno.ENOENT,))


def _number(value):
    """A number as the network writes it."""
    return int.from_bytes(value, "big") if value is not None else None
