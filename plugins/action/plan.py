# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.plan: see plugins/modules/plan.py for its documentation."""

from __future__ import annotations

import tempfile

from ansible import constants as C
from ansible.errors import AnsibleActionFail

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._action import SiteAction
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations import lockfile
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.files import write_plans
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.summary import summary
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._vault import Vault


class ActionModule(SiteAction):
    """Validate, allocate, compile, write."""

    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/plan.py."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            argument_spec={
                "plan_dir": {"type": "path"},
                "allocations": {"type": "path"},
                "encrypt": {"type": "bool", "default": False},
            }
        )
        allocations = arguments["allocations"] or self.beside_inventory(task_vars)
        try:
            old = lockfile.read(allocations)
            site = self.load_site(task_vars)
            new = allocate(site, old)
            plans = compile_site(site, new)
        except SiteError as error:
            raise AnsibleActionFail(f"The site cannot be built:\n{error}") from error
        return self._write(arguments, allocations, old, new, site, plans)

    def _write(self, arguments, allocations, old, new, site, plans):
        check, plan_dir = self._task.check_mode, arguments["plan_dir"]
        allocations_changed = new != old
        if allocations_changed and not check:
            lockfile.write(allocations, new)
        kept = bool(plan_dir) and not check
        directory = plan_dir if kept else tempfile.mkdtemp(prefix="plan-", dir=C.DEFAULT_LOCAL_TMP)
        changed_plans = write_plans(
            directory, plans, Vault(self._loader._vault.secrets), encrypt=kept and arguments["encrypt"]
        )
        return {
            "changed": allocations_changed or (kept and bool(changed_plans)),
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
