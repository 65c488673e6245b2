#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.way_in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: way_in
short_description: Change what carries Ansible's own connection, under a dead man's switch
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Finds the devices and Open vSwitch bridges that carry the SSH connection by which it came, and whether a plan
    changes them. If not, that is all. Nothing is done either where there is no such connection.
  - If it does, that part of the plan is made at once and by itself, before anything else. The host makes the change
    and, after O(timeout) seconds, undoes it, both by timers of systemd that need neither Ansible nor this connection.
    Ansible connects anew when the change is made. When the probes that passed before pass again, the undo is
    cancelled. Otherwise the task fails, and the host is as it was before.
  - The probes are pings from the host to its default gateways, to the Ansible controller, to the far ends of its
    tunnels, and to O(probes). One that got no answer before is not asked again.
  - What an undone change was, and why it was undone, is in the journal of the units
    C(cloudnet-dataplane-way-in-change) and C(cloudnet-dataplane-way-in-undo), and the next run warns of it.
options:
  packed:
    description: O(bridges), O(ports) and O(flows) of a whole plan, packed, for speed.
    type: str
  bridges:
    description: The bridges of the plan, each with C(name), C(fail_mode), C(datapath_type) and C(other_config).
    type: list
    elements: dict
    default: []
  ports:
    description: All ports of the plan, as the option C(config) of M(cloudnet.dataplane.ovs_port).
    type: list
    elements: dict
    default: []
  flows:
    description: All flows of the plan, as the option C(config) of M(cloudnet.dataplane.ovs_flow).
    type: list
    elements: dict
    default: []
  owner:
    description: Whose mark the objects carry.
    type: str
    default: default
  purge:
    description: Whether what carries the mark and is planned no more will be removed.
    type: bool
    default: false
  adopt:
    description: Whether objects that have a planned name but not the mark will be taken over.
    type: bool
    default: false
  timeout:
    description: Seconds until a change that nobody confirms is undone, at least 10.
    type: int
    default: 60
  probes:
    description: Addresses that the host must reach as before, beside those that it knows of.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(guarded) looks, and arms the switch if need be; the action of this name then sees to the rest.
      - V(awaited) and V(confirmed) are what that action asks over new connections, whether the change is made, and to
        confirm it.
    type: str
    choices: [guarded, awaited, confirmed]
    default: guarded
attributes:
  action:
    description: An action on the controller connects anew and confirms.
    support: full
  check_mode:
    description: Can run in check mode and predicts the change exactly. The tasks that follow predict it once more.
    support: full
  diff_mode:
    description: Returns the bridges, ports and flows before and after.
    support: full
  platform:
    description: Linux with systemd.
    platforms: linux
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
seealso:
  - module: cloudnet.dataplane.ovs_port
  - module: cloudnet.dataplane.ovs_flow
"""

EXAMPLES = r"""
- name: The card of this bridge may be the one that Ansible's connection comes through
  cloudnet.dataplane.way_in:
    owner: demo
    timeout: 30
    probes: [203.0.113.1]
    bridges:
      - {name: br-way-in, fail_mode: secure, datapath_type: netdev, other_config: {disable-in-band: "true"}}
    ports:
      - {name: eth9, bridge: br-way-in}
    flows:
      - {bridge: br-way-in, flows: ["priority=0 actions=NORMAL"]}
"""

RETURN = r"""
changed:
  description: Whether something that carries the connection changed and was confirmed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: The bridges, ports and flows that change, as M(cloudnet.dataplane.ovs_port) returns them.
  type: list
  elements: dict
  returned: success
disruption:
  description: The worst disruption of all changes.
  type: str
  returned: success
engine_seconds:
  description: Time that reading, comparing and writing took.
  type: float
  returned: success
carried_by:
  description: What carries the connection; nothing where the module did not come over SSH.
  type: dict
  returned: success
  contains:
    devices:
      description: Network devices, beginning with the one that has the address.
      type: list
      elements: str
    bridges:
      description: Bridges of Open vSwitch.
      type: list
      elements: str
  sample: {devices: [br-mgmt, eth0], bridges: [br-mgmt]}
phase:
  description: V(armed), V(applied), V(confirmed) or V(undone), where there was something to change.
  type: str
  returned: when something changes
probes:
  description: The addresses that answered before the change, and had to answer after it.
  type: list
  elements: str
  returned: when something changes
last_undone:
  description: What an earlier run had tried, until a change is confirmed.
  type: dict
  returned: when there is something to tell
  contains:
    at:
      description: When it was undone.
      type: str
    why:
      description: Why.
      type: str
    changes:
      description: What had changed.
      type: list
      elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Outcome
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import finish, result_of
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import archive
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in import guard, service, switch
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in.look import Settings, look
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import unpack

PLAN = ("bridges", "ports", "flows")
ARGUMENTS = {
    "packed": {"type": "str"},
    **{part: {"type": "list", "elements": "dict", "default": []} for part in PLAN},
    "owner": {"type": "str", "default": "default"},
    "purge": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
    "probes": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["guarded", "awaited", "confirmed"], "default": "guarded"},
}
SHORTEST = 10


def main():
    """Do what `state` asks for."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    verb = {"guarded": guarded, "awaited": awaited, "confirmed": confirmed}[module.params["state"]]
    finish(module, lambda: verb(module))


def guarded(module):
    """Look, and arm the switch."""
    started, params, plan = time.monotonic(), module.params, plan_of(module.params)
    last = guard.told()
    settings = Settings(params["owner"], params["purge"], params["adopt"])
    if not module.check_mode:
        guard.settle()
    found = look(plan, settings)
    result = {"carried_by": found.carriers._asdict(), **({"last_undone": last} if last else {})}
    if last:
        module.warn(f"The last change of the way in was undone at {last['at']}: {last['why']}. It was: "
                    + "; ".join(last["changes"]))
    if found.changes and not module.check_mode:
        engine = archive.build(service.__name__, service.MAIN)
        result["probes"] = guard.arm(found, plan, settings, params["probes"], params["timeout"], engine)
        result["phase"] = switch.ARMED
    elif last and not module.check_mode:
        switch.disarm()  # it has been told, and is in nobody's way
    outcome = Outcome(found.changes, time.monotonic() - started)
    return {**result_of(module, outcome), **result}


def awaited(_module):
    """Tell how far it is."""
    return _told(switch.read())


def confirmed(_module):
    """Confirm, if all is well."""
    return _told(guard.confirm())


def _told(state):
    return {"changed": False, "phase": state.get("phase"), "why": state.get("why")}


def plan_of(params):
    """The plan, checked as far as the sections themselves do not."""
    problems, plan = [], {part: params[part] for part in PLAN}
    if params["timeout"] < SHORTEST:
        problems.append(f"timeout: {params['timeout']}: must be at least {SHORTEST} seconds")
    for index, address in enumerate(params["probes"]):
        try:
            inet.pack(address)
        except ValueError:
            problems.append(f"probes[{index}]: {address}: is not an IP address")
    try:
        plan.update(unpack(params["packed"]) if params["packed"] else {})
    except ValueError as error:
        problems.append(f"packed: {error}")
    if problems:
        raise BadInput(problems)
    return plan


if __name__ == "__main__":
    main()
