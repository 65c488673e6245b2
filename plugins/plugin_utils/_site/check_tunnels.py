# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnel networks: their ids, and the endpoints of the hosts that carry them. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.mtu import largest_mtu, overhead

MIN_MTU = 68  # the least that an IPv4 link must carry


def check(site, problems):
    """Every tunnel network; and all endpoints, if there is one."""
    ids = Once(problems, "is taken among the networks of this type by {first}")
    for kind, (first, last) in site.tunnel_id_ranges.items():
        if first > last:
            problems.add(f"dataplane_tunnel_id_ranges.{kind}", [first, last], "must be [first, last]")
    networks = [network for network in site.networks if network.is_tunnel]
    for network in networks:
        if network.segmentation_id is not None:
            ids.meet((network.network_type, network.segmentation_id), f"{network.path}.segmentation_id",
                     network.segmentation_id)
        if largest_mtu(site, network) < MIN_MTU:
            problems.add("dataplane_path_mtu", min(site.path_mtu, site.global_physnet_mtu),
                         f"must be at least {MIN_MTU + overhead(site, network)}, as {network.path} is of type "
                         f"{network.network_type}")
    if networks:
        _one_family(site.tunnel_hosts, problems)
    for port, host in _placed(site):
        if port.network.is_tunnel and host.has_datapath and not host.local_ip:
            problems.add(f"{host.path}.dataplane_local_ip", "(missing)",
                         "is required of a host with a port in a tunnel network")


def _one_family(hosts, problems):
    """A tunnel has two ends of one family, and the MTU of a network follows from it."""
    for host in hosts[1:]:
        if host.local_ip.version != hosts[0].local_ip.version:
            problems.add(f"{host.path}.dataplane_local_ip", host.local_ip,
                         f"must be an IPv{hosts[0].local_ip.version} address, as {hosts[0].path}.dataplane_local_ip is")


def _placed(site):
    """(port, host) of every port whose host the site states."""
    for router in site.routers:
        if router.binding_host:
            yield from ((port, router.binding_host) for port in router.ports)
    yield from ((port, port.host) for port in [*site.ports, *site.dhcp_ports] if port.host)
