# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and subnets by themselves. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import PHYSICAL_TYPES
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.mtu import largest_mtu, overhead

VLAN_MAX = 4094
IPV6_MIN_MTU = 1280


def check(site, problems):
    """Segments, MTUs, address ranges, gateways and pools."""
    segments = Once(problems, "is taken on this physical network by {first}")
    for name, (first, last) in site.vlan_ranges.items():
        if first > last:
            problems.add(f"dataplane_vlan_ranges.{name}", [first, last], "must be [first, last]")
    for network in site.networks:
        _segment(network, site, segments, problems)
        _mtu(network, site, problems)
        for subnet in network.subnets:
            _gateway(subnet, problems)
            _pools(subnet, problems)
        _overlaps(network.subnets, problems)


def _segment(network, site, segments, problems):
    path, kind, segment = network.path, network.network_type, network.segmentation_id
    if kind in PHYSICAL_TYPES and not network.physical_network:
        problems.add(f"{path}.physical_network", "(missing)", f"is required by network_type {kind}")
    if kind not in PHYSICAL_TYPES and network.physical_network:
        problems.add(f"{path}.physical_network", network.physical_network, f"is unknown to network_type {kind}")
    if kind in ("flat", "local") and segment is not None:
        problems.add(f"{path}.segmentation_id", segment, f"is unknown to network_type {kind}")
    if kind == "flat":
        segments.meet((network.physical_network, None), f"{path}.physical_network", network.physical_network)
    if kind != "vlan":
        return
    if segment is None and network.physical_network not in site.vlan_ranges:
        problems.add(f"{path}.segmentation_id", "(missing)",
                     f"is required, because dataplane_vlan_ranges has no range for {network.physical_network}")
    if segment is not None:
        segments.meet((network.physical_network, segment), f"{path}.segmentation_id", segment)
        if segment > VLAN_MAX:
            problems.add(f"{path}.segmentation_id", segment, f"must be from 1 to {VLAN_MAX}")


def _mtu(network, site, problems):
    largest = largest_mtu(site, network)
    mtu = network.mtu or largest
    if mtu > largest and network.is_tunnel:
        problems.add(f"{network.path}.mtu", mtu,
                     f"must be at most {largest}: {network.network_type} takes {overhead(site, network)} "
                     f"of the underlay's {largest + overhead(site, network)} bytes")
    elif mtu > largest and network.network_type in PHYSICAL_TYPES:
        problems.add(f"{network.path}.mtu", mtu, f"must be at most dataplane_global_physnet_mtu, {largest}")
    if mtu < IPV6_MIN_MTU and any(subnet.version == 6 for subnet in network.subnets):
        problems.add(f"{network.path}.mtu", mtu, f"must be at least {IPV6_MIN_MTU}, as the network has an IPv6 subnet")


def _gateway(subnet, problems):
    gateway, path = subnet.gateway_ip, f"{subnet.path}.gateway_ip"
    if gateway is None:
        return
    if gateway.version != subnet.version:
        problems.add(path, gateway, f"must be an IPv{subnet.version} address, as {subnet.cidr} is")
    elif gateway in subnet.cidr:
        if not subnet.has(gateway):
            problems.add(path, gateway, f"must not be the network or broadcast address of {subnet.cidr}")
    elif not (subnet.gateway_onlink or gateway.is_link_local):
        problems.add(path, gateway, f"must be inside {subnet.cidr} (or set gateway_onlink: true)")


def _pools(subnet, problems):
    met = []
    for index, (start, end) in enumerate(subnet.pools):
        path, shown, gateway = f"{subnet.path}.allocation_pools[{index}]", f"{start}-{end}", subnet.gateway_ip
        if not subnet.has(start) or not subnet.has(end):
            problems.add(path, shown, f"must be inside {subnet.cidr}, without its network and broadcast address")
            continue
        if start > end:
            problems.add(path, shown, "must not end before it starts")
            continue
        for other, first, last in met:
            if start <= last and first <= end:
                problems.add(path, shown, f"must not overlap {other}")
        if gateway is not None and gateway.version == subnet.version and start <= gateway <= end:
            problems.add(path, shown, f"must not contain the gateway_ip {gateway}")
        met.append((path, start, end))


def _overlaps(subnets, problems):
    for index, subnet in enumerate(subnets):
        for other in subnets[:index]:
            if subnet.version == other.version and subnet.cidr.overlaps(other.cidr):
                problems.add(f"{subnet.path}.cidr", subnet.cidr, f"must not overlap {other.cidr} of {other.path}")
