# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the host has to what is wanted. Pure. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.goal import Claims
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    RUNNING,
    STOPPED,
    Unit,
)

START, RESTART, RELOAD, STOP = "start", "restart", "reload", "stop"


@dataclass(frozen=True)
class Step:
    """One object that changes.

    kind and before, after (None: there is none):
      unit       Unit; the same twice where systemd has yet to read it
      directory  Seen, Directory
      file       Seen, File
      process    Process, one of START, RESTART, RELOAD, STOP; reasons: why, for RESTART and RELOAD
    key: the service's name, or the path. secret: nobody may see what the file holds or held.
    """

    kind: str
    key: str
    before: Any
    after: Any
    reasons: tuple = ()
    secret: bool = False


@dataclass
class Steps:
    """Steps by phase, in the order of application. A file that nobody wants goes before the unit forgets it."""

    stops: list = field(default_factory=list)
    dropped: list = field(default_factory=list)
    units: list = field(default_factory=list)
    directories: list = field(default_factory=list)
    files: list = field(default_factory=list)
    processes: list = field(default_factory=list)
    removed: list = field(default_factory=list)

    def all(self):
        """One list."""
        return [
            *self.stops, *self.dropped, *self.units, *self.directories, *self.files, *self.processes, *self.removed,
        ]  # fmt: skip

    def that(self, *actions):
        """Names of the services whose processes do one of the actions."""
        return [step.key for step in (*self.stops, *self.processes) if step.after in actions]


def steps_to(goal, have):
    """Steps from Have to Goal. Raises ForeignObject, EngineError."""
    goal.refuse_foreign_units(have.units)
    claims, steps = Claims(goal, have), Steps()
    for name in {**dict.fromkeys(claims.leaving), **dict.fromkeys(goal.absent)}:
        process = have.processes[name]
        if process.state != STOPPED:
            steps.stops.append(Step("process", name, process, STOP))
    for name in claims.leaving:
        steps.removed += _removals(name, have, claims)
        steps.removed.append(Step("unit", name, have.units[name], None))
    for service in goal.wanted.values():
        claims.refuse_foreign_paths(service, have.paths)
        _add(steps, service, goal.owner, have, claims)
    return steps


def _removals(name, have, claims):
    """Steps that remove what a service leaves behind: files first, then directories, deepest first."""
    there = {path: have.paths[path] for path in claims.left_by(name) if have.paths[path] is not None}
    kinds = {path: "directory" if found.kind == "directory" else "file" for path, found in there.items()}
    order = sorted(there, key=lambda path: (kinds[path] == "directory", -path.count("/"), path))
    return [Step(kinds[path], path, there[path], None, secret=path in claims.secrets) for path in order]


def _add(steps, service, owner, have, claims):
    """The steps of one wanted service."""
    name, found, process = service.name, have.units[service.name], have.processes[service.name]
    steps.dropped += _removals(name, have, claims)
    goal = Unit(unit.render(service, owner))
    rewritten = (found.text, found.mode) != (goal.text, goal.mode)
    if rewritten:
        steps.units.append(Step("unit", name, found, goal))
    elif process.outdated:
        steps.units.append(Step("unit", name, found, found))
    for want in sorted(service.directories, key=lambda each: each.path):
        if not _same_rights(have.paths[want.path], want):
            steps.directories.append(Step("directory", want.path, have.paths[want.path], want))
    files = [want for want in service.files if not _same_file(have.paths[want.path], want)]
    for want in files:
        secret = want.secret or want.path in claims.secrets
        steps.files.append(Step("file", want.path, have.paths[want.path], want, secret=secret))
    action, reasons = _action(service, process, _Inputs(have, service, rewritten, {want.path for want in files}))
    if action:
        steps.processes.append(Step("process", name, process, action, tuple(reasons)))


def _same_rights(found, want):
    return found is not None and (found.mode, found.owner, found.group) == (want.mode, want.owner, want.group)


def _same_file(found, want):
    if want.create_only:
        return found is not None
    return _same_rights(found, want) and (found.kind, found.content) == ("file", want.content)


class _Inputs:
    """What a process reads, against the times when it read."""

    def __init__(self, have, service, rewritten, changed):
        """rewritten: the unit will be. changed: paths of the files that will be."""
        self._have, self._service, self._rewritten, self._changed = have, service, rewritten, changed

    def files_newer(self, paths, then):
        """Those of the paths whose files the process has not read."""
        return [path for path in paths if path in self._changed or self._after(self._have.paths[path].mtime, then)]

    def unit_newer(self, then):
        """Whether the unit file is newer than then, or will be."""
        return self._rewritten or self._after(self._have.units[self._service.name].mtime, then)

    def namespace(self):
        """What tells the namespace that the process should be in."""
        return self._have.namespaces[self._service.namespace]

    def _after(self, mtime, then):
        # A file from the future, which a clock gone wrong has left, would stay newer than every start.
        return then < mtime <= self._have.now


def _action(service, process, inputs):
    """What the process must do, and why: start; start anew, where nothing less helps; read again; or nothing (None)."""
    if process.state != RUNNING:
        return START, []
    reasons = ["namespace"] if process.namespace != inputs.namespace() else []
    reasons += ["unit"] if _started_from_another(service, process, inputs) else []
    reasons += inputs.files_newer(service.read_at_start(), process.started)
    if reasons:
        return RESTART, reasons
    if service.reload_signal:
        reasons = ["unit"] if inputs.unit_newer(process.heard) else []
        reasons += inputs.files_newer(service.read_again(), process.heard)
    return (RELOAD, reasons) if reasons else (None, [])


def _started_from_another(service, process, inputs):
    """Whether the process started from another unit. One that has overwritten its environment is judged by time."""
    if process.digest is None:
        return inputs.unit_newer(process.started)
    return process.digest != unit.digest(service)
