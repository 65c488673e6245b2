# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as converge() sees them. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    BadInput,
    EngineError,
    MissingTool,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import systemd, unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.apply import apply, require
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.diff import steps_to
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.goal import Goal
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.observe import observe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.parse import parse, parse_names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.undo import undo
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.view import change_of

#: How the names of this collection's own units go on after the prefix of services.
_NO_SERVICES = "dataplane-"


class NetnsService(Backend):
    """The services of one host. directory: where unit files are."""

    def __init__(self, goal, check_mode=False, directory=systemd.UNITS):
        self._goal, self._check_mode, self._directory = goal, check_mode, directory

    def observe(self):
        return observe(self._goal.wanted, self._goal.concerned, self._directory, self._show)

    def _show(self, names):
        try:
            return systemd.show(names)
        except MissingTool:
            if self._check_mode:
                return {}
            raise

    def diff(self, have):
        steps = steps_to(self._goal, have)
        if not self._check_mode:
            _need_namespaces(self._goal.wanted, have.namespaces)
            require(self._goal.wanted, steps)
        new = {name for name, found in have.units.items() if found.text is None and not found.masked}
        return [change_of(step, step.key in new) for step in steps.all()]

    def unknown(self, have):
        """Units of our prefix, but for those of this collection that are no services."""
        names = (name for name in have.units if name not in self._goal.wanted and not name.startswith(_NO_SERVICES))
        records = {name: unit.read(have.units[name].text) for name in names}
        found = {name: record.owner if record else None for name, record in records.items()}
        return [(f"unit {unit.file_name(name)}", owner) for name, owner in found.items() if owner != self._goal.owner]

    def apply(self, changes, have):
        apply(steps_to(self._goal, have), self._directory, self._confirm)

    def _confirm(self):
        """All but the deletion of what leaves must have taken before that goes for good."""
        left = [step for step in steps_to(self._goal, self.observe()).all() if step.after is not None]
        if left:
            raise EngineError("did not take: " + ", ".join(f"{step.kind} {step.key}" for step in left[:20]))

    def undo(self, changes, have):
        undo(steps_to(self._goal, have), have, self._directory)


def _need_namespaces(wanted, namespaces):
    for service in wanted.values():
        if namespaces[service.namespace] is None:
            raise EngineError(
                f"network namespace {service.namespace} of service {service.name} does not exist: netns makes it"
            )


def backend_of(config, params, check_mode):
    """The backend for a module call. Raises BadInput."""
    if not params["owner"].isprintable() or not params["owner"].strip():
        raise BadInput([f"owner: {params['owner']}: must be one line of text"])
    present = params["state"] == "present"
    wanted, absent = (parse(config), ()) if present else ({}, tuple(parse_names(config)))
    return NetnsService(Goal(wanted, absent, params["owner"], params["purge"], params["adopt"]), check_mode)
