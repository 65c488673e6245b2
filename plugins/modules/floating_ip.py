#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.floating_ip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: floating_ip
short_description: Manage floating IPs of routers
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - A floating IP as one object, as Neutron's L3 agent makes it. On a centralised router it is the address on the
    router's external device, the destination NAT of what comes in to it, the source NAT of what the fixed address
    sends out, and a gratuitous ARP when it appears.
  - On a distributed router no device has the address. A route in the namespace of the external network leads to the
    router, proxy ARP answers for it outside, and a policy rule leads what the fixed address sends the same way back.
    See O(config[].distributed).
  - When a floating IP goes, or gets another fixed address, the connections through it end; its conntrack entries are
    deleted. All other connections, and the packet counters of all other rules, stay.
  - Rules are added at the end of their chains in the order of O(config); the order of rules that are there is left
    alone.
  - All floating IPs of a host are one call. What differs is written with one C(iptables-restore) per namespace.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative
options:
  config:
    description:
      - One item per floating IP. O(config[].namespace) and O(config[].floating_ip_address) identify it.
      - With O(purge=true) every other floating IP goes, in all namespaces with the mark of O(owner) (see
        M(cloudnet.dataplane.netns)). Floating IPs are recognised by the exact form of their rules, and by addresses
        with prefix length 32 that are their own broadcast address, in namespaces that have the chains.
      - What a distributed router's floating IPs left is recognised, too. Policy rules in their form, and host routes
        over a device C(fpr-X) whose other end C(rfp-X) is the router's.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: The router's network namespace.
        type: str
        required: true
      floating_ip_address:
        description: The floating IP, an IPv4 address.
        type: str
        required: true
      fixed_ip_address:
        description:
          - The instance's IPv4 address. In one namespace it has one floating IP.
          - Required with O(state=present).
        type: str
      device:
        description:
          - The router's external device, which gets the address. Of a distributed router its end of the pair that
            leads to the namespace of the external network (C(rfp-)), through which the floating IP is reached.
          - Required with O(state=present).
        type: str
      prefix_length:
        description:
          - Prefix length of the address on the device. Neutron uses V(32).
          - A distributed router's floating IP has no address.
        type: int
        default: 32
      random_fully:
        description: Whether source ports are chosen at random (C(--random-fully)), as Neutron does since Train.
        type: bool
        default: true
      chain_prefix:
        description:
          - The chains are this name with C(-OUTPUT), C(-PREROUTING) and C(-float-snat) behind it, in table V(nat).
            M(cloudnet.dataplane.nat_rules) makes them. A distributed router needs no C(-OUTPUT).
        type: str
        default: neutron-l3-agent
      distributed:
        description:
          - Makes this the floating IP of a distributed router, on the host of the instance.
          - The namespaces, the pair between them and the default route of table 16 are made by
            M(cloudnet.dataplane.netns).
        type: dict
        suboptions:
          fip_namespace:
            description:
              - Namespace of the external network on this host.
              - With O(state=absent) the route is removed when this is given.
            type: str
            required: true
          fip_device:
            description:
              - Device of that namespace that leads to the router (C(fpr-)).
              - Required with O(state=present), like all that follow.
            type: str
          gateway_device:
            description:
              - Device of that namespace on the external network (C(fg-)). Proxy ARP is switched on for it, and stays
                on when the floating IP goes.
            type: str
          router_address:
            description: Address of O(config[].device), the gateway of the route to the floating IP.
            type: str
          rule_priority:
            description:
              - Priority of the policy rule C(from FIXED lookup 16), 32768 to 72767. In one namespace each floating IP
                has its own.
            type: int
seealso:
  - module: cloudnet.dataplane.floating_ip_info
  - module: cloudnet.dataplane.nat_rules
  - module: cloudnet.dataplane.netns
"""

EXAMPLES = r"""
- name: A port on the external bridge
  cloudnet.dataplane.ovs_port:
    config:
      - name: qg-26a3b1ce-7d
        bridge: br-ex
        type: internal
        namespace: qrouter-fip-example

- name: A router with that port
  cloudnet.dataplane.netns:
    config:
      - name: qrouter-fip-example
        links:
          - name: qg-26a3b1ce-7d
            plug: internal
            addresses: [203.0.113.10/24]

- name: The chains that floating IPs live in
  cloudnet.dataplane.nat_rules:
    config:
      - namespace: qrouter-fip-example
        keep_floating_ips: true
        tables:
          nat:
            PREROUTING: ["-j neutron-l3-agent-PREROUTING"]
            OUTPUT: ["-j neutron-l3-agent-OUTPUT"]
            POSTROUTING: ["-j neutron-l3-agent-float-snat"]
            neutron-l3-agent-PREROUTING: []
            neutron-l3-agent-OUTPUT: []
            neutron-l3-agent-float-snat: []

