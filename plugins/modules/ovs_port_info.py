#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.ovs_port_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_port_info
short_description: Read bridges and ports of Open vSwitch
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads bridges and ports in the vocabulary of M(cloudnet.dataplane.ovs_port), whoever made them.
options:
  bridge:
    description: Only these bridges and their ports. All when left out.
    type: list
    elements: str
  database:
    description: Socket of ovsdb-server, as V(unix:PATH).
    type: str
    default: unix:/run/openvswitch/db.sock
extends_documentation_fragment:
  - cloudnet.dataplane.declarative.info
seealso:
  - module: cloudnet.dataplane.ovs_port
"""

EXAMPLES = r"""
- name: Read the ports of the integration bridge
  cloudnet.dataplane.ovs_port_info:
    bridge: [br-int]
  register: integration

- name: Show the ports that pass no packets
  ansible.builtin.debug:
    msg: "{{ integration.ports | selectattr('error') | items2dict(key_name='name', value_name='error') }}"
"""

RETURN = r"""
bridges:
  description: The bridges.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name.
      type: str
      sample: br-int
    fail_mode:
      description: V(secure), V(standalone), or none when it was never set.
      type: str
      sample: secure
    datapath_type:
      description: V(netdev) for the userspace datapath. V(system) and an empty string mean the kernel's.
      type: str
      sample: netdev
    external_ids:
      description: Its C(external_ids).
      type: dict
      sample: {cloudnet-dataplane: demo}
    other_config:
      description: Its C(other_config).
      type: dict
      sample: {mac-table-size: "50000"}
ports:
  description: The ports, with the keys of O(cloudnet.dataplane.ovs_port#module:config) and these.
  type: list
  elements: dict
  returned: success
  sample: [{name: qr-00998b02-8f, bridge: br-int, type: internal, tag: 1, ofport: 3, error: null, owner: demo}]
  contains:
    ofport:
      description: OpenFlow port number; -1 when ovs-vswitchd could not make the port, none when it has not looked yet.
      type: int
      sample: 3
    error:
      description: Why no packet passes the port, or none.
      type: str
      sample: could not open network device tap0 (No such device)
    owner:
      description: Whose mark the port carries, or none.
      type: str
      sample: demo
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_info
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ovsdb import DEFAULT
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.info import read


def main():
    run_info({"bridge": {"type": "list", "elements": "str"}, "database": {"type": "str", "default": DEFAULT}}, read)


if __name__ == "__main__":
    main()
