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
_UP, _PROMISC, _LOWER_UP = 0x1, 0x100, 0x10000
(_ADDRESS, _IFNAME, _MTU, _LINK, _MASTER, _LINKINFO, _IFALIAS, _AF_SPEC, _GROUP, _NET_NS_FD, _EXT_MASK,
 _LINK_NETNSID) = (
    1, 3, 4, 5, 10, 18, 20, 26, 27, 28, 29, 37,
)  # fmt: skip
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_SKIP_STATISTICS = 1 << 3
_NSID, _NSID_FD = 1, 3
_DOOMED = 0x636E6470  # the device group ("cndp") of what delete_all deletes


def dump(netlink):
    """{name: link} of the namespace.

    link: index, mac_address ("" if it has none), mtu, up, promisc (as somebody asked for: a bridge
    that needs its ports so does not show), carrier, alias, kind ("veth", "tun", "" for hardware),
    data (bytes: what only this kind of link has), link (index of the other end or of the device
    below, None if none), link_nsid (namespace of that, None if this one), master (index or None),
    af_spec (bytes: the settings of its IP stack, by address family).
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
        "promisc": bool(flags & _PROMISC),
        "carrier": bool(flags & _LOWER_UP),
        "alias": _string(found.get(_IFALIAS, b"")),
        "kind": _string(info.get(_INFO_KIND, b"")),
        "data": info.get(_INFO_DATA, b""),
        "link": _number(found.get(_LINK)),
        "link_nsid": _number(found.get(_LINK_NETNSID)),
        "master": _number(found.get(_MASTER)),
        "af_spec": found.get(_AF_SPEC, b""),
    }


def nsid(netlink, descriptor):
    """The number by which this namespace's links name the namespace of an open descriptor; -1 if they never did."""
    body = netlink.ask(_GETNSID, struct.pack("=B3x", socket.AF_UNSPEC) + u32(_NSID_FD, descriptor))
    return struct.unpack("=i", attributes(body, 4)[_NSID])[0]


def create_veth(name, namespace, peer, mtu, mac_address=None, peer_namespace=None):
    """A veth pair in one message, each end inside the namespace of an open descriptor (None: here).

    Both are down: the kernel refuses to bring up the first end before it has a second.
    """
    other = _named(peer) + u32(_MTU, mtu) + _into(peer_namespace)
    payload = _named(name) + u32(_MTU, mtu) + _into(namespace)
    if mac_address:
        payload += attribute(_ADDRESS, _mac(mac_address))
    payload += _link_info("veth", attribute(_VETH_PEER, other))
    return Request(_NEWLINK, NEW, payload, f"create link {name} (veth, peer {peer})")


def _into(namespace):
    return b"" if namespace is None else u32(_NET_NS_FD, namespace)


def create(name, kind):
    """A device of a kind that needs nothing else. It is down."""
    return Request(_NEWLINK, NEW, _named(name) + _link_info(kind), f"create link {name} ({kind})")


def configure(name, kind, data):
    """Set what only this kind of device has. data: attributes of its kind."""
    return Request(_NEWLINK, 0, _named(name) + _link_info(kind, data), f"configure link {name} ({kind})")


def _link_info(kind, data=b""):
    """The attribute that tells the kind of a device, and what only this kind has."""
    return attribute(_LINKINFO, text(_INFO_KIND, kind) + (attribute(_INFO_DATA, data) if data else b""))


def move(name, namespace):
    """Move the device into the namespace of an open descriptor. It arrives down and without addresses."""
    return Request(_SETLINK, 0, _named(name) + u32(_NET_NS_FD, namespace), f"move link {name}")


def change(name, up=None, mtu=None, mac_address=None, alias=None, promisc=None, master=None):
    """Set attributes of a device; None leaves one alone. master: index of the bridge, 0 for none."""
    flags = {_UP: up, _PROMISC: promisc}
    mask = sum(flag for flag, value in flags.items() if value is not None)
    payload = _named(name, mask, sum(flag for flag, value in flags.items() if value))
    if mtu is not None:
        payload += u32(_MTU, mtu)
    if mac_address is not None:
        payload += attribute(_ADDRESS, _mac(mac_address))
    if alias is not None:
        payload += attribute(_IFALIAS, alias.encode())
    if master is not None:
        payload += u32(_MASTER, master)
    return Request(_SETLINK, 0, payload, f"change link {name}")


def delete(name):
    """Delete a device; a veth takes its other end with it. One that is already gone is fine."""
    return Request(_DELLINK, 0, _named(name), f"delete link {name}", (errno.ENODEV,))


def delete_all(names):
    """Requests that delete many devices at once: by themselves each costs 20 ms, which the kernel waits. Send all.

    Devices that are already gone are fine.
    """
    if not names:
        return []
    requests = [Request(_SETLINK, 0, _named(n) + u32(_GROUP, _DOOMED), f"delete {n}", (errno.ENODEV,)) for n in names]
    head = _INFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    what = f"delete links {', '.join(names)}"
    return [*requests, Request(_DELLINK, 0, head + u32(_GROUP, _DOOMED), what, (errno.ENODEV,))]


def _named(name, mask=0, flags=0):
    """The head of a request about the device of this name."""
    return _INFO.pack(socket.AF_UNSPEC, 0, 0, flags, mask) + text(_IFNAME, name)


def _mac(value):
    return bytes.fromhex(value.replace(":", ""))


def _string(value):
    return value.rstrip(b"\0").decode(errors="replace")


def _number(value):
    return struct.unpack("=i", value)[0] if value is not None else None
