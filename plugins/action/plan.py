# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.plan: see plugins/modules/plan.py for its documentation."""

from __future__ import annotations

import os
import tempfile

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations import lockfile
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.files import write_plans
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.summary import summary
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.variables import (
    host_groups,
    host_variables,
    site_variables,
)


class ActionModule(ActionBase):
    """Validate, allocate, compile, write."""

    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/plan.py."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            argument_spec={"plan_dir": {"type": "path"}, "allocations": {"type": "path"}}
        )
        allocations = arguments["allocations"] or self._beside_inventory(task_vars)
        try:
            old = lockfile.read(allocations)
            site = load(self._site(task_vars), self._hosts(task_vars))
            new = allocate(site, old)
            plans = compile_site(site, new)
        except SiteError as error:
            raise AnsibleActionFail(f"The site cannot be built:\n{error}") from error
        return self._write(arguments["plan_dir"], allocations, old, new, site, plans)

    def _write(self, plan_dir, allocations, old, new, site, plans):
        check = self._task.check_mode
        allocations_changed = new != old
        if allocations_changed and not check:
            lockfile.write(allocations, new)
        kept = plan_dir and not check
        directory = plan_dir if kept else tempfile.mkdtemp(prefix="plan-", dir=C.DEFAULT_LOCAL_TMP)
        changed_plans = write_plans(directory, plans)
        return {
            "changed": allocations_changed or bool(kept and changed_plans),
            "allocations_changed": allocations_changed,
            "allocations": allocations,
            "plan_dir": directory,
            "hosts": sorted(plans),
            "summary": summary(site, plans),
            "diff": {
                "before_header": allocations,
                "after_header": allocations,
                "before": lockfile.text(old) if allocations_changed else "",
                "after": lockfile.text(new) if allocations_changed else "",
            },
        }

    def _beside_inventory(self, task_vars):
        directory = task_vars.get("inventory_dir") or os.getcwd()
        return os.path.join(str(directory), lockfile.FILE)

    def _site(self, task_vars):
        return site_variables(task_vars, lambda name: self._templar.template(task_vars[name]))

    def _hosts(self, task_vars):
        """{host: {"groups": [...], its variables}} of every host in one of our groups, whatever --limit says."""
        hosts = {}
        for name, groups in host_groups(task_vars["groups"]).items():
            variables = task_vars["hostvars"][name]
            hosts[name] = {**host_variables(variables, variables.__getitem__), "groups": groups}
        return hosts
