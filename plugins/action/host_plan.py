# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.host_plan: see plugins/modules/host_plan.py for its documentation."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.by_device import by_device
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.files import PlanError, read_plan
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._vault import Vault

#: Handed to a module whole, so never looked into by Ansible.
PACKED = ("internal_ports", "ports", "flows", "namespaces", "security_groups", "nat_rules", "floating_ips", "services")

#: What way_in needs of a plan.
SWITCHED = ("bridges", "ports", "flows")


class ActionModule(ActionBase):
    """Read this host's plan and return its sections."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/host_plan.py."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            argument_spec={
                "plan_dir": {"type": "path", "required": True},
                "site": {"type": "str"},
                "host": {"type": "str", "default": task_vars["inventory_hostname"]},
            }
        )
        try:
            plan = read_plan(**arguments, vault=Vault(self._loader._vault.secrets))
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from error
        sections = {**plan, **by_device(plan["ports"])}
        packed = {name: pack(section) if name in PACKED else section for name, section in sections.items()}
        # Services have files with secrets, and the packed text hides nothing
        return {"changed": False, "_ansible_no_log": True, "whole": pack(plan),
                "way_in": pack({name: plan[name] for name in SWITCHED}), **packed}
