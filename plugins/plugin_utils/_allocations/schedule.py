# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts carry a router or its gateway, and the DHCP servers of a network. PRIVATE to the collection."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.placement import can_carry, dhcp_hosts


def schedule_routers(site, lock):
    """{router name: host name} of every router without binding_host_id; validation saw to it that some host can.

    Of a distributed router it is the host of its gateway; without a gateway it has none.

    A router stays where it is as long as that host can carry it. A new one goes
    to the host with the highest rendezvous hash, so that the choice depends on
    nothing but the router and the hosts.
    """
    chosen = {}
    for router in site.routers:
        if router.binding_host or not router.is_scheduled:
            continue
        names = [host.name for host in site.hosts.values() if can_carry(host, router)]
        held = lock["router_hosts"].get(router.name)
        chosen[router.name] = held if held in names else _heaviest(names, router)
    return chosen


def schedule_dhcp(site, lock):
    """{port key: host name} of every DHCP port without binding_host_id; validation saw to it that hosts suffice.

    The servers of a network are on different hosts. One that must leave its host takes its addresses along.
    """
    servers = defaultdict(list)
    for port in site.dhcp_ports:
        servers[port.network].append(port)
    chosen = {}
    for network, ports in servers.items():
        able = {host.name for host in dhcp_hosts(site, network)}
        chosen.update(_spread(ports, able, lock["dhcp_hosts"]))
    return chosen


def _spread(ports, able, held):
    """{port key: host name}, each host once: pinned ones are taken, held ones kept."""
    free = able - {port.host.name for port in ports if port.host}
    movable = [port for port in ports if not port.host]
    chosen = {}
    for port in movable:
        if held.get(port.key) in free:
            chosen[port.key] = held[port.key]
            free.remove(held[port.key])
    for port in movable:
        if port.key not in chosen:
            chosen[port.key] = _heaviest(free, port.network)
            free.remove(chosen[port.key])
    return chosen


def _heaviest(names, item):
    return max(names, key=lambda name: hashlib.sha256(f"{item.id}/{name}".encode()).digest())
