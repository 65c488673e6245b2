# SPDX-License-Identifier: GPL-3.0-or-later
"""Which network host carries a router. PRIVATE to the collection."""

from __future__ import annotations

import hashlib


def schedule_routers(site, lock, problems):
    """{router name: host name} of every router without binding_host_id.

    A router stays where it is as long as that host can carry it. A new one goes
    to the host with the highest rendezvous hash, so that the choice depends on
    nothing but the router and the hosts.
    """
    chosen = {}
    for router in site.routers:
        if router.binding_host:
            continue
        hosts = [host for host in site.hosts.values() if _can_carry(host, router)]
        if not hosts:
            problems.add(f"{router.path}.binding_host_id", "(missing)", _nobody(router))
            continue
        names = [host.name for host in hosts]
        held = lock["router_hosts"].get(router.name)
        chosen[router.name] = held if held in names else _heaviest(names, router)
    return chosen


def _can_carry(host, router):
    return "network" in host.groups and _physical_networks(router) <= set(host.bridge_mappings)


def _physical_networks(router):
    return {port.network.physical_network for port in router.ports if port.network.physical_network}


def _nobody(router):
    needed = ", ".join(sorted(_physical_networks(router)))
    return "no host of group network can carry the router" + (f": none maps {needed}" if needed else "")


def _heaviest(names, router):
    return max(names, key=lambda name: hashlib.sha256(f"{router.id}/{name}".encode()).digest())
