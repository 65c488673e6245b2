# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnsmasq reads: who has which address and name, and what they are told (reference 5.3). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dnsmasq_options import (
    port_options,
    subnet_options,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.dhcp_options import is_client_id
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import DHCP_OWNER


def contents(view, network):
    """{file name: text} of what dnsmasq reads when it starts, and again when it gets SIGHUP."""
    ports = ports_of(view, network)
    return {
        "host": _text(line for port in ports for line in _hosts(view, port)),
        "addn_hosts": _text(_named(view, fixed) for port in ports for fixed in port.fixed_ips),
        "opts": _text(subnet_options(view, network) + [line for port in ports for line in port_options(port)]),
    }


def leases(view, network):
    """What dnsmasq starts from: the addresses that instances may have got from another server, without end."""
    return _text(
        f"0 {view.allocated.mac(port)} {view.allocated.address(fixed)} * *"
        for port in ports_of(view, network) for fixed in port.fixed_ips
        if fixed.subnet.version == 4 and fixed.subnet.enable_dhcp
    )


def ports_of(view, network):
    """The ports of a network that its servers know: all but their own."""
    found = dict.fromkeys(port for ports in view.presence.by_network[network].values() for port in ports)
    return [port for port in found if port.device_owner != DHCP_OWNER]


def _hosts(view, port):
    """The lines of a port in the host file: one for each served address.

    Options alone (dhcpv6-stateless) come first: dnsmasq reads the file from its end,
    and would take such a line for an answer to a request for an IPv4 address.
    """
    tag = f"set:port-{port.id}"
    for fixed in sorted(port.fixed_ips, key=lambda fixed: fixed.subnet.ipv6_address_mode != "dhcpv6-stateless"):
        subnet, address = fixed.subnet, view.allocated.address(fixed)
        family = ["tag:dhcpv6"] if subnet.version == 6 else []
        mac = view.allocated.mac(port)
        if subnet.ipv6_address_mode in ("slaac", "dhcpv6-stateless"):
            if port.extra_dhcp_opts and subnet.ipv6_address_mode == "dhcpv6-stateless":
                yield ",".join([mac, *family, tag])
        elif subnet.enable_dhcp:
            client_ids = [f"id:{option.value}" for option in port.extra_dhcp_opts if is_client_id(option.name)]
            others = len(port.extra_dhcp_opts) > len(client_ids)
            shown = f"[{address}]" if subnet.version == 6 else str(address)
            yield ",".join([mac, *family, *client_ids, _fqdn(view.site, address), shown, *([tag] if others else [])])


def _named(view, fixed):
    """The whole name first, because that is what an address is resolved to."""
    address = view.allocated.address(fixed)
    return f"{address}\t{_fqdn(view.site, address)} {_host_name(address)}"


def _fqdn(site, address):
    return f"{_host_name(address)}.{site.dns_domain}" if site.dns_domain else _host_name(address)


def _host_name(address):
    return "host-" + str(address).replace(".", "-").replace(":", "-")


def _text(lines):
    return "".join(f"{line}\n" for line in lines)
