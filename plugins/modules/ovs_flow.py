#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.ovs_flow."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ovs_flow
short_description: Flows of Open vSwitch bridges
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - A listed bridge has exactly the listed flows under the cookie of O(owner). Flows with other cookies,
    for example those that a C(learn) action makes, are left alone.
  - Writes only what differs, one bundle for each bridge, so packets see the old flows or the new ones,
    never a mixture.
    Flows that stay keep their counters, also when only their actions change.
  - Flows live in ovs-vswitchd and are gone when it restarts. Running the task again puts them back.
  - The bridge must speak OpenFlow 1.4, as it does unless its C(protocols) were narrowed.
options:
  config:
    description: The bridges.
    type: list
    elements: dict
    suboptions:
      bridge:
        description: Name of the bridge, which identifies the item.
        type: str
        required: true
      flows:
        description:
          - The flows, in the syntax of C(ovs-ofctl add-flow), with names or numbers of ports.
            A port name may stand in double quotes, and must where it could be taken for something else.
          - Without C(priority) it is 32768, without C(table) it is 0, as Open vSwitch has it.
          - Cookies, timeouts and flags cannot be given.
          - With O(state=absent) they are not read; all flows of O(owner) are removed from the bridge.
        type: list
        elements: str
        default: []
  database:
    description: Socket of ovsdb-server, as V(unix:PATH). ovs-vswitchd's sockets are expected beside it.
    type: str
    default: unix:/run/openvswitch/db.sock
extends_documentation_fragment:
  - cloudnet.dataplane.declarative
notes:
  - A foreign flow with the table, priority and match of a listed one counts as the listed one
    if its actions are the same. Otherwise it is an error, unless O(adopt=true).
  - With O(purge=true), flows of O(owner) on bridges that are not listed are removed as well.
seealso:
  - module: cloudnet.dataplane.ovs_flow_info
  - module: cloudnet.dataplane.ovs_port
"""

EXAMPLES = r"""
- name: Patch the integration bridge and the external bridge together
  cloudnet.dataplane.ovs_port:
    owner: demo
    config:
      - {name: int-br-ex, bridge: br-int, type: patch, options: {peer: phy-br-ex}}
      - {name: phy-br-ex, bridge: br-ex, type: patch, options: {peer: int-br-ex}}

- name: Map local VLAN 1 to the untagged external network
  cloudnet.dataplane.ovs_flow:
    owner: demo
    config:
      - bridge: br-int
        flows:
          - table=0,priority=3,in_port=int-br-ex,vlan_tci=0x0000/0x1fff actions=mod_vlan_vid:1,resubmit(,60)
          - table=0,priority=2,in_port=int-br-ex actions=drop
          - table=0,priority=0 actions=resubmit(,60)
          - table=60,priority=1 actions=NORMAL
      - bridge: br-ex
        flows:
          - table=0,priority=4,in_port=phy-br-ex,dl_vlan=1 actions=strip_vlan,NORMAL
          - table=0,priority=2,in_port=phy-br-ex actions=drop

- name: Remove our flows from every bridge but the integration bridge, and drop everything there
  cloudnet.dataplane.ovs_flow:
    owner: demo
    purge: true
    config:
      - bridge: br-int
        flows: [priority=0 actions=drop]
"""

RETURN = r"""
changed:
  description: Whether a flow changed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: The flows that change.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
      sample: update
    object:
      description: The flow, as bridge, table, priority and match, in Open vSwitch's words and with port names.
      type: str
      sample: flow br-int table=0,priority=2,in_port=int-br-ex
    before:
      description: What it did. With its C(cookie), if a foreign flow was adopted.
      type: dict
      sample: {actions: drop}
    after:
      description: What it does.
      type: dict
      sample: {actions: "resubmit(,58)"}
    disruption:
      description: What the change costs traffic, V(none) or V(flow).
      type: str
      sample: flow
disruption:
  description: The worst disruption of all changes.
  type: str
  returned: success
  sample: flow
engine_seconds:
  description: Time that reading, comparing and writing took.
  type: float
  returned: success
  sample: 0.02
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.backend import OvsFlow
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ovsdb import DEFAULT

OPTIONS = {
    "bridge": {"type": "str", "required": True},
    "flows": {"type": "list", "elements": "str", "default": []},
}


def main():
    run(OPTIONS, OvsFlow, database={"type": "str", "default": DEFAULT})


if __name__ == "__main__":
    main()
