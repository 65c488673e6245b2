# SPDX-License-Identifier: GPL-3.0-or-later
"""Router advertisements (reference 5.4). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.mtu import network_mtu
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import interface_device, router_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_networks import IPV6_MIN_MTU

PROGRAM = "/usr/sbin/radvd"
_DIRECTORY = "/var/lib/neutron/ra"
_MAX_NAME_SERVERS = 3


def radvd_services(view, router):
    """The router's item of netns_service's `config`, if it has somebody to advertise itself to."""
    stanzas = [_stanza(view, port) for port in router.interfaces if _advertised(port)]
    if not stanzas:
        return []
    config, pid_file = f"{_DIRECTORY}/{router.id}.radvd.conf", f"{_DIRECTORY}/{router.id}.radvd.pid"
    return [{
        "name": f"radvd-{router.id}",
        "namespace": router_namespace(router),
        "description": f"Router advertisements of router {router.name}",
        "command": [PROGRAM, "-n", "-C", config, "-p", pid_file, "-m", "stderr_clean", "-u", "radvd"],
        "reload_signal": "HUP",
        "files": [
            # radvd refuses to read what somebody else could write
            {"path": config, "content": "\n".join(stanzas), "mode": "0444", "change": "reload"},
            {"path": pid_file, "content": "", "create_only": True},
        ],
    }]


def _advertised(port):
    return [fixed.subnet for fixed in port.fixed_ips if fixed.subnet.ipv6_ra_mode]


def _stanza(view, port):
    subnets = _advertised(port)
    modes, mtu = {subnet.ipv6_ra_mode for subnet in subnets}, network_mtu(view.site, port.network)
    lines = ["AdvSendAdvert on;", "MinRtrAdvInterval 30;", "MaxRtrAdvInterval 100;"]
    lines += [f"AdvLinkMTU {mtu};"] if mtu >= IPV6_MIN_MTU else []
    lines += ["AdvOtherConfigFlag on;"] if "dhcpv6-stateless" in modes else []
    lines += ["AdvManagedFlag on;"] if "dhcpv6-stateful" in modes else []
    servers = [str(server) for subnet in subnets if subnet.ipv6_ra_mode == "slaac"
               for server in subnet.dns_nameservers if not server.is_unspecified]
    lines += [f"RDNSS {' '.join(servers[:_MAX_NAME_SERVERS])} {{}};"] if servers else []
    for subnet in subnets:
        autonomous = "off" if subnet.ipv6_ra_mode == "dhcpv6-stateful" else "on"
        lines += [f"prefix {subnet.cidr}", "{", "   AdvOnLink on;", f"   AdvAutonomous {autonomous};", "};"]
    lines.append("route fe80::a9fe:a9fe/128 {};")  # where IPv6 metadata are asked for
    return f"interface {interface_device(port)}\n{{\n" + "".join(f"   {line}\n" for line in lines) + "};\n"
