# SPDX-License-Identifier: GPL-3.0-or-later
"""Port security in flows: an instance speaks for its own addresses only (reference 4.3, tables 24, 25). PRIVATE."""

from __future__ import annotations

from ipaddress import ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import instance_device


def anti_spoofing_flows(view, port):
    """The flows of an instance's port; none with port_security_enabled false.

    ARP and neighbour advertisements go through table 24, which knows the port's
    addresses, then (ARP) and everything else through table 25, which knows its MACs.
    """
    if not port.port_security_enabled:
        return []
    device = instance_device(port)
    macs, addresses = _allowed(view, port)
    found = [f"table=0,priority=9,in_port={device} actions=resubmit(,25)"]
    found += [f"table=25,priority=2,in_port={device},dl_src={mac} actions=resubmit(,30)" for mac in macs]
    arp = [address for address in addresses if address.version == 4]
    advertised = [address for address in addresses if address.version == 6]
    advertised += [ip_network(link_local(mac)) for mac in macs]
    if all(address.prefixlen for address in arp):  # a /0 allows every address
        found.append(f"table=0,priority=10,arp,in_port={device} actions=resubmit(,24)")
        found += [f"table=24,priority=2,arp,in_port={device},arp_spa={_shown(address)} actions=resubmit(,25)"
                  for address in arp]
    if all(address.prefixlen for address in advertised):
        found.append(f"table=0,priority=10,icmp6,in_port={device},icmp_type=136 actions=resubmit(,24)")
        found += [f"table=24,priority=2,icmp6,in_port={device},icmp_type=136,nd_target={_shown(address)} "
                  "actions=resubmit(,58)" for address in advertised]
    return found


def _allowed(view, port):
    """(MACs, networks) that the port may speak for, each once, in a stable order."""
    macs = [view.allocated.mac(port)]
    addresses = [ip_network(str(view.allocated.address(fixed))) for fixed in port.fixed_ips]
    for pair in port.allowed_address_pairs:
        addresses.append(ip_network(pair["ip_address"]))
        if "mac_address" in pair:
            macs.append(pair["mac_address"].lower())
    return list(dict.fromkeys(macs)), list(dict.fromkeys(addresses))


def link_local(mac):
    """The IPv6 link-local address that a kernel derives from a MAC (EUI-64)."""
    octets = [int(octet, 16) for octet in mac.split(":")]
    octets[0] ^= 2
    eui = [*octets[:3], 0xFF, 0xFE, *octets[3:]]
    return "fe80::" + ":".join(f"{eui[i] << 8 | eui[i + 1]:x}" for i in range(0, 8, 2))


def _shown(address):
    """A host address without its prefix length, as ovs-ofctl prints it."""
    return str(address.network_address) if address.prefixlen == address.max_prefixlen else str(address)
