#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.netns."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netns
short_description: Network namespaces and all that is inside
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Makes network namespaces as C(ip netns) knows them, with their links, addresses, routes in any table, policy rules,
    permanent neighbours and kernel settings. Any number of namespaces is one task.
  - An item describes its namespace wholly. An option that is left out has its default.
    What is in the namespace but not listed stays, unless O(purge) is set.
  - A namespace is ours when the alias of its C(lo) says so. Every link that is made carries the same mark.
  - Link-local addresses, and addresses and routes that the kernel makes or learns from router advertisements,
    are never touched.
  - New IPv4 addresses are announced by gratuitous ARP, once. The connections of removed ones are forgotten
    by connection tracking.
options:
  config:
    description: The namespaces.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the namespace under C(/run/netns), which identifies the item.
        type: str
        required: true
      sysctls:
        description:
          - Kernel settings inside the namespace, for example V(net.ipv4.ip_forward). Only listed keys are compared.
          - A key that names a device is set after the link exists, and before it gets addresses.
        type: dict
        default: {}
      links:
        description: The links.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name inside the namespace. At most 15 characters, without dots.
            type: str
            required: true
          plug:
            description:
              - With V(veth) a pair is made, one end in the namespace and O(config[].links[].peer) on the host,
                or in O(config[].links[].peer_namespace).
              - With V(internal) the Open vSwitch internal port of this name is moved in from the host.
                M(cloudnet.dataplane.ovs_port) makes it. When the link goes, it is moved back.
            type: str
            choices: [veth, internal]
            required: true
          peer:
            description:
              - Name of the other end. Required for a veth.
              - On the host it is up. In another namespace it is a link of its own.
              - On the host it is for Open vSwitch alone. The host's own IP stack is deaf there, with C(disable_ipv6=1),
                C(arp_ignore=8) and C(rp_filter=1), since the userspace datapath leaves it a copy of every frame.
            type: str
          peer_namespace:
            description:
              - Namespace of the other end, by default that of the host.
              - The other namespace is an item of the same call, and this link's peer a link there that names
                this one as its O(config[].links[].peer) and this namespace as its
                O(config[].links[].peer_namespace). Both ends are made at once.
            type: str
          mac_address:
            description: MAC address inside. Left as it is when omitted.
            type: str
          mtu:
            description: MTU, in bytes.
            type: int
            default: 1500
          peer_mtu:
            description: MTU of a peer on the host. By default that of O(config[].links[].mtu).
            type: int
          keep_mtu:
            description:
              - Whether O(config[].links[].mtu) is only what a new link starts with. A DHCP client inside the namespace
                sets another one, which is left alone.
            type: bool
            default: false
          tx_checksumming:
            description:
              - Whether the kernel leaves checksums to the device (C(ethtool -K DEVICE tx)). Left as it is when omitted.
              - Must be V(false) on Open vSwitch's userspace datapath, which fills in no checksums.
            type: bool
          addresses:
            description:
              - IPv4 and IPv6 addresses with prefix length. The broadcast address of an IPv4 address is its network's,
                of a /32 the address itself, of a /31 none.
            type: list
            elements: str
            default: []
      routes:
        description: The routes. Destination, table and metric identify a route.
        type: list
        elements: dict
        default: []
        suboptions:
          destination:
            description: Network with prefix length. V(0.0.0.0/0) and V(::/0) are the default routes.
            type: str
            required: true
          gateway:
            description: Address of the next hop.
            type: str
          device:
            description: Link to the next hop. May be omitted when there is a gateway; the kernel finds it then.
            type: str
          nexthops:
            description: Several next hops that share the traffic, instead of one gateway and device.
            type: list
            elements: dict
            suboptions:
              gateway:
                description: Address of the next hop.
                type: str
              device:
                description: Link to the next hop.
                type: str
          table:
            description: Number of the routing table, 1 to 4294967295. 254 is the main one.
            type: int
            default: 254
          protocol:
            description: Routes of other protocols belong to whoever made them; O(purge) does not remove them.
            type: str
            choices: [static]
            default: static
          scope:
            description: Scope of an IPv4 route. By default V(global) with a gateway and V(link) without.
            type: str
            choices: [global, link, host]
          metric:
            description: Metric. Lower is preferred. In IPv6 0 means 1024.
            type: int
            default: 0
          source:
            description: Preferred source address of what the namespace itself sends.
            type: str
      rules:
        description: Policy routing rules. The kernel's own (priorities 0, 32766 and 32767) are not listed and stay.
        type: list
        elements: dict
        default: []
        suboptions:
          priority:
            description: Priority, 1 to 4294967295. Lower comes first.
            type: int
            required: true
          family:
            description: By default that of O(config[].rules[].from) or O(config[].rules[].to), otherwise V(ipv4).
            type: str
            choices: [ipv4, ipv6]
          from:
            description: Source address or prefix. Host bits are kept, as the kernel keeps them.
            type: str
          to:
            description: Destination address or prefix.
            type: str
          iif:
            description: Incoming device.
            type: str
          oif:
            description: Outgoing device.
            type: str
          fwmark:
            description: Mark of the packet, as V(0x1) or V(0x1/0xffff).
            type: str
          table:
            description: Number of the table to look in.
            type: int
            required: true
      neighbours:
        description: Permanent ARP and NDP entries.
        type: list
        elements: dict
        default: []
        suboptions:
          device:
            description: The link.
            type: str
            required: true
          address:
            description: IP address of the neighbour.
            type: str
            required: true
          mac_address:
            description: MAC address of the neighbour.
            type: str
            required: true
      keep_floating_ips:
        description:
          - With O(purge), leave alone what M(cloudnet.dataplane.floating_ip) makes. IPv4 addresses of length 32 that
            are their own broadcast address, rules from one IPv4 address to table 16 with a priority from 32768 to
            72767, and static routes to one IPv4 address over a device C(fpr-).
        type: bool
        default: false
      keep_addresses:
        description:
          - With O(purge), leave addresses that are not listed alone. A DHCP client inside the namespace makes them.
          - The routes of a DHCP client stay in any case, as only those of protocol V(static) are removed.
        type: bool
        default: false
