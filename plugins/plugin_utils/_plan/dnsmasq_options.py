# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnsmasq tells its clients besides their address (reference 5.3). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dhcp import METADATA_IPV4, leads_to_metadata
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.dhcp_options import is_client_id, split

_EVERYWHERE = "0.0.0.0/0"
_MICROSOFT_ROUTES = "249"  # what Windows took for option 121 before it knew that one


def subnet_options(view, network):
    """Lines of the options file for all clients of each served subnet."""
    found = []
    for subnet in network.dhcp_subnets:
        if subnet.ipv6_address_mode == "slaac":
            continue
        tag = f"tag:subnet-{subnet.id}"
        found += _name_servers(view, subnet, tag)
        if subnet.version == 4:
            found += _routes(view, subnet, tag)
        elif view.site.dns_domain:
            found.append(_line(6, tag, "domain-search", view.site.dns_domain))
    return found


def port_options(port):
    """Lines of the options file for one port; its client identifier stands in the host file."""
    found = []
    for option in port.extra_dhcp_opts:
        if not is_client_id(option.name):
            tags, name = split(option.name)
            found.append(_line(option.version, f"tag:port-{port.id},{tags}".rstrip(","), name, option.value))
    return found


def _line(version, tag, name, value=""):
    """dnsmasq takes a bare number for an option of DHCPv4."""
    if version == 6:
        name = f"option6:{name}"
    elif not name.isdecimal():
        name = f"option:{name}"
    return f"{tag},{name},{value}" if value else f"{tag},{name}"


def _name_servers(view, subnet, tag):
    """The subnet's own; 0.0.0.0 or :: alone means none. Without any, all servers of the network when there are several.

    A single server names itself, and needs not be told to.
    """
    servers = subnet.dns_nameservers
    if len(servers) == 1 and servers[0].is_unspecified:
        return [_line(subnet.version, tag, "dns-server")]
    if not servers:
        servers = [view.allocated.address(fixed) for port in view.dhcp_servers(subnet.network)
                   for fixed in port.fixed_ips if fixed.subnet is subnet]
        servers = servers if len(servers) > 1 else []
    shown = ",".join(f"[{server}]" if subnet.version == 6 else str(server) for server in servers)
    return [_line(subnet.version, tag, "dns-server", shown)] if shown else []


def _routes(view, subnet, tag):
    """The router, and options 121 and 249; a client that reads those ignores the router, so they hold it, too."""
    gateway = subnet.gateway_ip
    routes = []
    for route in subnet.host_routes:
        if str(route.destination) != _EVERYWHERE:
            routes.append(f"{route.destination},{route.nexthop}")
        else:
            gateway = gateway or route.nexthop
    metadata = _metadata_gateway(view, subnet, gateway)
    routes += [f"{METADATA_IPV4},{metadata}"] if metadata else []
    neighbours = [other for other in subnet.network.subnets if other.version == 4 and other is not subnet]
    routes = [f"{other.cidr},0.0.0.0" for other in reversed(neighbours)] + routes
    if routes and gateway:
        routes.append(f"{_EVERYWHERE},{gateway}")
    found = [_line(4, tag, name, ",".join(routes)) for name in ("classless-static-route", _MICROSOFT_ROUTES) if routes]
    return [*found, _line(4, tag, "router", str(gateway or ""))]


def _metadata_gateway(view, subnet, gateway):
    """Who leads instances of a subnet to their metadata: their server, or their router; None: nobody."""
    if leads_to_metadata(view, subnet):
        return next(view.allocated.address(fixed) for port in view.dhcp_ports if port.network is subnet.network
                    for fixed in port.fixed_ips if fixed.subnet is subnet)
    return gateway if subnet in view.allocated.gateway_routers else None
