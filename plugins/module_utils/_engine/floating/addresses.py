# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a floating IP on the router's external device. PRIVATE to the collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import address, inet, link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

_NOT_FLOATING = ("127.", "169.254.")  # a /32 of these is a service's own, as the metadata address in a DHCP namespace


class Address(NamedTuple):
    """One IPv4 address on a device. length: of the prefix, in bits. broadcast: None if it has none."""

    device: str
    ip: str
    length: int
    broadcast: str | None

    def __str__(self):
        """As `ip address` prints it."""
        broadcast = f" brd {self.broadcast}" if self.broadcast else ""
        return f"{self.ip}/{self.length}{broadcast} dev {self.device}"

    def removal(self, namespace):
        """The command that removes it from a namespace."""
        return f"ip -n {namespace} address delete {self.ip}/{self.length} dev {self.device}"

    def is_floating(self):
        """Whether it has the form that only floating IPs have: a /32 that is its own broadcast address."""
        return self.length == 32 and self.broadcast == self.ip and not self.ip.startswith(_NOT_FLOATING)


def wanted(device, ip, length):
    """The Address of a floating IP. As Neutron, with the prefix's broadcast address, which of a /32 is the address."""
    if length == 31:  # RFC 3021: both addresses are hosts'
        return Address(device, ip, length, None)
    return Address(device, ip, length, inet.unpack(inet.broadcast(inet.pack(ip)[1], length)))


def read():
    """(device names, {ip: [Address]}) of the current namespace, IPv4 only."""
    with Netlink() as netlink:
        names = {found["index"]: name for name, found in link.dump(netlink).items()}
        addresses = {}
        for found in address.dump(netlink):
            ip, dummy, length = found["address"].partition("/")
            if ":" not in ip and found["index"] in names:
                own = Address(names[found["index"]], ip, int(length), found["broadcast"])
                addresses.setdefault(ip, []).append(own)
    return set(names.values()), addresses


def write(gone, new):
    """Take Addresses away from their devices in the current namespace, then put others there."""
    with Netlink() as netlink:
        indexes = {name: found["index"] for name, found in link.dump(netlink).items()}
        requests = [address.delete(indexes[a.device], f"{a.ip}/{a.length}") for a in gone if a.device in indexes]
        requests += [address.create(indexes[a.device], f"{a.ip}/{a.length}", a.broadcast) for a in new]
        netlink.write(requests)
