# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the neighbours on a link where an address now lives. PRIVATE to the collection.

Neutron runs arping six times per address and waits seconds each time. One packet of
each kind is what those calls boil down to; it is sent without waiting for anything.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet

#: Threads for announcing in many namespaces: closing the socket waits 20 ms in the kernel, without using a processor.
THREADS = 64

_ETH_IP, _ETH_ARP, _ETH_IPV6 = 0x0800, 0x0806, 0x86DD
_SIOCGIFHWADDR = 0x8927
_REQUEST, _REPLY = 1, 2
_EVERYONE = b"\xff" * 6
_ALL_NODES_MAC = bytes.fromhex("333300000001")
_ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")
_ICMPV6, _NEIGHBOUR_ADVERTISEMENT, _TARGET_MAC = 58, 136, 2
_OVERRIDE = 0x20000000


class Place(NamedTuple):
    """An address of a device in a namespace."""

    namespace: str
    device: str
    address: str


def announce_places(places):
    """Announce Places, those of all namespaces at the same time."""
    inside = {}
    for place in places:
        inside.setdefault(place.namespace, []).append((place.device, place.address, None))
    namespace.map_inside(lambda name: announce_all(inside[name]), inside, THREADS)


def result(places):
    """What a module returns of the Places that it has announced; the module announce takes it."""
    return {"announced": [place._asdict() for place in places]}


def announce(device, address, mac=None):
    """Announce one address of a device of the current namespace; see announce_all."""
    announce_all([(device, address, mac)])


def announce_all(addresses):
    """Announce (device, address, MAC address or None for the device's own) of the current namespace, once each.

    IPv4: a gratuitous ARP request and reply, as `arping -U` and `arping -A` send. IPv6: an
    unsolicited neighbour advertisement. Best effort: a link that is not ready is skipped.
    One socket for all, as closing a packet socket makes the kernel wait some 20 ms.
    """
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
        for device, address, mac in addresses:
            with contextlib.suppress(OSError):
                hardware = bytes.fromhex(mac.replace(":", "")) if mac else _hardware_address(wire, device)
                for frame in frames(address, hardware):
                    wire.sendto(frame, (device, 0))


def frames(address, hardware):
    """The Ethernet frames that announce an address at a MAC address (six bytes)."""
    family, own = inet.pack(address)
    if family == socket.AF_INET:
        return [_gratuitous_arp(operation, own, hardware) for operation in (_REQUEST, _REPLY)]
    return [_advertisement(own, hardware)]


def _gratuitous_arp(operation, own, hardware):
    target = _EVERYONE if operation == _REQUEST else hardware
    head = struct.pack("!HHBBH", 1, _ETH_IP, 6, 4, operation)
    return _EVERYONE + hardware + struct.pack("!H", _ETH_ARP) + head + hardware + own + target + own


def _advertisement(own, hardware):
    option = struct.pack("!BB", _TARGET_MAC, 1) + hardware
    message = struct.pack("!BBHI", _NEIGHBOUR_ADVERTISEMENT, 0, 0, _OVERRIDE) + own + option
    pseudo_header = own + _ALL_NODES + struct.pack("!II", len(message), _ICMPV6)
    message = message[:2] + _checksum(pseudo_header + message) + message[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, 255) + own + _ALL_NODES
    return _ALL_NODES_MAC + hardware + struct.pack("!H", _ETH_IPV6) + header + message


def _checksum(data):
    """The Internet checksum (RFC 1071) of data of even length, as two bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def _hardware_address(wire, device):
    answer = fcntl.ioctl(wire, _SIOCGIFHWADDR, struct.pack("16s24x", device.encode()))
    return answer[18:24]
