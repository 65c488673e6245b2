# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with systemd, as the differences of netns_service see it: written to step by step, and stopped at any."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.diff import (
    RELOAD,
    RESTART,
    START,
    STOP,
    steps_to,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.goal import Goal
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.parse import parse
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    RUNNING,
    STOPPED,
    Have,
    Process,
    Seen,
    Unit,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.view import change_of

HOME = "/var/lib/dhcp/a"


class Host:
    """units, processes and paths as in Have. Every write takes one tick of the clock."""

    def __init__(self):
        self.now = 1
        self.units, self.loaded, self.processes, self.paths = {}, {}, {}, {}
        self.namespaces = {None: (0, 0)}
        self.services, self._known = {}, {}

    def observe(self, wanted):
        """A Have."""
        names = {*wanted.wanted, *wanted.concerned(self.units)}
        units = {**{name: Unit() for name in wanted.wanted}, **self.units}
        paths = {path for service in wanted.wanted.values() for path in service.paths}
        paths.update(*(record.paths for record in map(unit.read, (found.text for found in units.values())) if record))
        spaces = {service.namespace for service in wanted.wanted.values()} - {None}
        for name in spaces:
            self.namespaces.setdefault(name, (1, hash(name)))
        return Have(
            units=units,
            processes={name: self._process(name) for name in names},
            paths={path: self.paths.get(path) for path in paths},
            namespaces=dict(self.namespaces),
            now=self.now,
        )

    def _process(self, name):
        outdated = self.loaded.get(name) not in (None, self.units.get(name, Unit()).text)
        return replace(self.processes.get(name, Process()), outdated=outdated)

    def converge(self, wanted, killed_after=None, crash_at=None):
        """Run as apply() does, but at most so many writes; the process dies once after crash_at of them."""
        for number, write in enumerate(self._writes(wanted, steps_to(wanted, self.observe(wanted)))):
            if number == killed_after:
                return
            if number == crash_at:
                for name, process in list(self.processes.items()):
                    if process.state == RUNNING:
                        self._start(name)
            self.now += 1
            write()

    def _writes(self, wanted, steps):
        """The writes of apply(), in its order."""
        self.services.update(wanted.wanted)
        for name in steps.that(STOP):
            yield lambda name=name: self.processes.update({name: Process(STOPPED)})
        for step in steps.dropped:
            yield lambda step=step: self._remove(step.key)
        for step in steps.units:
            yield lambda step=step: self.write_unit(step.key, step.after)
        for step in (*steps.directories, *steps.files):
            yield lambda want=step.after: self.write(want.path, **_written(want))
        if steps.units:
            yield self._load
        for name in steps.that(RELOAD):
            yield lambda name=name: self._reload(name)
        for name in steps.that(START, RESTART):
            yield lambda name=name: self._start(name)
        for step in steps.removed:
            gone = self._remove_unit if step.kind == "unit" else self._remove
            yield lambda step=step, gone=gone: gone(step.key)

    def write_unit(self, name, found):
        """Put a unit file there."""
        self.now += 1
        self.units[name] = replace(found, mtime=self.now)

    def write(self, path, content=b"", kind="file", **rights):
        """Put a file or directory there."""
        self.now += 1
        rights = {"mode": "0644", "owner": "root", "group": "root", **rights}
        self.paths[path] = Seen(kind=kind, uid=0, gid=0, mtime=self.now, content=content, **rights)

    def _remove(self, path):
        for each in [each for each in self.paths if each == path or each.startswith(f"{path}/")]:
            del self.paths[each]

    def _remove_unit(self, name):
        del self.units[name]

    def _load(self):
        self.loaded = {name: found.text for name, found in self.units.items()}

    def _start(self, name):
        """Start from the unit that systemd has, which may be older than the file."""
        self.now += 1
        entries = unit.read(self.loaded.setdefault(name, self.units[name].text)).entries
        _path, _slash, space = entries.get("NetworkNamespacePath", "").rpartition("/")
        self.processes[name] = Process(
            state=RUNNING, pid=self.now, started=self.now, heard=self.now, namespace=self.namespaces[space or None],
            digest=entries["Environment"].partition("=")[2],
        )  # fmt: skip
        self._known[name] = self._files()

    def _reload(self, name):
        self.now += 1
        self.processes[name] = replace(self.processes[name], heard=self.now)
        again = {path: content for path, content in self._files().items() if path in self.services[name].read_again()}
        self._known[name].update(again)

    def _files(self):
        return {path: found.content for path, found in self.paths.items() if found.kind == "file"}

    def assert_knows(self, service):
        """The process runs from the wanted unit and has read the files that are there."""
        process, known = self.processes[service.name], self._known[service.name]
        assert process.state == RUNNING
        assert process.digest == unit.digest(service)
        assert process.namespace == self.namespaces[service.namespace]
        for path in (*service.read_at_start(), *service.read_again()):
            assert known.get(path) == self.paths[path].content, path


def _written(want):
    rights = {"mode": want.mode, "owner": want.owner, "group": want.group}
    return {"kind": want.kind, **rights, **({"content": want.content} if want.kind == "file" else {})}


def goal(*items, **options):
    return Goal(parse(list(items)), owner="demo", **options)


def host(*items):
    """A host on which these run."""
    made = Host()
    made.converge(goal(*items))
    return made


def steps(host, wanted):
    return steps_to(wanted, host.observe(wanted)).all()


def changes(host, wanted):
    new = {name for name, found in host.observe(wanted).units.items() if found.text is None and not found.masked}
    return [change_of(step, step.key in new) for step in steps(host, wanted)]


def told(host, wanted):
    """The changes, short: what, and of a process how and why."""
    return [(c.action, c.object.replace(HOME, "~"), *(((c.after or {}).get("by"), (c.before or {}).get("has_not_read"))
             if c.object.startswith("service") else ())) for c in changes(host, wanted)]  # fmt: skip
