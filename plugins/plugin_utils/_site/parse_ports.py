# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixed IPs of ports of any kind. PRIVATE to the collection."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import FixedIp


def fixed_ips(parser, items, network, key, path, list_key="fixed_ips", default_all=False):
    """The FixedIps of a port in `network`.

    items: [{subnet, ip_address?}] as declared, or None: one address of the first
    IPv4 and one of the first IPv6 subnet, as Neutron chooses. default_all: also one
    of every subnet whose addresses follow from MACs, as in Neutron.
    """
    if items is None:
        return [FixedIp(subnet, None, key, path) for subnet in _default_subnets(network)] if default_all else []
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
    if default_all and items:  # no port can keep such an address away from itself
        named = {fixed.subnet for fixed in found}
        found += [FixedIp(subnet, None, key, path) for subnet in _auto_subnets(network) if subnet not in named]
    return found


def _default_subnets(network):
    by_version = {}
    for subnet in network.subnets:
        if not subnet.auto_address:
            by_version.setdefault(subnet.version, subnet)
    return [by_version[version] for version in sorted(by_version)] + _auto_subnets(network)


def _auto_subnets(network):
    return [subnet for subnet in network.subnets if subnet.auto_address]
