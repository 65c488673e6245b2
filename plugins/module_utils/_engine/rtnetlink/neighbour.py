# SPDX-License-Identifier: GPL-3.0-or-later
"""Permanent neighbours (ARP and NDP entries) over rtnetlink. PRIVATE to the collection."""

from __future__ import annotations

import errno
import socket
import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import (
    REPLACE,
    Request,
    attribute,
    attributes,
)

_NEWNEIGH, _DELNEIGH, _GETNEIGH = 28, 29, 30
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, device index, state, flags, type
_DESTINATION, _LLADDR = 1, 2
_PERMANENT = 0x80


def dump(netlink):
    """The permanent neighbours of the namespace: [{index, address, mac_address}]."""
    return list(_permanent(netlink.dump(_GETNEIGH, _NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0))))


def _permanent(bodies):
    for body in bodies:
        family, index, state, _flags, _type = _NEIGHBOUR.unpack_from(body)
        if state & _PERMANENT and family in inet.BITS:
            found = attributes(body, _NEIGHBOUR.size)
            address = socket.inet_ntop(family, found[_DESTINATION])
            yield {"index": index, "address": address, "mac_address": found.get(_LLADDR, b"").hex(":")}


def replace(index, address, mac_address):
    """Make the neighbour permanent with this MAC address, whatever the kernel has learned or had."""
    family, data = inet.pack(address)
    payload = _NEIGHBOUR.pack(family, index, _PERMANENT, 0, 0) + attribute(_DESTINATION, data)
    payload += attribute(_LLADDR, bytes.fromhex(mac_address.replace(":", "")))
    return Request(_NEWNEIGH, REPLACE, payload, f"create neighbour {address}")


def delete(index, address):
    """Forget the neighbour. One that is already gone is fine."""
    family, data = inet.pack(address)
    payload = _NEIGHBOUR.pack(family, index, 0, 0, 0) + attribute(_DESTINATION, data)
    return Request(_DELNEIGH, 0, payload, f"delete neighbour {address}", (errno.ENOENT, errno.ENODEV))
