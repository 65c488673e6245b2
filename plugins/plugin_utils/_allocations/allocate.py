# SPDX-License-Identifier: GPL-3.0-or-later
"""site x lock -> lock. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.addresses import allocate_addresses
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import VERSION, checked
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.numbers import (
    allocate_local_vlans,
    allocate_macs,
    allocate_segmentation_ids,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.schedule import schedule_routers
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import Problems


def allocate(site, lock):
    """The lock that holds everything the site leaves open, and nothing else. Pure.

    lock: of an earlier run, or lock.empty(). Raises SiteError with every fault:
    a pin on what another object has, a pool that is exhausted.
    """
    lock, problems = checked(lock), Problems()
    hosts = schedule_routers(site, lock)
    new = {
        "version": VERSION,
        "addresses": allocate_addresses(site, lock, problems),
        "mac_addresses": allocate_macs(site, lock, problems),
        "segmentation_ids": allocate_segmentation_ids(site, lock, problems),
        "router_hosts": hosts,
        "local_vlans": allocate_local_vlans(_networks_by_host(site, hosts), lock, problems),
    }
    problems.refuse()
    return new


def _networks_by_host(site, router_hosts):
    """{host name: [networks that have a port there, in the order declared]}"""
    present = {name: set() for name in site.hosts}
    for port in site.ports:
        present[port.host.name].add(port.network)
    for router in site.routers:
        host = router.binding_host.name if router.binding_host else router_hosts[router.name]
        present[host].update(port.network for port in router.ports)
    return {host: [network for network in site.networks if network in networks]
            for host, networks in present.items() if networks}
