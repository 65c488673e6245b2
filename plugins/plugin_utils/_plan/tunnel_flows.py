# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFlow of br-tun with full l2 population (reference 4.3). PRIVATE to the collection.

The model knows every port, so a frame leaves for the one host that has its
destination, and an ARP request is answered where it is asked.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_flows import is_part, tunnel_flows_of_parts
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import TUNNEL_BRIDGE, TUNNEL_PATCH_PEER
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.tunnels import tunnels

#: The table for what comes out of the tunnels of each network type.
FROM_TUNNEL = {"gre": 3, "vxlan": 4, "geneve": 6}

#: What allowed address pairs bring is in no model: it is learnt as it arrives
_LEARN = (
    "learn(table=20,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],"
    "load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:OXM_OF_IN_PORT[]),"
    f"output:{TUNNEL_PATCH_PEER}"
)

#: What the agent installs whatever the networks.
_SKELETON = (
    "table=0,priority=0 actions=drop",
    "table=2,priority=1,arp,dl_dst=ff:ff:ff:ff:ff:ff actions=resubmit(,21)",
    "table=2,priority=0,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,20)",  # unicast
    "table=2,priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,22)",
    *(f"table={table},priority=0 actions=drop" for table in FROM_TUNNEL.values()),
    f"table=10,priority=2,arp,arp_tha=ff:ff:ff:ff:ff:ff actions={_LEARN}",
    f"table=10,priority=2,icmp6,icmp_type=134 actions={_LEARN}",
    f"table=10,priority=2,icmp6,icmp_type=136 actions={_LEARN}",
    f"table=10,priority=1 actions={_LEARN}",
    "table=20,priority=0 actions=resubmit(,22)",
    "table=21,priority=0 actions=resubmit(,22)",
    "table=22,priority=0 actions=drop",
)


def tunnel_flows(view):
    """The item of br-tun in ovs_flow's `config`, in a list; none without a tunnel network."""
    if not view.tunnel_networks:
        return []
    ports = tunnels(view)
    first = 1 if view.is_distributed else 2
    found = [f"table=0,priority=1,in_port={TUNNEL_PATCH_PEER} actions=resubmit(,{first})", *_SKELETON]
    found += [f"table=0,priority=1,in_port={port} actions=resubmit(,{FROM_TUNNEL[kind]})"
              for (kind, _host), port in ports.items()]
    for network in view.tunnel_networks:
        found += _network(view, network, {host: ports[network.network_type, host] for host in view.peers(network)})
    return [{"bridge": TUNNEL_BRIDGE, "flows": found + tunnel_flows_of_parts(view)}]


def _network(view, network, tunnel_to):
    """The flows of one network. tunnel_to: {host name: port of br-tun}."""
    vlan, segment = view.local_vlan(network), view.allocated.segmentation_id(network)
    learn = 9 if view.is_distributed else 10
    into = f"strip_vlan,load:{segment:#x}->NXM_NX_TUN_ID[]"
    found = [f"table={FROM_TUNNEL[network.network_type]},priority=1,tun_id={segment:#x} "
             f"actions=mod_vlan_vid:{vlan},resubmit(,{learn})"]
    if tunnel_to:
        outputs = ",".join(f"output:{port}" for port in tunnel_to.values())
        found.append(f"table=22,priority=1,dl_vlan={vlan} actions={into},{outputs}")
    for host, tunnel in tunnel_to.items():
        for port in _at_home(view, network, host):
            mac = view.allocated.mac(port)
            found.append(f"table=20,priority=2,dl_vlan={vlan},dl_dst={mac} actions={into},output:{tunnel}")
            found += [_answer(vlan, address, mac) for address in view.ipv4_addresses(port)]
    for port in _at_home(view, network, view.host.name):
        found += _stay(vlan, view.allocated.mac(port), view.ipv4_addresses(port))
    return found


def _at_home(view, network, host):
    """The ports of a network that are on one host alone."""
    return [port for port in view.presence.by_network[network][host] if not is_part(port)]


def _answer(vlan, address, mac):
    """Turn an ARP request into its reply."""
    return (
        f"table=21,priority=1,arp,dl_vlan={vlan},arp_tpa={address} "
        "actions=load:0x2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],"
        f"move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],load:0x{mac.replace(':', '')}->NXM_NX_ARP_SHA[],"
        f"load:{int(address):#x}->NXM_OF_ARP_SPA[],move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:{mac},IN_PORT"
    )


def _stay(vlan, mac, addresses):
    """What is for a port of this host must not leave; br-int floods it until it has heard the port.

    Except what the port says about itself: announcements (sender is target) and
    probes for a duplicate (sender 0.0.0.0).
    """
    found = [f"table=20,priority=2,dl_vlan={vlan},dl_dst={mac} actions=drop"]
    for address in addresses:
        about = f"arp,dl_vlan={vlan},arp_tpa={address}"
        found += [
            f"table=21,priority=1,{about},arp_op=1 actions=drop",
            f"table=21,priority=2,{about},arp_spa={address} actions=resubmit(,22)",
            f"table=21,priority=2,{about},arp_spa=0.0.0.0,dl_src={mac} actions=resubmit(,22)",
        ]
    return found
