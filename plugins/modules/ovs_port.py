#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.ovs_port."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_port
short_description: Ports of Open vSwitch bridges
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Makes ports with their interface of the same name, of any kind that Neutron uses, all in one OVSDB transaction.
  - Waits until ovs-vswitchd has acted, reads back whether every port works, and undoes the transaction if one does not.
  - An item describes its port wholly. An option that is left out has its default,
    but keys of O(config[].external_ids) and O(config[].other_config) that are not listed stay as they are.
  - Heals ports whose network device was deleted and made again, which ovs-vswitchd's userspace datapath
    no longer hears. They keep their OpenFlow port number.
  - Bridges are made by M(openvswitch.openvswitch.openvswitch_bridge).
options:
  config:
    description: The ports. Names are unique over all bridges of a host.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the port and of its interface, which identifies the item.
            At most 15 characters for O(config[].type=system) and O(config[].type=internal),
            where it names a network device.
        type: str
        required: true
      bridge:
        description:
          - The bridge. Required unless O(state=absent), where a port on another bridge than this is left alone.
          - A port of ours on another bridge is moved.
        type: str
      type:
        description:
          - Kind of interface. V(system) is a network device of the host, for example one end of a veth pair.
            V(internal) makes a device.
        type: str
        choices: [system, internal, patch, vxlan, gre, ip6gre, geneve]
        default: system
      tag:
        description: VLAN of an access port, 0 to 4095.
        type: int
      trunks:
        description: VLANs that a trunk port carries, 0 to 4095 each. None listed means all.
        type: list
        elements: int
        default: []
      vlan_mode:
        description:
          - The port's VLAN mode. When left out, Open vSwitch derives it from O(config[].tag) and O(config[].trunks).
        type: str
        choices: [access, trunk, native-tagged, native-untagged]
      options:
        description:
          - Options of the interface, exactly these. A V(patch) needs C(peer), a tunnel C(remote_ip).
            See C(ovs-vswitchd.conf.db(5)).
        type: dict
        default: {}
      external_ids:
        description:
          - Keys of the interface's C(external_ids). Neutron writes C(iface-id), C(iface-status) and C(attached-mac).
        type: dict
        default: {}
      other_config:
        description:
          - Keys of the port's C(other_config). Neutron writes C(net_uuid), C(network_type), C(physical_network),
            C(segmentation_id) and C(tag).
        type: dict
        default: {}
      namespace:
        description:
          - For O(config[].type=internal), the network namespace where M(cloudnet.dataplane.netns) puts the device.
          - A port whose device is neither there nor in the host's own namespace is dead,
            because its namespace was deleted, and is opened anew.
        type: str
      ignore:
        description:
          - Leave this port as it is; being listed only protects it from O(purge). Of the item, only C(name) is read.
        type: bool
        default: false
  database:
    description: Socket of ovsdb-server, as V(unix:PATH).
    type: str
    default: unix:/run/openvswitch/db.sock
extends_documentation_fragment:
  - cloudnet.dataplane.declarative
seealso:
  - module: cloudnet.dataplane.ovs_port_info
  - module: cloudnet.dataplane.netns
"""

EXAMPLES = r"""
- name: Plug a router's port into the integration bridge, in local VLAN 1
  cloudnet.dataplane.ovs_port:
    owner: demo
    config:
      - name: qr-00998b02-8f
        bridge: br-int
        type: internal
        tag: 1
        namespace: qrouter-5a1a4e5e-8f2c-4b6e-9c55-3f5e0a1c1b11
        external_ids:
          iface-id: 00998b02-8fba-4c2f-a7f0-5b3a6fd5e0aa
          iface-status: active
          attached-mac: fa:16:3e:01:00:00

- name: Patch the integration bridge and the external bridge together, both ends at once
  cloudnet.dataplane.ovs_port:
    owner: demo
    config:
      - name: int-br-ex
        bridge: br-int
        type: patch
        options: {peer: phy-br-ex}
      - name: phy-br-ex
        bridge: br-ex
        type: patch
        options: {peer: int-br-ex}

- name: Have exactly one tunnel, and remove every other port that this owner has on this host
  cloudnet.dataplane.ovs_port:
    owner: demo
    purge: true
    config:
      - name: vxlan-0a00010b
        bridge: br-int
        type: vxlan
        options: {local_ip: 10.0.1.21, remote_ip: 10.0.1.11, in_key: flow, out_key: flow, df_default: "true"}

- name: Remove the tunnel
  cloudnet.dataplane.ovs_port:
    owner: demo
    state: absent
    config:
      - name: vxlan-0a00010b
"""

RETURN = r"""
changed:
  description: Whether a port changed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: The ports that change.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
      sample: update
    object:
      description: The port, as bridge and name.
      type: str
      sample: port br-int/qr-00998b02-8f
    before:
      description:
        - What was set. C(fault) tells why no packet passed, if so.
      type: dict
      sample: {bridge: br-int, type: internal, tag: 2, owner: demo}
    after:
      description: What is set.
      type: dict
      sample: {bridge: br-int, type: internal, tag: 1, owner: demo}
    disruption:
      description: What the change costs traffic, V(none) or V(port).
      type: str
      sample: port
disruption:
  description: The worst disruption of all changes.
  type: str
  returned: success
  sample: port
engine_seconds:
  description: Time that reading, comparing and writing took.
  type: float
  returned: success
  sample: 0.02
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ovsdb import DEFAULT
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.backend import OvsPort

OPTIONS = {
    "name": {"type": "str", "required": True},
    "bridge": {"type": "str"},
    "type": {
        "type": "str",
        "choices": ["system", "internal", "patch", "vxlan", "gre", "ip6gre", "geneve"],
        "default": "system",
    },
    "tag": {"type": "int"},
    "trunks": {"type": "list", "elements": "int", "default": []},
    "vlan_mode": {"type": "str", "choices": ["access", "trunk", "native-tagged", "native-untagged"]},
    "options": {"type": "dict", "default": {}},
    "external_ids": {"type": "dict", "default": {}},
    "other_config": {"type": "dict", "default": {}},
    "namespace": {"type": "str"},
    "ignore": {"type": "bool", "default": False},
}


def main():
    run(OPTIONS, OvsPort, database={"type": "str", "default": DEFAULT})


if __name__ == "__main__":
    main()
