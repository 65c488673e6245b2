# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a unit, a file or a directory is. Pure. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    EngineError,
    ForeignObject,
    refuse_foreign,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import Unit, above

_MAY_BE = {"file": ("file", "symlink"), "directory": ("directory",)}


@dataclass(frozen=True)
class Goal:
    """wanted: {name: Service}. absent: names that must not be. owner: whose mark. purge, adopt: as the module's."""

    wanted: dict
    absent: tuple = ()
    owner: str = "default"
    purge: bool = False
    adopt: bool = False

    def leaving(self, units):
        """Names of the services that go: those listed as absent that have a unit, and with purge what is not listed."""
        listed = [name for name in self.absent if units.get(name, Unit()).text is not None]
        if not self.purge:
            return listed
        others = {name for name, found in units.items() if self._owns(found)}
        return listed + sorted(others.difference(self.wanted, listed))

    def concerned(self, units):
        """Names of the services to look at beside the wanted ones."""
        return [*self.absent, *self.leaving(units)]

    def _owns(self, found):
        record = unit.read(found.text)
        return record is not None and record.owner == self.owner

    def refuse_foreign_units(self, units):
        """Raise ForeignObject if a unit in the way does not carry our mark."""
        foreign = []
        for name in () if self.adopt else (*self.wanted, *self.absent):
            found = units.get(name, Unit())
            if found.text is not None and not self._owns(found):
                file, record = unit.file_name(name), unit.read(found.text)
                remove = f"systemctl stop {file}, and delete the file"
                foreign.append(ForeignObject(f"unit {file}", remove, record.owner if record else None))
        refuse_foreign(foreign)


class Claims:
    """What the units that are ours, or will be by adoption, record as theirs."""

    def __init__(self, goal, have):
        units = have.units
        listed = {*goal.wanted, *goal.absent} if goal.adopt else ()
        records = ((name, unit.read(found.text)) for name, found in units.items())
        self._records = {name: each for name, each in records if each and (each.owner == goal.owner or name in listed)}
        self.leaving = goal.leaving(units)
        self.secrets = frozenset().union(*(record.secrets for record in self._records.values()))
        self._goal, self._holders, self._homes = goal, {}, {}
        for name, record in self._records.items():
            self._holders.update(dict.fromkeys(record.paths, name))
            self._homes.update(dict.fromkeys(record.directories, name))
        self._kept = {path for service in goal.wanted.values() for path in service.paths}
        self._kept.update(path for path, name in self._holders.items() if self._stays(name))
        self._kept.update(parent for path in list(self._kept) for parent in above(path))
        # Whose unit file was masked or deleted by hand has lost its record, but the name or the process tells.
        self._evident = {name for name, found in units.items() if found.masked}
        self._evident.update(name for name, process in have.processes.items() if process.digest)

    def _stays(self, name):
        """Whether a service is not this call's business."""
        return name not in self.leaving and name not in self._goal.wanted

    def left_by(self, name):
        """The paths of a service that nobody wants any more."""
        return self._records[name].paths - self._kept if name in self._records else frozenset()

    def refuse_foreign_paths(self, service, paths):
        """Raise if something that is not ours, or of another kind, is where a service's paths are."""
        for path, want in service.paths.items():
            holders = {self._holders.get(path), *(self._homes.get(parent) for parent in above(path))} - {None}
            others = [name for name in holders if name != service.name and self._stays(name)]
            if others:
                raise EngineError(f"{want.kind} {path} of service {service.name} belongs to service {others[0]}")
            found = paths[path]
            if found is None:
                continue
            if found.kind not in _MAY_BE[want.kind]:
                raise EngineError(f"{path} should be a {want.kind}, but is a {found.kind}: remove it")
            if not holders and not self._goal.adopt and service.name not in self._evident:
                raise ForeignObject(f"{want.kind} {path}", f"rm -r {path}")
