#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.security_group_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: security_group_info
short_description: Read how the ports of instances on a host are filtered
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads the chains and ipsets that M(cloudnet.dataplane.security_group), or Neutron's C(iptables_hybrid) driver, keeps
    in the host's own network.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative.info
seealso:
  - module: cloudnet.dataplane.security_group
"""

EXAMPLES = r"""
- name: Read the filters
  cloudnet.dataplane.security_group_info:
  register: found

- name: Show the ports that are filtered
  ansible.builtin.debug:
    msg: "{{ found.ports | selectattr('port_security_enabled') | map(attribute='device') }}"
"""

RETURN = r"""
ports:
  description: One entry per port.
  returned: success
  type: list
  elements: dict
  contains:
    device:
      description: The instance's device.
      type: str
      sample: tap7c7ae61e-05
    owner:
      description: Whose mark is beside the chains, or null.
      type: str
    port_security_enabled:
      description: Whether the port is filtered.
      type: bool
    stateful:
      description: Whether connections are tracked.
      type: bool
    zone:
      description: The conntrack zone of the port, or null.
      type: int
    rules:
      description:
        - Maps V(ipv4) and V(ipv6) to the rules of the port, as C(iptables-save) prints them. C(ingress) are those of
          packets to the instance, C(egress) of those from it, C(sources) say which addresses it may send from.
      type: dict
sets:
  description: One entry per ipset.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    owner:
      description: Whose mark it carries, or null.
      type: str
    members:
      description: The addresses and prefixes in it.
      type: list
      elements: str
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_info
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.info import read


def main():
    """Read."""
    run_info({}, lambda params: read())


if __name__ == "__main__":
    main()
