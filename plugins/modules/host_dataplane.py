#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.host_dataplane."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_dataplane
short_description: The whole data plane of a host in one task
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Brings a host to its plan, as the roles P(cloudnet.dataplane.host#role), P(cloudnet.dataplane.datapath#role) and
    P(cloudnet.dataplane.services#role) do with a module for every section, but for packages and kernel modules,
    which must be there.
  - In check mode it tells the drift of a host, and with O(unknown) also what nobody has planned.
  - Nothing else of this collection changes the host while it runs.
options:
  packed:
    description: The host's plan as M(cloudnet.dataplane.host_plan) returns it under C(whole).
    type: str
    required: true
  purge:
    description: Also remove what carries the mark of the plan's owner and is planned no more.
    type: bool
    default: false
  adopt:
    description:
      - Take over objects that have a planned name but not our mark. Without it they are an error.
    type: bool
    default: false
  max_disruption:
    description:
      - What changes may at most cost running traffic. If any would cost more, nothing is changed and the module fails,
        naming each of them.
      - V(none) nothing, V(flow) packets of single flows, V(port) a port that is interrupted, V(conntrack) connections
        that end, V(service) a process that is restarted, which is anything.
    type: str
    choices: [none, flow, port, conntrack, service]
    default: service
  unknown:
    description:
      - Also tell what is neither planned nor marked as the owner's where only the plan's objects should be.
        Such objects are never touched.
      - In check mode a section that cannot be read, or where something that is not ours is in the way, is then told in
        RV(failed_sections), and the others are predicted all the same.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and predicts the change exactly, also where nothing exists yet.
    support: full
  diff_mode:
    description: Returns the normalised state before and after of every object that changes.
    support: full
  platform:
    description: Linux with Open vSwitch.
    platforms: linux
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
seealso:
  - module: cloudnet.dataplane.host_plan
"""

EXAMPLES = r"""
- name: Read the host's plan
  cloudnet.dataplane.host_plan:
    plan_dir: "{{ site_plan.plan_dir }}"
  register: dataplane_plan

- name: Tell what has drifted, and what nobody has planned
  cloudnet.dataplane.host_dataplane:
    packed: "{{ dataplane_plan.whole }}"
    purge: true
    unknown: true
  check_mode: true
  become: true
  register: drift

- name: Put it right, unless a connection would end by that
  cloudnet.dataplane.host_dataplane:
    packed: "{{ dataplane_plan.whole }}"
    purge: true
    max_disruption: port
  become: true
"""

RETURN = r"""
changed:
  description: Whether anything changed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: What changed or would change, in the order of application.
  type: list
  elements: dict
  returned: success
  contains:
    section:
      description: >-
        Part of the plan: V(sysctls), V(bridges), V(internal_ports), V(namespaces), V(security_groups), V(ports),
        V(flows), V(nat_rules), V(floating_ips) or V(services).
      type: str
    owner:
      description: Whose object it is, by the plan.
      type: str
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: Kind and name, as the section's own module tells it.
      type: str
    before:
      description: Normalised state before; null if it did not exist.
      type: raw
    after:
      description: Normalised state after; null if it does not exist any more.
      type: raw
    disruption:
      description: What the change costs running traffic, as in O(max_disruption).
      type: str
disruption:
  description: The highest disruption among the changes.
  type: str
  returned: success
engine_seconds:
  description: Seconds that reading and changing the host took.
  type: float
  returned: success
unknown:
  description: What is neither planned nor marked as the owner's.
  type: list
  elements: dict
  returned: success, if O(unknown)
  contains:
    section:
      description: As in RV(changes[].section).
      type: str
    object:
      description: Kind and name.
      type: str
    owner:
      description: Whose mark of this collection it carries; null for none.
      type: str
failed_sections:
  description: The sections that could not be predicted.
  type: list
  elements: dict
  returned: success, if O(unknown) in check mode
  contains:
    section:
      description: As in RV(changes[].section).
      type: str
    msg:
      description: What is wrong and how to mend it.
      type: str
    conflict:
      description: Whether something that is not ours is in the way of the plan.
      type: bool
    owner:
      description: Whose mark of this collection that carries; null for none.
      type: str
problems:
  description: What is wrong with the plan.
  type: list
  elements: str
  returned: failure, if the plan was refused
refused:
  description: The changes that O(max_disruption) forbids, as in RV(changes), without their states.
  type: list
  elements: dict
  returned: failure, if O(max_disruption) was the reason
section:
  description: The section that failed. It was undone unless RV(rolled_back) is false; those before it are done.
  type: str
  returned: failure, if a section was the reason
rolled_back:
  description: Whether the section that failed is as it was before.
  type: bool
  returned: failure, if a section was the reason
"""

from dataclasses import asdict

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import DISRUPTIONS, Outcome
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput, ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.converge import (
    converge_plan,
    refuse_disruption,
    survey,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.sections import Settings
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import (
    Discreet,
    finish,
    opened,
    result_of,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.parse import secrets

ARGUMENTS = {
    "packed": {"type": "str", "required": True, "no_log": True},
    "purge": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "max_disruption": {"type": "str", "choices": list(DISRUPTIONS), "default": DISRUPTIONS[-1]},
    "unknown": {"type": "bool", "default": False},
}


def main():
    """Converge the host."""
    module = Discreet(_secrets, argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, lambda: _run(module))


def _secrets(plan):
    return secrets(plan.get("services") if isinstance(plan, dict) else None)


def _plan(packed):
    plan = opened(packed)
    if not isinstance(plan, dict):
        raise BadInput(["packed: must hold the plan of a host, a mapping"])
    return plan


def _run(module):
    """The keys that the module returns."""
    plan = _plan(module.params["packed"])
    settings = Settings(plan.get("owner"), *(module.params[key] for key in ("purge", "adopt", "max_disruption")))
    if not module.params["unknown"]:
        return _result(module, plan, converge_plan(plan, settings, module.check_mode, warn=module.warn))
    if not module.check_mode:
        outcomes = converge_plan(plan, settings, warn=module.warn)
        return {**_result(module, plan, outcomes), "unknown": _unknown(survey(plan, settings))}
    found = survey(plan, settings, module.warn)
    refuse_disruption(found.outcomes, settings.max_disruption)
    failed = [_failed(*each) for each in found.failed]
    return {**_result(module, plan, found.outcomes), "unknown": _unknown(found), "failed_sections": failed}


def _result(module, plan, outcomes):
    changes = [(name, change) for name, outcome in outcomes for change in outcome.changes]
    whole = Outcome([change for _name, change in changes], sum(outcome.seconds for _name, outcome in outcomes))
    told = [{**asdict(change), "section": name, "owner": plan["owner"]} for name, change in changes]
    return {**result_of(module, whole), "changes": told}


def _unknown(found):
    return [{"section": section, "object": what, "owner": owner} for section, what, owner in found.unknown]


def _failed(section, error):
    conflict = isinstance(error, ForeignObject)
    return {
        "section": section, "msg": str(error), "conflict": conflict, "owner": error.owner if conflict else None
    }


if __name__ == "__main__":
    main()
