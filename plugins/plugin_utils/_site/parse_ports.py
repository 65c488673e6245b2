# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixed IPs of ports of any kind. PRIVATE to the collection."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import FixedIp


def fixed_ips(parser, items, network, key, path, list_key="fixed_ips", default_all=False):
    """The FixedIps of a port in `network`.

    items: [{subnet, ip_address?}] as declared, or None: one address of the first
    IPv4 and one of the first IPv6 subnet, as Neutron chooses.
    """
    if items is None:
        items = [{"subnet": name} for name in _default_subnets(network)] if default_all else []
        return [FixedIp(parser.subnets.objects[item["subnet"]], None, key, path) for item in items]
    found, seen = [], Counter()
    for index, item in enumerate(items):
        item_path = f"{path}.{list_key}[{index}]"
        subnet = parser.subnets.find(item["subnet"], f"{item_path}.subnet")
        if not subnet:
            continue
        if subnet.network is not network:
            parser.problems.add(f"{item_path}.subnet", subnet.name, f"must be a subnet of network {network.name}")
            continue
        address = ip_address(item["ip_address"]) if "ip_address" in item else None
        seen[subnet.name] += 1
        nth = f"{key} ({seen[subnet.name]})" if seen[subnet.name] > 1 else key
        found.append(FixedIp(subnet, address, nth, item_path))
    return found


def _default_subnets(network):
    by_version = {}
    for subnet in network.subnets:
        by_version.setdefault(subnet.version, subnet.name)
    return [by_version[version] for version in sorted(by_version)]
