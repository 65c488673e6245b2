# SPDX-License-Identifier: GPL-3.0-or-later
"""IP addresses of devices over rtnetlink. PRIVATE to the collection."""

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
)

_NEWADDR, _DELADDR, _GETADDR = 20, 21, 22
_ADDRESS_MESSAGE = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, device index
_ADDRESS, _LOCAL, _BROADCAST, _FLAGS = 1, 2, 4, 8
_U32 = struct.Struct("=I")

#: Flags; an address learned from a router advertisement is not permanent.
PERMANENT, TENTATIVE, NO_PREFIX_ROUTE = 0x80, 0x40, 0x200
GLOBAL, LINK, HOST = 0, 253, 254  # scopes


def dump(netlink):
    """All addresses of the namespace: [{index, address, broadcast, scope, flags}].

    index: of the device. address: "10.0.0.1/24". broadcast: "10.0.0.255" or None. scope, flags: numbers.
    """
    request = _ADDRESS_MESSAGE.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return [_parse(body) for body in netlink.dump(_GETADDR, request)]


def _parse(body):
    family, length, flags, scope, index = _ADDRESS_MESSAGE.unpack_from(body)
    found = attributes(body, 8)
    # Point-to-point: ADDRESS is the far end's, LOCAL is ours. IPv6 has no LOCAL otherwise.
    own = found[_LOCAL] if _LOCAL in found else found[_ADDRESS]
    broadcast = found.get(_BROADCAST)
    return {
        "index": index,
        "address": f"{socket.inet_ntop(family, own)}/{length}",
        "broadcast": socket.inet_ntop(family, broadcast) if broadcast else None,
        "scope": scope,
        "flags": _U32.unpack(found[_FLAGS])[0] if _FLAGS in found else flags,
    }


def create(index, prefix, broadcast=None, replace=False):
    """Put "10.0.0.1/24" on the device. With replace, it is fine if it is there already."""
    head, local = _head(index, prefix)
    payload = head + local
    if broadcast:
        payload += attribute(_BROADCAST, inet.pack(broadcast)[1])
    return Request(_NEWADDR, REPLACE if replace else NEW, payload, f"create address {prefix}")


def delete(index, prefix):
    """Take the address away. One that is already gone is fine."""
    head, local = _head(index, prefix)
    return Request(_DELADDR, 0, head + local, f"delete address {prefix}", (errno.EADDRNOTAVAIL, errno.ENODEV))


def _head(index, prefix):
    family, data, length = inet.pack_prefix(prefix)
    local = attribute(_LOCAL, data) + attribute(_ADDRESS, data)
    return _ADDRESS_MESSAGE.pack(family, length, 0, GLOBAL, index), local
