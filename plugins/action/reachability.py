# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.reachability: see plugins/modules/reachability.py for its documentation."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._action import SiteAction
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.questions import questions
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError

_PAIRS = 1000


class ActionModule(SiteAction):
    """Load the site, ask the model."""

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/reachability.py."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            argument_spec={"pairs": {"type": "int", "default": _PAIRS}, "allocations": {"type": "path"}}
        )
        try:
            allocated = self.allocated(arguments["allocations"], task_vars)
            plans = compile_site(allocated.site, allocated.lock)
            asked = questions(allocated, SiteSecurity(allocated), arguments["pairs"])
        except SiteError as error:
            raise AnsibleActionFail(f"The site cannot be built:\n{error}") from error
        hosts = {name: _share(each, _namespaces(name, plans[name])) for name, each in asked.items()}
        return {"changed": False, "site": allocated.site.name, "hosts": hosts}


def _share(asked, namespaces):
    probes = namespaces + asked["probes"]
    return {"probes": pack(probes), "listeners": asked["listeners"], "count": len(probes)}


def _namespaces(host, plan):
    """A probe for every namespace that a host is to have."""
    return [{"name": f"{host} has {item['name']}", "origin": host, "target": item["name"], "kind": "namespace",
             "namespace": item["name"], "expect": "reached"} for item in plan["namespaces"]]
