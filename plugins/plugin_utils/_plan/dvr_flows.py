# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFlow of distributed routing on br-tun and physical bridges (reference 4.4). PRIVATE to the collection.

A distributed router's interface has one MAC on all hosts. So what it sends to another host leaves with the MAC of the
sending host, and gets the interface's back before it is handed to its destination (dvr_integration_flows); what is
sent to it never leaves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import TUNNEL_PATCH_PEER
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import DISTRIBUTED_INTERFACE_OWNER


class Interface(NamedTuple):
    """An interface of a distributed router on this host. vlan: its network's tag in br-int. addresses: IPv4."""

    port: Any
    mac: str
    vlan: int
    addresses: list


def is_part(port):
    """Whether a port is on all hosts that need it: no host is where it is."""
    return port.device_owner == DISTRIBUTED_INTERFACE_OWNER


def interfaces(view):
    """The Interfaces on this host."""
    return [
        Interface(port, view.allocated.mac(port), view.local_vlan(port.network), view.ipv4_addresses(port))
        for router in view.parts for port in router.interfaces
    ]


def tunnel_flows_of_parts(view):
    """The flows that br-tun has besides the others."""
    if not view.is_distributed:
        return []
    own = view.allocated.dvr_mac(view.host)
    found = ["table=1,priority=0 actions=resubmit(,2)", "table=9,priority=0 actions=resubmit(,10)"]
    found += [f"table=9,priority=1,dl_src={mac} actions=output:{TUNNEL_PATCH_PEER}" for mac in view.other_dvr_macs]
    here = [each for each in interfaces(view) if each.port.network.is_tunnel]
    for each in here:
        found += _outward(each, own)
        found += [f"table=22,priority=3,arp,dl_vlan={each.vlan},arp_tpa={address} actions=drop"
                  for address in each.addresses]
    # Table 1 has given router advertisements the host's MAC by now
    return found + [f"table=22,priority=3,icmp6,dl_vlan={vlan},icmp_type=134,dl_src={own} actions=drop"
                    for vlan in dict.fromkeys(each.vlan for each in here if _advertises(each))]


def _outward(each, own):
    return [
        f"table=1,priority=2,dl_vlan={each.vlan},dl_dst={each.mac} actions=drop",
        f"table=1,priority=1,dl_vlan={each.vlan},dl_src={each.mac} actions=mod_dl_src:{own},resubmit(,2)",
    ]


def _advertises(each):
    return any(fixed.subnet.version == 6 for fixed in each.port.fixed_ips)


def physical_flows_of_parts(view, patch, networks):
    """The flows that a physical bridge has besides the translation of VLANs, which is in table 2 then.

    networks: those that are on it.
    """
    own = view.allocated.dvr_mac(view.host)
    found = [
        "table=0,priority=1 actions=resubmit(,3)",
        f"table=0,priority=2,in_port={patch} actions=resubmit(,1)",
        "table=1,priority=0 actions=resubmit(,2)",
        "table=3,priority=1 actions=NORMAL",
    ]
    found += [f"table=3,priority=2,dl_src={mac} actions=output:{patch}" for mac in view.other_dvr_macs]
    for each in interfaces(view):
        if each.port.network in networks:
            found += _outward(each, own)
            found += [f"table=1,priority=3,arp,dl_vlan={each.vlan},arp_tpa={address} actions=drop"
                      for address in each.addresses]
            if _advertises(each):
                about = f"icmp6,dl_vlan={each.vlan},icmp_type=134,dl_src={each.mac}"
                found.append(f"table=1,priority=3,{about} actions=drop")
    return found
