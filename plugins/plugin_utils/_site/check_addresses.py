# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports: their hosts and addresses. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_routers import check_reaches
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once


def check(site, problems):
    """Where instances are, and that every pinned address is inside its subnet and used once."""
    for port in site.ports:
        if port.host:
            path = f"{port.path}.binding_host_id"
            if not port.host.has_datapath:
                problems.add(path, port.host.name, "must be a host of group compute or network")
            check_reaches(port.host, port.network, path, problems)
            if port.vif == "bridge" and port.host.firewall_driver != "iptables_hybrid":
                problems.add(f"{port.path}.vif", port.vif,
                             f"needs dataplane_firewall_driver iptables_hybrid on {port.host.name}: "
                             "only that makes a bridge for the port")
    used = Once(problems, "must be unique, and is also {first}")
    for port in site.possible_ports:
        for fixed in port.fixed_ips:
            if fixed.address is None:
                continue
            path = f"{fixed.path}.ip_address"
            used.meet((fixed.subnet, fixed.address), path, fixed.address)
            if fixed.address != fixed.subnet.gateway_ip or fixed.subnet.gateway_onlink:  # else judged with its subnet
                check_inside(fixed.subnet, fixed.address, path, problems)
    for floating_ip in site.floating_ips:
        for subnet in floating_ip.network.subnets:
            if floating_ip.address is not None and floating_ip.address in subnet.cidr:
                used.meet((subnet, floating_ip.address), f"{floating_ip.path}.floating_ip_address", floating_ip.address)


def check_inside(subnet, address, path, problems):
    """An address must be one that a port of the subnet may have."""
    if address not in subnet.cidr:
        problems.add(path, address, f"must be inside {subnet.cidr}, the cidr of subnet {subnet.name}")
    elif not subnet.has(address):
        problems.add(path, address, f"must not be the network or broadcast address of {subnet.cidr}")
