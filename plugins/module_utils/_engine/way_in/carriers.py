# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host carries a connection: devices, and bridges of Open vSwitch. PRIVATE to the collection.

From the device that has the address downwards: to the lower device of a VLAN, to the ports of a bond or of a Linux
bridge, to the other end of a veth pair, to the Open vSwitch bridge that a device belongs to. A bridge without a card
of the host is left through its patch ports.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import address, link, route
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink


class Carriers(NamedTuple):
    """Names, in the order in which they were found."""

    devices: tuple
    bridges: tuple


def of(connection, state):
    """The Carriers of a Connection. state: what ports.observe saw."""
    with Netlink() as netlink:
        links = link.dump(netlink)
        own = [each["index"] for each in address.dump(netlink) if each["address"].split("/")[0] == connection.local]
        outward = route.device_towards(netlink, connection.peer)
    names = {each["index"]: name for name, each in links.items()}
    return below([names[index] for index in (*own, outward) if index in names], links, state)


def below(tops, links, state):
    """The Carriers from these devices downwards. links: as link.dump returns them. Pure."""
    devices, bridges, waiting = [], [], list(tops)
    while waiting:
        name = waiting.pop(0)
        if name in devices:
            continue
        devices.append(name)
        waiting += _lower(name, links)
        if name in state.ports:
            entered = [each for each in _towards_cards(state.ports[name].port.bridge, state) if each not in bridges]
            bridges += entered
            waiting += [port.name for bridge in entered for port in _cards(bridge, state)]
    return Carriers(tuple(devices), tuple(bridges))


def _lower(name, links):
    own = links.get(name)
    if own is None:
        return []
    beneath = own["link"] if own["link_nsid"] is None else None
    return [other for other, each in links.items() if own["index"] == each["master"] or beneath == each["index"]]


def _towards_cards(bridge, state):
    found, waiting = [], [bridge]
    while waiting:
        bridge = waiting.pop(0)
        if bridge not in found:
            found.append(bridge)
            waiting += [] if _cards(bridge, state) else _behind_patches(bridge, state)
    return found


def _cards(bridge, state):
    """The ports that are cards of the host: who plugs an instance or a router says whose it is, in `iface-id`."""
    return [port for port in _members(bridge, state) if port.type == "system" and "iface-id" not in port.external_ids]


def _behind_patches(bridge, state):
    peers = (port.options.get("peer") for port in _members(bridge, state) if port.type == "patch")
    return [state.ports[peer].port.bridge for peer in peers if peer in state.ports]


def _members(bridge, state):
    return [seen.port for seen in state.ports.values() if seen.port.bridge == bridge]
