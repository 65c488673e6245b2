#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.floating_ip_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: floating_ip_info
short_description: Read the floating IPs of routers
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads floating IPs in the vocabulary of M(cloudnet.dataplane.floating_ip), ours or not, Neutron's own too.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative.info
options:
  namespace:
    description:
      - The network namespaces to read. All of them when omitted.
      - A name without a namespace is not in the result.
    type: list
    elements: str
  chain_prefix:
    description: How the names of the chains start that floating IPs live in.
    type: str
    default: neutron-l3-agent
seealso:
  - module: cloudnet.dataplane.floating_ip
"""

EXAMPLES = r"""
- name: Read all floating IPs
  cloudnet.dataplane.floating_ip_info:
  register: found

- name: Show those that are damaged
  ansible.builtin.debug:
    msg: "{{ found.floating_ips | rejectattr('complete') | map(attribute='floating_ip_address') }}"
"""

RETURN = r"""
floating_ips:
  description: One entry per floating IP that has a rule, in the order of the rules.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The network namespace.
      type: str
    owner:
      description: Whose mark the namespace carries, or null.
      type: str
    floating_ip_address:
      description: The floating IP.
      type: str
    fixed_ip_address:
      description: The fixed address that its rules name.
      type: str
    device:
      description: The device that has the address, or that the rule of a distributed router names. Null if none.
      type: str
    prefix_length:
      description: Prefix length of the address; null where no device has it.
      type: int
    distributed:
      description:
        - How a distributed router's floating IP is led, as in M(cloudnet.dataplane.floating_ip), with null for what is
          missing. Of a centralised router's null.
        - The gateway device is the C(fg-) device of the namespace that has proxy ARP switched on.
      type: dict
    random_fully:
      description: Whether source ports are chosen at random.
      type: bool
    chain_prefix:
      description: The prefix that was asked for.
      type: str
    complete:
      description: Whether all that makes a floating IP is there, once each.
      type: bool
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating.info import read
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_info


def main():
    """Read."""
    run_info(
        {
            "namespace": {"type": "list", "elements": "str"},
            "chain_prefix": {"type": "str", "default": "neutron-l3-agent"},
        },
        lambda params: {"floating_ips": read(params["namespace"], params["chain_prefix"])},
    )


if __name__ == "__main__":
    main()
