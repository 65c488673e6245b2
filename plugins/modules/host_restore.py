#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module cloudnet.dataplane.host_restore."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_restore
short_description: Have a host bring its data plane back by itself
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Keeps a host's plan on the host, with the engine of this collection as one file and units of systemd that run it
    without Ansible and without the controller.
  - C(cloudnet-dataplane-restore.service) brings the host to its plan at boot, before instances start, and whenever
    ovs-vswitchd or ovsdb-server has started anew, however that came.
  - C(cloudnet-dataplane-reconcile.timer) corrects every O(interval) seconds what has drifted, but for two minutes after
    a run of Ansible has changed the host.
  - Both report to the journal, and to Prometheus if there is a O(textfile_directory).
  - The plan holds secrets. Only root can read it; it has a checksum, and the former one is kept beside it. A plan that
    is torn, changed by hand, or that others than root could read or write is not followed, but the former one.
  - Apply the plan first, with M(cloudnet.dataplane.host_dataplane) or the roles. This module changes nothing of the
    data plane, unless the former plan was restored meanwhile, or restoring has failed; then it runs the service once.
options:
  packed:
    description: The host's plan as M(cloudnet.dataplane.host_plan) returns it under C(whole). Required with
      O(state=present).
    type: str
  owner:
    description: Whose plan it is, the C(owner) of the plan. A host keeps a plan for each owner.
    type: str
    required: true
  purge:
    description: Also remove what carries the owner's mark and is not planned.
    type: bool
    default: false
  adopt:
    description: Take over objects that have a planned name but not our mark.
    type: bool
    default: false
  interval:
    description: Seconds between two corrections; V(0) for none. With several owners the shortest counts for all that
      have one.
    type: int
    default: 0
  max_disruption:
    description:
      - What a correction may cost running traffic, as in M(cloudnet.dataplane.host_dataplane). One that would cost more
        is not made, and fails.
      - Restoring after a boot or a restart of Open vSwitch is not limited.
    type: str
    choices: [none, flow, port, conntrack, service]
    default: service
  textfile_directory:
    description: Where Prometheus's node exporter looks for textfiles, for example
      V(/var/lib/prometheus/node-exporter). Made when missing. Empty for none.
    type: str
    default: ""
  state:
    description:
      - V(absent) takes the plan of O(owner) away, and with the last one units and engine. The data plane stays.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Can run in check mode and predicts the change exactly.
    support: full
  diff_mode:
    description: Returns what differs; of the plan and the engine their checksums.
    support: full
  platform:
    description: Linux with systemd 247 or newer, and /usr/bin/python3 3.9 or newer.
    platforms: linux
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
seealso:
  - module: cloudnet.dataplane.host_dataplane
  - module: cloudnet.dataplane.host_plan
"""

EXAMPLES = r"""
- name: Bring the data plane back after a boot, and correct it every ten minutes
  cloudnet.dataplane.host_restore:
    packed: "{{ dataplane_plan.whole }}"
    owner: "{{ dataplane_plan.owner }}"
    purge: true
    interval: 600
    max_disruption: flow
    textfile_directory: /var/lib/prometheus/node-exporter
  become: true

- name: Do so no more
  cloudnet.dataplane.host_restore:
    owner: demo
    state: absent
  become: true
"""

RETURN = r"""
changed:
  description: Whether what the host keeps changed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: What changed or would change.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: Kind and name, for example C(unit cloudnet-dataplane-restore.path).
      type: str
    before:
      description: State before; null if there was none. Of the plan and the engine the checksum.
      type: dict
    after:
      description: State after; null if there is none.
      type: dict
    disruption:
      description: Always V(none).
      type: str
disruption:
  description: Always V(none).
  type: str
  returned: success
engine_seconds:
  description: Seconds that reading and changing the host took.
  type: float
  returned: success
restored:
  description:
    - Whether the service had to run, because a former plan was restored while this one was being applied, or because
      restoring had failed before.
  type: bool
  returned: success, not in check mode
problems:
  description: What is wrong with the plan or an option.
  type: list
  elements: str
  returned: failure, if it was refused
rolled_back:
  description: Whether what the host keeps is as it was before.
  type: bool
  returned: failure while changing it
attempted:
  description: What was to change.
  type: list
  elements: str
  returned: failure while changing it
"""

import os
import re

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import DISRUPTIONS, converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.sections import backends
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import (
    Discreet,
    finish,
    opened,
    result_of,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import archive
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.backend import (
    Kept,
    bring_about_if_need_be,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.document import Document
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.main import main as program
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.parse import secrets

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

ARGUMENTS = {
    "packed": {"type": "str", "no_log": True},
    "owner": {"type": "str", "required": True},
    "purge": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "interval": {"type": "int", "default": 0},
    "max_disruption": {"type": "str", "choices": list(DISRUPTIONS), "default": DISRUPTIONS[-1]},
    "textfile_directory": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main():
    """Converge what the host keeps."""
    module = Discreet(
        _secrets,
        argument_spec=ARGUMENTS,
        required_if=[("state", "present", ("packed",))],
        supports_check_mode=True,
    )
    finish(module, lambda: _run(module))


def _secrets(plan):
    return secrets(plan.get("services") if isinstance(plan, dict) else None)


def _run(module):
    """The keys that the module returns."""
    params = module.params
    _refuse_wrong_name(params["owner"])
    document = _document(params) if params["state"] == "present" else None
    engine = archive.build(program.__module__)
    outcome = converge(Kept(params["owner"], document, engine, module.check_mode), module.check_mode)
    result = result_of(module, outcome)
    if not module.check_mode:
        result["restored"] = document is not None and bring_about_if_need_be(params["owner"], document)
    return result


def _refuse_wrong_name(owner):
    if not _NAME.fullmatch(owner):  # a directory is called so
        raise BadInput([f"owner: {owner}: must be letters, digits, '_', '.' and '-', starting with a letter or digit"])


def _document(params):
    """The Document to keep: only of a plan that can be applied. Raises BadInput."""
    plan = opened(params["packed"])
    keys = ("purge", "adopt", "max_disruption", "interval", "textfile_directory")
    document = Document(plan, **{key: params[key] for key in keys})
    problems = []
    if document.interval < 0:
        problems.append(f"interval: {document.interval}: must be 0 or a number of seconds")
    if document.textfile_directory and not os.path.isabs(document.textfile_directory):
        problems.append(f"textfile_directory: {document.textfile_directory}: must be an absolute path")
    if not isinstance(plan, dict) or plan.get("owner") != params["owner"]:
        problems.append(f"owner: {params['owner']}: must be that of the plan")
    if problems:
        raise BadInput(problems)
    backends(plan, document.settings(), check_mode=True)
    return document


if __name__ == "__main__":
    main()
