# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts: their bridges, NICs and endpoints. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once

_RESERVED = ("br-int", "br-tun")


def check(site, problems):
    """Every host by itself, and what hosts must not share."""
    endpoints = Once(problems, "must be unique, and is also {first}")
    for host in site.hosts.values():
        if host.local_ip:
            _endpoint(host.local_ip, f"{host.path}.dataplane_local_ip", endpoints, problems)
        _bridges(host, problems)


def _endpoint(address, path, endpoints, problems):
    endpoints.meet(address, path)
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_link_local:
        problems.add(path, address, "must be a unicast address that the other hosts can reach")


def _bridges(host, problems):
    bridges = Once(problems, "must be unique, and is also {first}")
    for physical_network, bridge in host.bridge_mappings.items():
        path = f"{host.path}.dataplane_bridge_mappings.{physical_network}"
        bridges.meet(bridge, path)
        if bridge in _RESERVED:
            problems.add(path, bridge, "must not be one of the bridges that Neutron's agents make for themselves")
    nics = Once(problems, "must be in one bridge only, and is also {first}")
    for bridge, interfaces in host.bridge_interfaces.items():
        path = f"{host.path}.dataplane_bridge_interfaces.{bridge}"
        if bridge not in bridges.met:
            problems.add(path, interfaces, f"must be a bridge of {host.path}.dataplane_bridge_mappings")
        for index, interface in enumerate(interfaces):
            nics.meet(interface, f"{path}[{index}]")
