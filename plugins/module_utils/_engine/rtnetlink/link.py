# SPDX-License-Identifier: GPL-3.0-or-later
"""Network devices over rtnetlink. PRIVATE to the collection."""

from __future__ import annotations

import errno
import socket
import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import (
    NEW,
    Request,
    attribute,
    attributes,
    text,
    u32,
)

LOOPBACK = 1  # the index of lo in every namespace

_NEWLINK, _DELLINK, _GETLINK, _SETLINK, _GETNSID = 16, 17, 18, 19, 90
_INFO = struct.Struct("=BxHiII")  # family, type, index, flags, change
_UP = 0x1
_LOWER_UP = 0x10000
(_ADDRESS, _IFNAME, _MTU, _LINK, _MASTER, _LINKINFO, _IFALIAS, _NET_NS_FD, _EXT_MASK, _LINK_NETNSID) = (
    1, 3, 4, 5, 10, 18, 20, 28, 29, 37,
)  # fmt: skip
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_SKIP_STATISTICS = 1 << 3
_NSID, _NSID_FD = 1, 3


def dump(netlink):
    """{name: link} of the namespace.

    link: index, mac_address ("" if it has none), mtu, up, carrier, alias, kind ("veth", "tun",
    "" for hardware), link (index of the other end or of the device below, None if none),
    link_nsid (namespace of that, None if this one), master (index or None).
    """
    request = _INFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + u32(_EXT_MASK, _SKIP_STATISTICS)
    return dict(_parse(body) for body in netlink.dump(_GETLINK, request))


def get(netlink, index):
    """(name, link) of the device with this index, or None."""
    body = netlink.ask(_GETLINK, _INFO.pack(socket.AF_UNSPEC, 0, index, 0, 0) + u32(_EXT_MASK, _SKIP_STATISTICS))
    return _parse(body) if body else None


def _parse(body):
    _family, _type, index, flags, _change = _INFO.unpack_from(body)
    found = attributes(body, _INFO.size)
    info = attributes(found[_LINKINFO]) if _LINKINFO in found else {}
    return _string(found[_IFNAME]), {
        "index": index,
        "mac_address": found.get(_ADDRESS, b"").hex(":"),
        "mtu": _number(found.get(_MTU)),
        "up": bool(flags & _UP),
        "carrier": bool(flags & _LOWER_UP),
        "alias": _string(found.get(_IFALIAS, b"")),
        "kind": _string(info.get(_INFO_KIND, b"")),
        "link": _number(found.get(_LINK)),
        "link_nsid": _number(found.get(_LINK_NETNSID)),
        "master": _number(found.get(_MASTER)),
    }


def nsid(netlink, descriptor):
    """The number by which this namespace's links name the namespace of an open descriptor; -1 if they never did."""
    body = netlink.ask(_GETNSID, struct.pack("=B3x", socket.AF_UNSPEC) + u32(_NSID_FD, descriptor))
    return struct.unpack("=i", attributes(body, 4)[_NSID])[0]


def create_veth(name, namespace, peer, mtu, mac_address=None):
    """A veth pair in one message: `name` inside the namespace of an open descriptor, its peer here.

    Both are down: the kernel refuses to bring up the first end before it has a second.
    """
    other = _INFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + text(_IFNAME, peer) + u32(_MTU, mtu)
    data = attribute(_INFO_DATA, attribute(_VETH_PEER, other))
    payload = _INFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + text(_IFNAME, name) + u32(_MTU, mtu)
    payload += u32(_NET_NS_FD, namespace)
    if mac_address:
        payload += attribute(_ADDRESS, _mac(mac_address))
    payload += attribute(_LINKINFO, text(_INFO_KIND, "veth") + data)
    return Request(_NEWLINK, NEW, payload, f"create link {name} (veth, peer {peer})")


def move(name, namespace):
    """Move the device into the namespace of an open descriptor. It arrives down and without addresses."""
    return Request(_SETLINK, 0, _named(name) + u32(_NET_NS_FD, namespace), f"move link {name}")


def change(name, up=None, mtu=None, mac_address=None, alias=None):
    """Set attributes of a device; None leaves one alone."""
    payload = _named(name, 0 if up is None else _UP, _UP if up else 0)
    if mtu is not None:
        payload += u32(_MTU, mtu)
    if mac_address is not None:
        payload += attribute(_ADDRESS, _mac(mac_address))
    if alias is not None:
        payload += attribute(_IFALIAS, alias.encode())
    return Request(_SETLINK, 0, payload, f"change link {name}")


def delete(name):
    """Delete a device; a veth takes its other end with it. One that is already gone is fine."""
    return Request(_DELLINK, 0, _named(name), f"delete link {name}", (errno.ENODEV,))


def _named(name, mask=0, flags=0):
    """The head of a request about the device of this name."""
    return _INFO.pack(socket.AF_UNSPEC, 0, 0, flags, mask) + text(_IFNAME, name)


def _mac(value):
    return bytes.fromhex(value.replace(":", ""))


def _string(value):
    return value.rstrip(b"\0").decode(errors="replace")


def _number(value):
    return struct.unpack("=i", value)[0] if value is not None else None
