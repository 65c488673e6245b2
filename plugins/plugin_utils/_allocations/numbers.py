# SPDX-License-Identifier: GPL-3.0-or-later
"""MAC addresses, segmentation ids and local VLANs. PRIVATE to the collection."""

from __future__ import annotations

from itertools import count

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.pool import Pool
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_networks import VLAN_MAX
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.ids import derived_mac


def allocate_macs(site, lock, problems):
    """{port key: MAC} of every port whose MAC is not pinned: a hash of its id, another one where that is taken."""
    pool, macs = Pool(problems), {}
    wanted = []
    for port in site.all_ports:
        if port.mac_address:
            pool.pin(port.mac_address, f"{port.path}.mac_address")
        else:
            wanted.append(port)
    for port in wanted:
        held = lock["mac_addresses"].get(port.key)
        if held:
            pool.keep(held, port.key, held)
            macs[port.key] = held
    for port in wanted:
        if port.key not in macs:
            macs[port.key] = pool.new_of(derived_mac(port.id, attempt) for attempt in count())
    return {port.key: macs[port.key] for port in wanted}


def allocate_segmentation_ids(site, lock, problems):
    """{network name: VLAN} of every vlan network without one, from dataplane_vlan_ranges."""
    pools, wanted, segments = {}, [], {}
    for network in site.networks:
        pool = pools.setdefault(network.physical_network, Pool(problems))
        if network.segmentation_id is not None:
            pool.pin(network.segmentation_id, f"{network.path}.segmentation_id")
        elif network.network_type == "vlan":
            wanted.append((network, pool))
    for network, pool in wanted:
        held = lock["segmentation_ids"].get(network.name)
        if held is not None and 1 <= held <= VLAN_MAX and held not in segments.values():
            pool.keep(held, f"network {network.name}", held)
            segments[network.name] = held
    for network, pool in wanted:
        if network.name in segments:
            continue
        first, last = site.vlan_ranges[network.physical_network]
        segment = pool.new(lambda first=first, last=last: range(first, last + 1))
        if segment is None:
            problems.add(f"{network.path}.segmentation_id", "(missing)",
                         f"cannot be allocated: dataplane_vlan_ranges.{network.physical_network}, {first} to {last}, "
                         "is exhausted")
        segments[network.name] = segment
    return segments


def allocate_local_vlans(networks_by_host, lock, problems):
    """{host name: {network name: VLAN}}: the tags of br-int, the host's own affair (reference 4.1).

    networks_by_host: {host name: [networks with a port there]}.
    """
    tags = {}
    for host, networks in networks_by_host.items():
        pool, held = Pool(problems), lock["local_vlans"].get(host, {})
        mine = {network.name: held[network.name] for network in networks if 1 <= held.get(network.name, 0) <= VLAN_MAX}
        for name, tag in mine.items():
            pool.keep(tag, f"network {name}", tag)
        for network in networks:
            if network.name not in mine:
                mine[network.name] = pool.new(lambda: range(1, VLAN_MAX + 1))
                if mine[network.name] is None:
                    problems.add(f"hostvars.{host}", network.name,
                                 f"cannot have a local VLAN: the host has ports in more than {VLAN_MAX} networks")
        tags[host] = mine
    return tags
