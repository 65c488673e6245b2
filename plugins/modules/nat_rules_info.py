#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.nat_rules_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_rules_info
short_description: Read iptables and ip6tables chains
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads chains and rules in the vocabulary of M(cloudnet.dataplane.nat_rules), ours or not.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative.info
options:
  namespace:
    description:
      - The network namespaces to read. All namespaces and the host's own network when omitted.
      - A name without a namespace is not in the result.
    type: list
    elements: str
  prefix:
    description:
      - Read only chains whose names start so, and in builtin chains the jumps to them. An empty string reads
        everything.
    type: str
    default: neutron-
seealso:
  - module: cloudnet.dataplane.nat_rules
"""

EXAMPLES = r"""
- name: Read the chains of every namespace
  cloudnet.dataplane.nat_rules_info:
  register: found

- name: Show where there are any
  ansible.builtin.debug:
    msg: "{{ found.nat_rules | map(attribute='namespace') | unique }}"
"""

RETURN = r"""
nat_rules:
  description: One entry per namespace and family that has such chains.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The network namespace; null for the host's own network.
      type: str
    owner:
      description: Whose mark the namespace carries, or null.
      type: str
    family:
      description: V(ipv4) or V(ipv6).
      type: str
    prefix:
      description: The prefix that was asked for.
      type: str
    tables:
      description: Maps tables to chains, and each chain to the list of its rules.
      type: dict
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_info
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.info import read


def main():
    """Read."""
    run_info(
        {"namespace": {"type": "list", "elements": "str"}, "prefix": {"type": "str", "default": "neutron-"}},
        lambda params: {"nat_rules": read(params["namespace"], params["prefix"])},
    )


if __name__ == "__main__":
    main()