extends_documentation_fragment:
  - cloudnet.dataplane.declarative
seealso:
  - module: cloudnet.dataplane.netns_info
  - module: cloudnet.dataplane.ovs_port
  - module: cloudnet.dataplane.nat_rules
"""

EXAMPLES = r"""
- name: Make a router between a tenant network and the outside
  cloudnet.dataplane.netns:
    owner: demo
    config:
      - name: qrouter-5a1a4e5e-8f2c-4b6e-9c55-3f5e0a1c1b11
        sysctls:
          net.ipv4.ip_forward: 1
          net.ipv4.conf.all.arp_ignore: 1
          net.ipv4.conf.all.arp_announce: 2
          net.ipv6.conf.qg-26a3b1ce-7d.accept_ra: 0
        links:
          - name: qr-00998b02-8f
            plug: veth
            peer: tap00998b02-8f
            mac_address: fa:16:3e:01:00:00
            mtu: 1450
            tx_checksumming: false
            addresses: [192.168.1.1/24, "fd00::1/64"]
          - name: qg-26a3b1ce-7d
            plug: veth
            peer: tap26a3b1ce-7d
            mac_address: fa:16:3e:02:00:00
            addresses: [203.0.113.101/24]
        routes:
          - {destination: 0.0.0.0/0, gateway: 203.0.113.1, device: qg-26a3b1ce-7d}

- name: Send the traffic of one tenant network to another gateway
  cloudnet.dataplane.netns:
    owner: demo
    config:
      - name: qrouter-5a1a4e5e-8f2c-4b6e-9c55-3f5e0a1c1b11
        routes:
          - {destination: 0.0.0.0/0, gateway: 192.168.1.2, device: qr-00998b02-8f, table: 3232235777}
        rules:
          - {priority: 3232235777, from: 192.168.1.1/24, table: 3232235777}
        neighbours:
          - {device: qr-00998b02-8f, address: 192.168.1.2, mac_address: "fa:16:3e:03:00:00"}

