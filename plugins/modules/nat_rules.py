#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.nat_rules."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_rules
short_description: Manage iptables and ip6tables chains as a whole
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Chains and rules of any table, in network namespaces or in the host's own network. A listed chain holds exactly
    its rules, in order; in a builtin chain that is true of the jumps to chains of O(config[].prefix), and other rules
    keep their place.
  - Only the difference is written, so rules that stay keep their packet counters, and a run that changes nothing
    writes nothing. One C(iptables-restore --noflush) per namespace and family. Works with the nft and the legacy
    backend.
  - Rules may be written in any form that C(iptables) takes; they are compared in the form that C(iptables-save)
    prints.
  - In a namespace with the mark of O(owner) (see M(cloudnet.dataplane.netns)) the prefix says which chains are ours.
    Elsewhere an unused chain C(cloudnet-dataplane), holding a comment with the owner, is put beside them.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative
options:
  config:
    description:
      - One item per namespace and family.
      - With O(purge=true) chains of the prefix that are not listed go, with all jumps to them, in every table of the
        listed namespaces and families; so do those in the host's own network that carry our mark.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: The network namespace. The host's own network when omitted.
        type: str
      family:
        description: C(iptables) or C(ip6tables).
        type: str
        choices: [ipv4, ipv6]
        default: ipv4
      prefix:
        description: How the names of our chains start.
        type: str
        default: neutron-
      tables:
        description:
          - Maps tables (V(raw), V(mangle), V(nat), V(filter), V(security)) to chains, and each chain to the list of
            its rules. A rule is everything that follows C(-A CHAIN). It names at most one source and one destination.
          - A chain is a builtin one, whose listed rules must jump to chains of the prefix, or its name starts with
            the prefix. Names have at most 28 characters.
          - Required with O(state=present). With O(state=absent) only the names of the chains are read, and without it
            all chains of the prefix go.
        type: dict
      keep_floating_ips:
        description:
          - Leave rules in exactly the form of M(cloudnet.dataplane.floating_ip), in its chains, to that module.
        type: bool
        default: false
notes:
  - Rules that name an ipset (C(--match-set)) must be written as C(iptables-save) prints them.
seealso:
  - module: cloudnet.dataplane.nat_rules_info
  - module: cloudnet.dataplane.floating_ip
"""

EXAMPLES = r"""
- name: A namespace for the rules
  cloudnet.dataplane.netns:
    config:
      - name: qrouter-nat-example

- name: Source NAT as Neutron arranges it
  cloudnet.dataplane.nat_rules:
    config:
      - namespace: qrouter-nat-example
        keep_floating_ips: true
        tables:
          nat:
            PREROUTING: ["-j neutron-l3-agent-PREROUTING"]
            OUTPUT: ["-j neutron-l3-agent-OUTPUT"]
            POSTROUTING: ["-j neutron-postrouting-bottom"]
            neutron-l3-agent-PREROUTING: []
            neutron-l3-agent-OUTPUT: []
            neutron-l3-agent-float-snat: []
            neutron-l3-agent-snat:
              - -j neutron-l3-agent-float-snat
              - -o qg-26a3b1ce-7d -j SNAT --to-source 203.0.113.10 --random-fully
            neutron-postrouting-bottom: ["-j neutron-l3-agent-snat"]

- name: What else is in that namespace goes
  cloudnet.dataplane.nat_rules:
    purge: true
    config:
      - namespace: qrouter-nat-example
        tables:
          nat:
            POSTROUTING: ["-j neutron-postrouting-bottom"]
            neutron-postrouting-bottom: ["-o qg-26a3b1ce-7d -j SNAT --to-source 203.0.113.10"]

- name: No rules of ours
  cloudnet.dataplane.nat_rules:
    state: absent
    config:
      - namespace: qrouter-nat-example
"""

RETURN = r"""
changed:
  description: Whether a chain changed, or would change in check mode.
  returned: always
  type: bool
changes:
  description: What changed, or would change in check mode, one entry per chain.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: The tool, table, chain and namespace.
      type: str
      sample: iptables nat chain neutron-l3-agent-snat in namespace qrouter-nat-example
    before:
      description: Our rules in it before; null where there was no chain.
      type: list
      elements: str
    after:
      description: Our rules in it after; null where there is no chain.
      type: list
      elements: str
    disruption:
      description: What the change costs running traffic.
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

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.backend import NatRules

OPTIONS = {
    "namespace": {"type": "str"},
    "family": {"type": "str", "choices": ["ipv4", "ipv6"], "default": "ipv4"},
    "prefix": {"type": "str", "default": "neutron-"},
    "tables": {"type": "dict"},
    "keep_floating_ips": {"type": "bool", "default": False},
}


def main():
    """Converge."""
    run(OPTIONS, NatRules)


if __name__ == "__main__":
    main()