- name: Two floating IPs
  cloudnet.dataplane.floating_ip:
    config:
      - namespace: qrouter-fip-example
        floating_ip_address: 203.0.113.101
        fixed_ip_address: 192.168.1.3
        device: qg-26a3b1ce-7d
      - namespace: qrouter-fip-example
        floating_ip_address: 203.0.113.102
        fixed_ip_address: 192.168.1.4
        device: qg-26a3b1ce-7d

- name: A distributed router's namespaces on an instance's host
  cloudnet.dataplane.netns:
    config:
      - name: qrouter-dvr-example
        sysctls: {net.ipv4.ip_forward: 1}
        links:
          - name: rfp-635660ae-a
            plug: veth
            peer: fpr-635660ae-a
            peer_namespace: fip-example
            addresses: [169.254.88.134/31]
        routes:
          - {destination: 0.0.0.0/0, gateway: 169.254.88.135, device: rfp-635660ae-a, table: 16}
      - name: fip-example
        sysctls: {net.ipv4.ip_forward: 1}
        links:
          - name: fpr-635660ae-a
            plug: veth
            peer: rfp-635660ae-a
            peer_namespace: qrouter-dvr-example
            addresses: [169.254.88.135/31]
          - {name: fg-39a7cd93-e8, plug: veth, peer: tap39a7cd93-e8, addresses: [203.0.113.103/24]}

- name: Its chains
  cloudnet.dataplane.nat_rules:
    config:
      - namespace: qrouter-dvr-example
        keep_floating_ips: true
        tables:
          nat:
            PREROUTING: ["-j neutron-l3-agent-PREROUTING"]
            POSTROUTING: ["-j neutron-l3-agent-float-snat"]
            neutron-l3-agent-PREROUTING: []
            neutron-l3-agent-float-snat: []

- name: A floating IP of the distributed router
  cloudnet.dataplane.floating_ip:
    config:
      - namespace: qrouter-dvr-example
        floating_ip_address: 203.0.113.104
        fixed_ip_address: 192.168.1.5
        device: rfp-635660ae-a
        distributed:
          fip_namespace: fip-example
          fip_device: fpr-635660ae-a
          gateway_device: fg-39a7cd93-e8
          router_address: 169.254.88.134
          rule_priority: 33768

- name: One of them goes, with its connections
  cloudnet.dataplane.floating_ip:
    state: absent
    config:
      - namespace: qrouter-fip-example
        floating_ip_address: 203.0.113.102
"""

RETURN = r"""
changed:
  description: Whether a floating IP changed, or would change in check mode.
  returned: always
  type: bool
changes:
  description: What changed, or would change in check mode, one entry per floating IP.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: The floating IP and its namespace.
      type: str
      sample: floating IP 203.0.113.101 in namespace qrouter-fip-example
    before:
      description: Its address or routing and its rules before; null where there were none.
      type: list
      elements: str
    after:
      description: Its address or routing and its rules after; null where there are none.
      type: list
      elements: str
    disruption:
      description: V(conntrack) where connections through the floating IP end, V(none) otherwise.
      type: str
disruption:
  description: The worst disruption of all changes.
  returned: success
  type: str
  sample: none
announced:
  description:
    - Floating IPs that were announced. M(cloudnet.dataplane.announce) announces them once more, when the host
      that they may come from has given them up.
  returned: when something changed, not in check mode
  type: list
  elements: dict
  contains:
    namespace:
      description: The network namespace.
      type: str
    device:
      description: The device.
      type: str
    address:
      description: The IPv4 address.
      type: str
engine_seconds:
  description: Time spent reading, comparing and writing.
  returned: success
  type: float
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating.backend import FloatingIps
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run

DISTRIBUTED = {
    "fip_namespace": {"type": "str", "required": True},
    "fip_device": {"type": "str"},
    "gateway_device": {"type": "str"},
    "router_address": {"type": "str"},
    "rule_priority": {"type": "int"},
}
OPTIONS = {
    "namespace": {"type": "str", "required": True},
    "floating_ip_address": {"type": "str", "required": True},
    "fixed_ip_address": {"type": "str"},
    "device": {"type": "str"},
    "prefix_length": {"type": "int", "default": 32},
    "random_fully": {"type": "bool", "default": True},
    "chain_prefix": {"type": "str", "default": "neutron-l3-agent"},
    "distributed": {"type": "dict", "options": DISTRIBUTED},
}


def main():
    """Converge."""
    run(OPTIONS, FloatingIps)


if __name__ == "__main__":
    main()
