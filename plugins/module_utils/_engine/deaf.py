# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that are ports of Open vSwitch, where the host's own IP stack shall hear nothing. PRIVATE to the collection.

Open vSwitch's userspace datapath leaves the kernel a copy of every frame that comes in
at a port. On a device with other settings an instance would reach the host itself: at
its link-local address, by ARP for any of its addresses.
"""

from __future__ import annotations

import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import attributes

#: {setting of a device: value}
IPV4 = {"net.ipv4.conf.{}.arp_ignore": "8", "net.ipv4.conf.{}.rp_filter": "1"}
IPV6 = {"net.ipv6.conf.{}.disable_ipv6": "1"}

#: Where a link's dump has them: address family, attribute of it, place in its numbers (linux/ip.h, linux/ipv6.h).
_PLACES = {
    "net.ipv4.conf.{}.arp_ignore": (2, 1, 18),
    "net.ipv4.conf.{}.rp_filter": (2, 1, 7),
    "net.ipv6.conf.{}.disable_ipv6": (10, 2, 26),
}


def sysctls(device):
    """{key: value} of what a device's settings shall be."""
    return {key.format(device): value for key, value in {**IPV4, **IPV6}.items()}


def observed(device, found):
    """{key: value} of what a device's settings are. found: as link.dump returns it, which costs no reading of files."""
    return {**sysctls(device), **_present(device, found)}


def write(wanted, links):
    """Make settings of many devices as wanted, {device: {key: value}}. links: of link.dump."""
    values = {}
    for device in (each for each in wanted if each in links):
        present = _present(device, links[device])
        values.update((key, value) for key, value in wanted[device].items() if present.get(key, value) != value)
    sysctl.write_all(values)


def _present(device, found):
    """The settings that the device has. One without a protocol, as IPv6 with an MTU below 1280, is deaf there."""
    families = attributes(found["af_spec"])
    present = {}
    for key, (family, attribute, place) in _PLACES.items():
        numbers = attributes(families.get(family, b"")).get(attribute)
        if numbers is not None:
            present[key.format(device)] = str(struct.unpack_from("=i", numbers, 4 * place)[0])
    return present
