#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.security_group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: security_group
short_description: Manage security groups of instances on a host
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Filters the ports of instances on a host as Neutron's C(iptables_hybrid) driver does. An instance's device is
    plugged into a Linux bridge of its own, C(qbr...), from which a veth pair, C(qvb...) and C(qvo...), leads to
    C(br-int); what passes that bridge meets the chains C(neutron-openvswi-...) of the host's own network.
  - "Beside the rules of its groups a port gets those that Neutron gives to every port: it may send from its own
    addresses only, it may not be a DHCP server or an IPv6 router, it may ask for its address, and what belongs to a
    connection that is known passes. Connections of each port are tracked in a zone of their own."
  - Members of remote groups are held in ipsets, so that rules do not change when members do.
  - Only the difference is written; rules that stay keep their packet counters. Links that are new come last and links
    that go, go first, so an instance is never reachable unfiltered.
  - When rules, members or groups go, those connections of the port end that are allowed no more, and no others.
  - In the host's own network a chain C(cloudnet-dataplane) in each table, and a list of sets C(cloudnet-dataplane),
    tell whose chains and ipsets these are.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative
options:
  packed:
    description:
      - O(config), or a mapping of O(config) and O(ports), as base64 of zlib of JSON, for lists too long to travel as
        arguments. The roles of this collection hand plans over in this form.
    type: str
  config:
    description:
      - The security groups that O(ports) and rules name.
    type: list
    elements: dict
    suboptions:
      id:
        description: The group's UUID.
        type: str
        required: true
      rules:
        description: What members may receive and send. Everything else is dropped.
        type: list
        elements: dict
        default: []
        suboptions:
          direction:
            description: V(ingress) to the instance, V(egress) from it.
            type: str
            choices: [ingress, egress]
            required: true
          ethertype:
            description: The family that the rule is about.
            type: str
            choices: [IPv4, IPv6]
            default: IPv4
          protocol:
            description: A name that the Networking API knows, or a number. Every protocol when omitted.
            type: str
          port_range_min:
            description: The first port; of ICMP the type.
            type: int
          port_range_max:
            description: The last port; of ICMP the code.
            type: int
          remote_ip_prefix:
            description: Whom the instance may hear or speak to. Everybody when omitted.
            type: str
          remote_group_id:
            description: The same, as the id of a group in O(config) that has O(config[].addresses).
            type: str
      addresses:
        description:
          - Addresses and prefixes of all its members, wherever they are. Required of a group that a rule names as
            remote.
        type: list
        elements: str
  ports:
    description:
      - The instances' ports on this host. With O(purge=true) others that carry our mark go.
    type: list
    elements: dict
    default: []
    suboptions:
      port_id:
        description: The port's UUID, of which all names are made.
        type: str
        required: true
      mac_address:
        description: The port's MAC address. Required with port security.
        type: str
      fixed_ips:
        description: The port's addresses. Without any it may send from every address with its MAC.
        type: list
        elements: str
        default: []
      allowed_address_pairs:
        description: What else the instance may send from.
        type: list
        elements: dict
        default: []
        suboptions:
          ip_address:
            description: An address or a prefix.
            type: str
            required: true
          mac_address:
            description: With this MAC address. That of the port when omitted.
            type: str
      port_security_enabled:
        description: Whether the port is filtered at all.
        type: bool
        default: true
      stateful:
        description:
          - With V(false) connections are not tracked, and answers need rules of their own.
        type: bool
        default: true
      security_groups:
        description: Ids of groups in O(config). Without any nothing is allowed but what every port may.
        type: list
        elements: str
        default: []
      zone:
        description: The conntrack zone of the port, its own on this host. Required with port security when stateful.
        type: int
      mtu:
        description: MTU of the port's network in bytes. Required with O(ports[].plug=true).
        type: int
      ra_sources:
        description: IPv6 addresses of the routers that may send router advertisements to the instance.
        type: list
        elements: str
        default: []
      plug:
        description: Make the port's bridge and veth pair, and put the instance's device into that bridge.
        type: bool
        default: true
      tap:
        description:
          - Whether the instance's device, C(tap...), must be there. Without it the device is put into the bridge if it
            is there, or comes with its hypervisor.
        type: bool
        default: false
