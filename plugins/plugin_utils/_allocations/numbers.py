# SPDX-License-Identifier: GPL-3.0-or-later
"""MAC addresses, segmentation ids, local VLANs and conntrack zones. PRIVATE to the collection."""

from __future__ import annotations

from collections import defaultdict
from itertools import count

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.pool import Pool
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_networks import VLAN_MAX
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.ids import derived_mac
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.schema import TUNNEL_ID_MAX

#: Conntrack zones of ports start above the VLANs, which older releases used as zones.
ZONE_MIN, ZONE_MAX = 4097, 65535


def allocate_macs(site, presence, lock, problems):
    """{port key: MAC} of every port that exists and has none pinned: a hash of its id, another where that is taken."""
    pool, macs = Pool(problems), {}
    wanted = []
    for port in site.possible_ports:
        if port.mac_address:
            pool.pin(port.mac_address, f"{port.path}.mac_address")
        elif presence.exists(port):
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
    """{network name: number} of every vlan or tunnel network without one, from the site's ranges.

    Unique on the physical network, or among the networks of the tunnel type.
    """
    pools, wanted, segments = defaultdict(lambda: Pool(problems)), [], {}
    for network in site.networks:
        if network.segmentation_id is not None:
            pools[_scope(network)].pin(network.segmentation_id, f"{network.path}.segmentation_id")
        elif network.network_type == "vlan" or network.is_tunnel:
            wanted.append(network)
    kept = set()
    for network in wanted:
        held = lock["segmentation_ids"].get(network.name, 0)
        if 1 <= held <= (TUNNEL_ID_MAX if network.is_tunnel else VLAN_MAX) and (_scope(network), held) not in kept:
            kept.add((_scope(network), held))
            pools[_scope(network)].keep(held, f"network {network.name}", held)
            segments[network.name] = held
    for network in wanted:
        if network.name not in segments:
            segments[network.name] = _new_segment(site, network, pools[_scope(network)], problems)
    return segments


def _scope(network):
    return network.network_type, network.physical_network


def _new_segment(site, network, pool, problems):
    ranges, name = site.vlan_ranges, f"dataplane_vlan_ranges.{network.physical_network}"
    if network.is_tunnel:
        ranges, name = site.tunnel_id_ranges, f"dataplane_tunnel_id_ranges.{network.network_type}"
    first, last = ranges[name.partition(".")[2]]
    segment = pool.new(lambda: range(first, last + 1))
    if segment is None:
        problems.add(f"{network.path}.segmentation_id", "(missing)",
                     f"cannot be allocated: {name}, {first} to {last}, is exhausted")
    return segment


def allocate_local_vlans(networks_by_host, lock, problems):
    """{host name: {network name: VLAN}}: the tags of br-int, the host's own affair (reference 4.1).

    networks_by_host: {host name: [networks with a port there]}.
    """
    tags = {}
    for host, networks in networks_by_host.items():
        if len(networks) > VLAN_MAX:
            problems.add(f"hostvars.{host}", f"{len(networks)} networks",
                         f"has ports in more than {VLAN_MAX} networks, and there are no more local VLANs")
        elif networks:
            names = [network.name for network in networks]
            tags[host] = numbers(names, lock["local_vlans"].get(host, {}), 1, VLAN_MAX)
    return tags


def allocate_conntrack_zones(site, ports_by_host, lock, problems):
    """{host name: {port key: zone}} of the instances' ports that their host filters (reference 7.2).

    ports_by_host: {host name: [ports there]}.
    """
    zones = {}
    for host, ports in ports_by_host.items():
        keys = [port.key for port in ports if site.hosts[host].filters(port)]
        if len(keys) > ZONE_MAX + 1 - ZONE_MIN:
            problems.add(f"hostvars.{host}", f"{len(keys)} ports",
                         f"has more filtered ports than the {ZONE_MAX + 1 - ZONE_MIN} conntrack zones")
        elif keys:
            zones[host] = numbers(keys, lock["conntrack_zones"].get(host, {}), ZONE_MIN, ZONE_MAX)
    return zones


def numbers(keys, held, first, last):
    """{key: number from first to last}, each once: what is held, else the lowest free. There are enough."""
    kept = {key: held[key] for key in keys if first <= held.get(key, -1) <= last}
    taken = set(kept.values())
    free = (number for number in range(first, last + 1) if number not in taken)
    return {key: kept[key] if key in kept else next(free) for key in keys}
