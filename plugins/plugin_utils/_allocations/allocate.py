# SPDX-License-Identifier: GPL-3.0-or-later
"""site x lock -> lock. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.addresses import allocate_addresses
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.distributed import (
    allocate_host_macs,
    allocate_link_locals,
    allocate_rule_priorities,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import VERSION, checked
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.numbers import (
    allocate_conntrack_zones,
    allocate_local_vlans,
    allocate_macs,
    allocate_segmentation_ids,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.presence import Presence
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.schedule import (
    schedule_dhcp,
    schedule_routers,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import Problems


def allocate(site, lock):
    """The lock that holds everything the site leaves open, and nothing else. Pure.

    lock: of an earlier run, or lock.empty(). Raises SiteError with every fault:
    a pin on what another object has, a pool that is exhausted.
    """
    lock, problems = checked(lock), Problems()
    hosts = {"router_hosts": schedule_routers(site, lock), "dhcp_hosts": schedule_dhcp(site, lock)}
    presence = Presence(Allocated(site, hosts))
    new = {
        "version": VERSION,
        "addresses": allocate_addresses(site, presence, lock, problems),
        "mac_addresses": allocate_macs(site, presence, lock, problems),
        "segmentation_ids": allocate_segmentation_ids(site, lock, problems),
        **hosts,
        "local_vlans": allocate_local_vlans(presence.networks_by_host(), lock, problems),
        "conntrack_zones": allocate_conntrack_zones(site, presence.by_host, lock, problems),
    }
    distributed = {
        "dvr_mac_addresses": allocate_host_macs(site, lock, problems),
        "link_locals": allocate_link_locals(presence, lock, problems),
        "floating_ip_priorities": allocate_rule_priorities(site, lock, problems),
    }
    problems.refuse()
    return {**new, **{section: values for section, values in distributed.items() if values}}