notes:
  - Needs the Debian packages iptables and ipset, and the kernel module br_netfilter.
  - Settings C(net.bridge.bridge-nf-call-*) that keep bridged packets from the rules are corrected.
seealso:
  - module: cloudnet.dataplane.security_group_info
  - module: cloudnet.dataplane.ovs_port
  - module: cloudnet.dataplane.nat_rules
"""

EXAMPLES = r"""
- name: SSH from everywhere, everything from the own group
  cloudnet.dataplane.security_group:
    config:
      - id: 5a9f2c1e-1111-2222-3333-444444444444
        addresses: [10.0.0.3, 10.0.0.4]
        rules:
          - {direction: egress}
          - {direction: ingress, protocol: tcp, port_range_min: 22, port_range_max: 22}
          - {direction: ingress, remote_group_id: 5a9f2c1e-1111-2222-3333-444444444444}
    ports:
      - port_id: 7c7ae61e-05aa-4e3c-9f42-0f1f2c3d4e5f
        mac_address: fa:16:3e:00:00:03
        fixed_ips: [10.0.0.3]
        security_groups: [5a9f2c1e-1111-2222-3333-444444444444]
        zone: 4097
        mtu: 1450

- name: The other end of the port's bridge in br-int
  cloudnet.dataplane.ovs_port:
    config:
      - name: qvo7c7ae61e-05
        bridge: br-int
        tag: 1

- name: A router in an instance, without port security; others go
  cloudnet.dataplane.security_group:
    purge: true
    config: []
    ports:
      - port_id: 0b7de2c4-9a51-4c27-8ffe-6f1f2c3d4e5f
        port_security_enabled: false
        mtu: 1450

- name: Its port goes
  cloudnet.dataplane.security_group:
    state: absent
    config: []
    ports:
      - port_id: 0b7de2c4-9a51-4c27-8ffe-6f1f2c3d4e5f
"""

RETURN = r"""
changed:
  description: Whether something changed, or would change in check mode.
  returned: always
  type: bool
changes:
  description: What changed, or would change in check mode, in the order of application.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: An ipset, the rules of a port in one family, the chains that ports share, a link or a sysctl.
      type: str
      sample: iptables rules of tap7c7ae61e-05
    before:
      description: What was there. Of rules those chains that change, as C(TABLE CHAIN), with the port's rules in them.
      type: raw
    after:
      description: What is there now, in the same form.
      type: raw
    disruption:
      description: What the change costs running traffic. V(conntrack) when connections end that are allowed no more.
      type: str
disruption:
  description: The worst disruption of all changes.
  returned: success
  type: str
  sample: conntrack
engine_seconds:
  description: Time spent reading, comparing and writing.
  returned: success
  type: float
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.backend import SecurityGroups

RULE = {
    "direction": {"type": "str", "choices": ["ingress", "egress"], "required": True},
    "ethertype": {"type": "str", "choices": ["IPv4", "IPv6"], "default": "IPv4"},
    "protocol": {"type": "str"},
    "port_range_min": {"type": "int"},
    "port_range_max": {"type": "int"},
    "remote_ip_prefix": {"type": "str"},
    "remote_group_id": {"type": "str"},
}
OPTIONS = {
    "id": {"type": "str", "required": True},
    "rules": {"type": "list", "elements": "dict", "options": RULE, "default": []},
    "addresses": {"type": "list", "elements": "str"},
}
PAIR = {"ip_address": {"type": "str", "required": True}, "mac_address": {"type": "str"}}
PORT = {
    "port_id": {"type": "str", "required": True},
    "mac_address": {"type": "str"},
    "fixed_ips": {"type": "list", "elements": "str", "default": []},
    "allowed_address_pairs": {"type": "list", "elements": "dict", "options": PAIR, "default": []},
    "port_security_enabled": {"type": "bool", "default": True},
    "stateful": {"type": "bool", "default": True},
    "security_groups": {"type": "list", "elements": "str", "default": []},
    "zone": {"type": "int"},
    "mtu": {"type": "int"},
    "ra_sources": {"type": "list", "elements": "str", "default": []},
    "plug": {"type": "bool", "default": True},
    "tap": {"type": "bool", "default": False},
}


def main():
    """Converge."""
    run(OPTIONS, SecurityGroups, ports={"type": "list", "elements": "dict", "options": PORT, "default": []})


if __name__ == "__main__":
    main()
