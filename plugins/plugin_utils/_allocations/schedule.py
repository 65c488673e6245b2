# SPDX-License-Identifier: GPL-3.0-or-later
"""Which network host carries a router. PRIVATE to the collection."""

from __future__ import annotations

import hashlib

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_routers import can_carry


def schedule_routers(site, lock):
    """{router name: host name} of every router without binding_host_id; validation saw to it that some host can.

    A router stays where it is as long as that host can carry it. A new one goes
    to the host with the highest rendezvous hash, so that the choice depends on
    nothing but the router and the hosts.
    """
    chosen = {}
    for router in site.routers:
        if router.binding_host:
            continue
        names = [host.name for host in site.hosts.values() if can_carry(host, router)]
        held = lock["router_hosts"].get(router.name)
        chosen[router.name] = held if held in names else _heaviest(names, router)
    return chosen


def _heaviest(names, router):
    return max(names, key=lambda name: hashlib.sha256(f"{router.id}/{name}".encode()).digest())