- name: Lead a distributed router's floating IPs into the namespace that answers for them outside
  cloudnet.dataplane.netns:
    owner: demo
    config:
      - name: qrouter-635660ae-a5f2-4e0e-9c4b-6b9d9d1f2a11
        sysctls: {net.ipv4.ip_forward: 1}
        links:
          - name: rfp-635660ae-a
            plug: veth
            peer: fpr-635660ae-a
            peer_namespace: fip-0d2d0e0c-1a5b-4b53-9b43-7a0a4f6d8c22
            mac_address: fa:16:3e:04:00:00
            addresses: [169.254.88.134/31]
        routes:
          - {destination: 0.0.0.0/0, gateway: 169.254.88.135, device: rfp-635660ae-a, table: 16}
        neighbours:
          - {device: rfp-635660ae-a, address: 169.254.88.135, mac_address: "fa:16:3e:04:00:01"}
      - name: fip-0d2d0e0c-1a5b-4b53-9b43-7a0a4f6d8c22
        sysctls: {net.ipv4.ip_forward: 1}
        links:
          - name: fpr-635660ae-a
            plug: veth
            peer: rfp-635660ae-a
            peer_namespace: qrouter-635660ae-a5f2-4e0e-9c4b-6b9d9d1f2a11
            mac_address: fa:16:3e:04:00:01
            addresses: [169.254.88.135/31]
        rules:
          - {priority: 2852018311, iif: fpr-635660ae-a, table: 2852018311}
        neighbours:
          - {device: fpr-635660ae-a, address: 169.254.88.134, mac_address: "fa:16:3e:04:00:00"}

- name: Remove the router, whatever is inside
  cloudnet.dataplane.netns:
    owner: demo
    state: absent
    config:
      - name: qrouter-5a1a4e5e-8f2c-4b6e-9c55-3f5e0a1c1b11

- name: Remove every namespace that this owner has on this host
  cloudnet.dataplane.netns:
    owner: demo
    purge: true
    config: []
"""

RETURN = r"""
changed:
  description: Whether something changed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: The namespaces, links, addresses, routes, rules, neighbours and settings that change.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: What changes, for example C(address 10.0.0.1/24 on qr-1 in qrouter-1).
      type: str
    before:
      description: Normalised state before, null if there was none.
      type: raw
    after:
      description: Normalised state after, null if there is none.
      type: raw
    disruption:
      description: What the change costs running traffic, one of V(none), V(flow), V(port), V(conntrack), V(service).
      type: str
disruption:
  description: The worst disruption of all changes.
  type: str
  returned: success
announced:
  description:
    - New addresses that were announced. M(cloudnet.dataplane.announce) announces them once more, when the host
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
  description: Seconds that reading and changing the host took.
  type: float
  returned: success
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.backend import backend_of

LINK = {
    "name": {"type": "str", "required": True},
    "plug": {"type": "str", "choices": ["veth", "internal"], "required": True},
    "peer": {"type": "str"},
    "peer_namespace": {"type": "str"},
    "mac_address": {"type": "str"},
    "mtu": {"type": "int", "default": 1500},
    "peer_mtu": {"type": "int"},
    "keep_mtu": {"type": "bool", "default": False},
    "tx_checksumming": {"type": "bool"},
    "addresses": {"type": "list", "elements": "str", "default": []},
}
NEXTHOP = {"gateway": {"type": "str"}, "device": {"type": "str"}}
ROUTE = {
    "destination": {"type": "str", "required": True},
    **NEXTHOP,
    "nexthops": {"type": "list", "elements": "dict", "options": NEXTHOP},
    "table": {"type": "int", "default": 254},
    "protocol": {"type": "str", "choices": ["static"], "default": "static"},
    "scope": {"type": "str", "choices": ["global", "link", "host"]},
    "metric": {"type": "int", "default": 0},
    "source": {"type": "str"},
}
RULE = {
    "priority": {"type": "int", "required": True},
    "family": {"type": "str", "choices": ["ipv4", "ipv6"]},
    **{key: {"type": "str"} for key in ("from", "to", "iif", "oif", "fwmark")},
    "table": {"type": "int", "required": True},
}
NEIGHBOUR = {key: {"type": "str", "required": True} for key in ("device", "address", "mac_address")}
OPTIONS = {
    "name": {"type": "str", "required": True},
    "sysctls": {"type": "dict", "default": {}},
    "links": {"type": "list", "elements": "dict", "options": LINK, "default": []},
    "routes": {"type": "list", "elements": "dict", "options": ROUTE, "default": []},
    "rules": {"type": "list", "elements": "dict", "options": RULE, "default": []},
    "neighbours": {"type": "list", "elements": "dict", "options": NEIGHBOUR, "default": []},
    "keep_floating_ips": {"type": "bool", "default": False},
    "keep_addresses": {"type": "bool", "default": False},
}


def main():
    """Converge the namespaces."""
    run(OPTIONS, backend_of)


if __name__ == "__main__":
    main()
