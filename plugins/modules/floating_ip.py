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
  - A floating IP as one object, as Neutron's L3 agent makes it on a centralised router. The address on the router's
    external device, the destination NAT of what comes in to it, the source NAT of what the fixed address sends out,
    and a gratuitous ARP when it appears.
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
          - The router's external device, which gets the address.
          - Required with O(state=present).
        type: str
      prefix_length:
        description: Prefix length of the address on the device. Neutron uses V(32).
        type: int
        default: 32
      random_fully:
        description: Whether source ports are chosen at random (C(--random-fully)), as Neutron does since Train.
        type: bool
        default: true
      chain_prefix:
        description:
          - The chains are this name with C(-OUTPUT), C(-PREROUTING) and C(-float-snat) behind it, in table V(nat).
            M(cloudnet.dataplane.nat_rules) makes them.
        type: str
        default: neutron-l3-agent
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
      description: Its address and rules before; null where there were none.
      type: list
      elements: str
    after:
      description: Its address and rules after; null where there are none.
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
engine_seconds:
  description: Time spent reading, comparing and writing.
  returned: success
  type: float
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating.backend import FloatingIps
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run

OPTIONS = {
    "namespace": {"type": "str", "required": True},
    "floating_ip_address": {"type": "str", "required": True},
    "fixed_ip_address": {"type": "str"},
    "device": {"type": "str"},
    "prefix_length": {"type": "int", "default": 32},
    "random_fully": {"type": "bool", "default": True},
    "chain_prefix": {"type": "str", "default": "neutron-l3-agent"},
}


def main():
    """Converge."""
    run(OPTIONS, FloatingIps)


if __name__ == "__main__":
    main()
