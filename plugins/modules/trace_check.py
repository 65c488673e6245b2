#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.trace_check."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trace_check
short_description: Ask a host whether it does with a packet what its plan says
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Confirms the hops that M(cloudnet.dataplane.trace) derived from the site, with the host's own tools. Open vSwitch
    is asked with C(ofproto/trace), the kernel with C(ip route get), rules of iptables are read with their counters.
  - Changes nothing, and never fails because of what it finds; that is a result.
  - Before Open vSwitch has seen a packet of either end it floods, and a flood that reaches the expected port is as
    expected. Send the packet first.
options:
  checks:
    description: What to confirm.
    type: list
    elements: dict
    suboptions:
      hop:
        description: Number of the hop, for the report.
        type: int
        required: true
      kind:
        description:
          - V(device) is up, with its MAC and address; V(neighbour) has this MAC, if it is known.
          - V(route) and V(policy) lead a packet on; V(sysctl) is set.
          - V(rule) is in a chain of iptables; V(guard) are the rules of a port's security groups, all together.
          - V(bridge) is a Linux bridge with its ports; V(flow) is a bridge of Open vSwitch that hands a packet on.
        type: str
        required: true
        choices: [device, neighbour, route, policy, sysctl, rule, guard, bridge, flow]
      namespace:
        description: The network namespace. The host's own when omitted.
        type: str
      device:
        description: For V(device) and V(neighbour).
        type: str
      mac_address:
        description: For V(device) and V(neighbour).
        type: str
      address:
        description: For V(device) and V(neighbour).
        type: str
      permanent:
        description: Whether the V(neighbour) has to be known, for ever.
        type: bool
        default: false
      source:
        description: Source address of the packet; of a V(policy) the prefix.
        type: str
      destination:
        description: Destination address of the packet.
        type: str
      entered:
        description: The device that a packet comes in by; of a V(route), of the namespace's own packets none.
        type: str
      via:
        description: The next hop of a V(route); none of one on-link.
        type: str
      leaves:
        description: The device of a V(route).
        type: str
      priority:
        description: Of a V(policy).
        type: int
      table:
        description: Table of routes of a V(policy), table of iptables of a V(rule).
        type: str
      setting:
        description: Of a V(sysctl).
        type: str
      value:
        description: Of a V(sysctl).
        type: str
      chain:
        description: Of a V(rule).
        type: str
      parts:
        description: What has to stand in a V(rule), as iptables-save prints it.
        type: list
        elements: str
      bridge:
        description: For V(bridge) and V(flow).
        type: str
      ports:
        description: Of a V(bridge).
        type: list
        elements: str
      in_port:
        description: Name of the port that a packet enters a V(flow)'s bridge by.
        type: str
      match:
        description: The packet of a V(flow), as C(ofproto/trace) takes it.
        type: str
      to_bridge:
        description: The bridge that a V(flow) hands the packet to.
        type: str
      to_ports:
        description: The ports of which it hands the packet to one.
        type: list
        elements: str
      rewrites:
        description: What has to stand in its actions.
        type: list
        elements: str
      port_id:
        description: Id of the port that a V(guard) is about.
        type: str
      direction:
        description: Of the packet, as the V(guard)'s instance sees it.
        type: str
        choices: [ingress, egress]
      passes:
        description: What the V(guard) has to say.
        type: bool
      protocol:
        description: Number of the protocol of a V(guard)'s packet.
        type: int
      source_port:
        description: Of that packet.
        type: int
      destination_port:
        description: Of that packet.
        type: int
      icmp_type:
        description: Of that packet.
        type: int
  packed:
    description:
      - The list of O(checks) as base64 of zlib of JSON. Then the results are RV(packed_results).
    type: str
attributes:
  check_mode:
    description: Changes nothing, in check mode or not.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: N/A
  idempotent:
    description: Changes nothing, however often it runs.
    support: full
  platform:
    description: Linux with network namespaces, iproute2, iptables and Open vSwitch.
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: Would the kernel route a packet to itself
  cloudnet.dataplane.trace_check:
    checks:
      - {hop: 1, kind: device, device: lo, address: 127.0.0.1}
      - {hop: 2, kind: route, source: 127.0.0.1, destination: 127.0.0.1, leaves: lo}
  register: seen

- name: Insist on it
  ansible.builtin.assert:
    that: seen.results | rejectattr('ok') | length == 0
"""

RETURN = r"""
results:
  description: One entry per check, in order.
  returned: with O(checks)
  type: list
  elements: dict
  contains:
    hop:
      description: Number of the hop.
      type: int
    ok:
      description: Whether the host does as expected.
      type: bool
    seen:
      description: What the host does, in words.
      type: str
    note:
      description: Whether that is worth telling also where it is as expected.
      type: bool
packed_results:
  description: The same, packed.
  returned: with O(packed)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.path.check import KINDS, check
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack, unpack

_TEXTS = ("namespace", "device", "mac_address", "address", "source", "destination", "entered", "via", "leaves", "table",
          "setting", "value", "chain", "bridge", "in_port", "match", "to_bridge", "port_id")
_NUMBERS = ("priority", "protocol", "source_port", "destination_port", "icmp_type")
_LISTS = ("parts", "ports", "to_ports", "rewrites")

CHECK = {
    "hop": {"type": "int", "required": True},
    "kind": {"type": "str", "required": True, "choices": list(KINDS)},
    "permanent": {"type": "bool", "default": False},
    "direction": {"type": "str", "choices": ["ingress", "egress"]},
    "passes": {"type": "bool"},
    **{name: {"type": "str"} for name in _TEXTS},
    **{name: {"type": "int"} for name in _NUMBERS},
    **{name: {"type": "list", "elements": "str"} for name in _LISTS},
}


def main():
    """Confirm."""
    module = AnsibleModule(
        argument_spec={
            "checks": {"type": "list", "elements": "dict", "options": CHECK},
            "packed": {"type": "str"},
        },
        mutually_exclusive=[("checks", "packed")],
        required_one_of=[("checks", "packed")],
        supports_check_mode=True,
    )
    if module.params["packed"] is None:
        module.exit_json(changed=False, results=check(module.params["checks"]))
    try:
        wanted = unpack(module.params["packed"])
    except ValueError as error:
        module.fail_json(msg=f"packed: {error}")
    module.exit_json(changed=False, packed_results=pack(check(wanted)))


if __name__ == "__main__":
    main()
