# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of ports, gateways and floating IPs, from the pools of their subnets. PRIVATE to the collection."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.pool import Pool


def allocate_addresses(site, presence, lock, problems):
    """{subnet name: {key: address}} of everything whose address is not pinned."""
    pools = {subnet.name: Pool(problems) for subnet in site.subnets}
    _pin(site, pools)
    wanted = [(fixed.key, [fixed.subnet], fixed.path) for port in filter(presence.exists, site.possible_ports)
              for fixed in port.fixed_ips if fixed.address is None and not fixed.follows_mac]
    wanted += [(floating_ip.key, _floating_subnets(floating_ip), floating_ip.path)
               for floating_ip in site.floating_ips if floating_ip.address is None]
    kept = {}
    for key, subnets, _path in wanted:
        subnet, address = _held(lock, key, subnets)
        if subnet:
            pools[subnet.name].keep(int(address), key, address)
            kept[key, subnets[0].name] = subnet, str(address)
    addresses = {}
    for key, subnets, path in wanted:
        subnet, address = kept.get((key, subnets[0].name)) or _choose(subnets, pools)
        if subnet is None:
            names = " and ".join(subnet.name for subnet in subnets)
            problems.add(path, key, f"cannot have an address: the pools of {names} are exhausted")
        else:
            addresses.setdefault(subnet.name, {})[key] = address
    return addresses


def _pin(site, pools):
    for subnet in site.subnets:
        if subnet.gateway_ip is not None:
            pools[subnet.name].pin(int(subnet.gateway_ip), f"{subnet.path}.gateway_ip")
    for port in site.possible_ports:
        for fixed in port.fixed_ips:
            if fixed.address is not None:
                pools[fixed.subnet.name].pin(int(fixed.address), f"{fixed.path}.ip_address")
    for floating_ip in site.floating_ips:
        for subnet in floating_ip.network.subnets:
            if floating_ip.address is not None and floating_ip.address in subnet.cidr:
                pools[subnet.name].pin(int(floating_ip.address), f"{floating_ip.path}.floating_ip_address")


def _floating_subnets(floating_ip):
    if floating_ip.subnet:
        return [floating_ip.subnet]
    return [subnet for subnet in floating_ip.network.subnets if subnet.version == 4]


def _held(lock, key, subnets):
    """What the lock has for a key, if it is still an address of one of the subnets."""
    for subnet in subnets:
        text = lock["addresses"].get(subnet.name, {}).get(key)
        if text is not None and subnet.has(ip_address(text)):
            return subnet, ip_address(text)
    return None, None


def _choose(subnets, pools):
    for subnet in subnets:
        value = pools[subnet.name].new(lambda subnet=subnet: _candidates(subnet))
        if value is not None:
            return subnet, str((IPv4Address if subnet.version == 4 else IPv6Address)(value))
    return None, None


def _candidates(subnet):
    """Addresses of the allocation pools, by default of the whole subnet, as integers."""
    if not subnet.pools:
        yield from range(subnet.first, subnet.last + 1)
    for start, end in subnet.pools:
        yield from range(int(start), int(end) + 1)
