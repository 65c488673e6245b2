#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.ovs_flow_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_flow_info
short_description: Read flows of Open vSwitch bridges
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads the flows of bridges with their counters, whoever made them.
options:
  bridge:
    description: Only these bridges. All when left out.
    type: list
    elements: str
  owner:
    description: Whose flows are reported as ours.
    type: str
    default: default
  database:
    description: Socket of ovsdb-server, as V(unix:PATH). ovs-vswitchd's sockets are expected beside it.
    type: str
    default: unix:/run/openvswitch/db.sock
extends_documentation_fragment:
  - cloudnet.dataplane.declarative.info
seealso:
  - module: cloudnet.dataplane.ovs_flow
"""

EXAMPLES = r"""
- name: Read the flows of the integration bridge
  cloudnet.dataplane.ovs_flow_info:
    bridge: [br-int]
    owner: demo
  register: integration

- name: Show the flows that are not ours
  ansible.builtin.debug:
    msg: "{{ integration.bridges[0].flows | rejectattr('ours') }}"
"""

RETURN = r"""
bridges:
  description: The bridges, each with its flows.
  type: list
  elements: dict
  returned: success
  contains:
    bridge:
      description: Name.
      type: str
      sample: br-int
    flows:
      description: The flows, in Open vSwitch's words and with port names.
      type: list
      elements: dict
      contains:
        table:
          description: Table number.
          type: int
          sample: 60
        match:
          description: Priority, unless it is 32768, and match.
          type: str
          sample: priority=2,in_port=int-br-ex
        actions:
          description: Actions.
          type: str
          sample: resubmit(,58)
        cookie:
          description: Cookie, in hexadecimal.
          type: str
          sample: "0x636e6470c0ffee00"
        ours:
          description: Whether O(owner) made it.
          type: bool
          sample: true
        n_packets:
          description: How many packets matched.
          type: int
          sample: 12
        n_bytes:
          description: How many bytes they had.
          type: int
          sample: 1176
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.info import read
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_info
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ovsdb import DEFAULT


def main():
    options = {
        "bridge": {"type": "list", "elements": "str"},
        "owner": {"type": "str", "default": "default"},
        "database": {"type": "str", "default": DEFAULT},
    }
    run_info(options, read)


if __name__ == "__main__":
    main()
