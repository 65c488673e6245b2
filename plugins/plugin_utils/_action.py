# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions share that read the site of the inventory. PRIVATE to the collection."""

from __future__ import annotations

import os

from ansible.plugins.action import ActionBase

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations import lockfile
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.variables import (
    host_groups,
    host_variables,
    site_variables,
)


class SiteAction(ActionBase):
    """An action on the controller that knows the site of the inventory."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def load_site(self, task_vars):
        """The validated Site. Raises SiteError."""
        return load(self._variables(task_vars), self._hosts(task_vars))

    def allocated(self, path, task_vars):
        """The site with its allocations, of which nothing is written. path: of the lock, or None. Raises SiteError."""
        site = self.load_site(task_vars)
        return Allocated(site, allocate(site, lockfile.read(path or self.beside_inventory(task_vars))))

    def beside_inventory(self, task_vars):
        """Where the lock is unless somebody says otherwise."""
        directory = task_vars.get("inventory_dir") or os.getcwd()
        return os.path.join(str(directory), lockfile.FILE)

    def _variables(self, task_vars):
        return site_variables(task_vars, lambda name: self._templar.template(task_vars[name]))

    def _hosts(self, task_vars):
        """{host: {"groups": [...], its variables}} of every host in one of our groups, whatever --limit says."""
        hosts = {}
        for name, groups in host_groups(task_vars["groups"]).items():
            variables = task_vars["hostvars"][name]
            hosts[name] = {**host_variables(variables, variables.__getitem__), "groups": groups}
        return hosts


class ReportAction(ActionBase):
    """An action on the controller that writes down what hosts answered."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def write_reports(self, directory, texts):
        """Write {file name: text} into a directory, made if need be, nothing in check mode; None: nowhere.

        The result keys changed (whether any was not yet as it has to be) and files.
        """
        paths = {os.path.join(directory, name): text for name, text in texts.items()} if directory else {}
        changed = [path for path, text in paths.items() if _read(path) != text]
        if changed and not self._task.check_mode:
            os.makedirs(directory, exist_ok=True)
            for path in changed:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(paths[path])
        return {"changed": bool(changed), "files": list(paths)}


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
