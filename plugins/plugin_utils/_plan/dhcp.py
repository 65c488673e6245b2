# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace of a network's DHCP server: device, addresses, routes, rules (reference 5.1). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    dhcp_device,
    dhcp_namespace,
    tap_device,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.node import NO_RP_FILTER
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.plug import link, ovs_port
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import default_routes

METADATA_IPV4, METADATA_IPV6 = "169.254.169.254/32", "fe80::a9fe:a9fe/128"

_SYSCTLS = {
    "net.ipv4.conf.all.promote_secondaries": 1,
    "net.ipv4.ip_nonlocal_bind": 1,
    "net.ipv6.conf.default.accept_ra": 0,  # of its device, which may hear a router before it has its addresses
    **NO_RP_FILTER,
}

_CHAIN = "neutron-dhcp-age-POSTROUTING"
_CLIENT_PORTS = {"ipv4": 68, "ipv6": 546}


def device_of(view, port):
    """The server's device in its namespace."""
    return tap_device(port) if view.host.interface_plug == "internal" else dhcp_device(port)


def dhcp_port(view, port):
    """The server's OVS port."""
    moved = dhcp_namespace(port.network) if view.host.interface_plug == "internal" else None
    return ovs_port(view, port, tap_device(port), moved)


def dhcp_item(view, port):
    """The server's item of netns' `config`."""
    device = device_of(view, port)
    plugged = link(view, port, device, view.host.interface_plug)
    return {
        "name": dhcp_namespace(port.network),
        "sysctls": dict(_SYSCTLS),
        "links": [{**plugged, "addresses": plugged["addresses"] + _metadata_addresses(view, port)}],
        "routes": default_routes(_first_with_gateway(port.network), device),
    }


def _metadata_addresses(view, port):
    """As in Neutron also where no subnet is isolated. The IPv6 one exists once: the network would see a duplicate."""
    if not (view.site.force_metadata or view.site.enable_isolated_metadata):
        return []
    first = view.dhcp_servers(port.network)[0]
    has_ipv6 = any(subnet.version == 6 for subnet in port.network.subnets)
    return [METADATA_IPV4] + ([METADATA_IPV6] if has_ipv6 and port is first else [])


def _first_with_gateway(network):
    """The first served subnet with a gateway of each address family."""
    found = {}
    for subnet in network.dhcp_subnets:
        if subnet.gateway_ip is not None:
            found.setdefault(subnet.version, subnet)
    return list(found.values())


def dhcp_rules(port):
    """Items of nat_rules' `config`: some clients check the UDP checksum that the kernel left to a device."""
    return [
        {
            "namespace": dhcp_namespace(port.network),
            "family": family,
            "prefix": "neutron-dhcp-age",
            "tables": {"mangle": {
                "POSTROUTING": [f"-j {_CHAIN}"],
                _CHAIN: [f"-p udp -m udp --dport {client} -j CHECKSUM --checksum-fill"],
            }},
        }
        for family, client in _CLIENT_PORTS.items()
    ]


def metadata_networks(view):
    """{network: device} of the networks whose instances ask their DHCP server here for metadata (reference 6.1)."""
    return {
        port.network: device_of(view, port) for port in view.dhcp_ports
        if any(leads_to_metadata(view, subnet) for subnet in port.network.dhcp_subnets)
    }


def leads_to_metadata(view, subnet):
    """Whether the instances of a subnet find their metadata at their DHCP server: they have no router, or all do."""
    site = view.site
    return site.force_metadata or (site.enable_isolated_metadata and subnet not in view.allocated.gateway_routers)
