# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host keeps for its own recovery, as converge() sees it. PRIVATE to the collection."""

from __future__ import annotations

import os
import shutil

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command, files
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend, Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import kept, paths, stamp, store, units
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.document import digest, encode


class Kept(Backend):
    """document: what to keep for owner, or None for nothing. engine: bytes of the program."""

    def __init__(self, owner, document, engine, check_mode=False):
        self._owner, self._document, self._engine, self._check_mode = owner, document, engine, check_mode

    def observe(self):
        return kept.observe(self._owner, self._show)

    def _show(self, names):
        try:
            return kept.show(names)
        except MissingTool:
            if self._check_mode:
                return dict.fromkeys(names)
            raise

    def _wanted(self, have):
        return kept.wanted(self._owner, self._document, self._engine, have)

    def diff(self, have):
        want = self._wanted(have)
        changes = [_change("directory", *each, _mode) for each in _different(have.directories, want.directories)]
        changes += [_change("file", *each, _file(each[0])) for each in _different(have.files, want.files)]
        return changes + [_change("unit", *each, _unit) for each in _different(have.units, want.units)]

    def apply(self, changes, have):
        self._write(have, self._wanted(have))

    def undo(self, changes, have):
        self._write(self.observe(), have)

    def _write(self, have, want):
        """From one to the other. A unit starts when all that it runs is there, and stops before any of that goes."""
        wrong = _units(have, want)
        _systemctl("disable", "--now", *[name for name, after in wrong if after is None and have.units[name]])
        for path, _before, mode in _different(have.directories, want.directories):
            if mode is not None:
                os.makedirs(path, exist_ok=True)
                os.chown(path, 0, 0)
                os.chmod(path, mode)
        for path, _before, after in _different(have.files, want.files):
            self._put(path, after)
        for path, _before, mode in reversed(_different(have.directories, want.directories)):
            if mode is None:
                shutil.rmtree(path, ignore_errors=True)
        if wrong:
            _systemctl("daemon-reload")
        _systemctl("disable", *[name for name, after in wrong if after and not after.enabled])
        _systemctl("enable", *[name for name, after in wrong if after and after.enabled])
        _systemctl("restart", *[name for name, after in wrong if after and after.active])

    def _put(self, path, file):
        if file is None:
            files.remove(path)
        elif path == f"{paths.home(self._owner)}/{paths.PLAN}":
            store.save(paths.home(self._owner), file.content)
        else:
            files.replace(path, file.content, file.mode, durable=True)


def _different(have, want):
    """[(key, before, after)] of what is wanted otherwise."""
    return [(key, have.get(key), after) for key, after in want.items() if have.get(key) != after]


def _units(have, want):
    """[(name, Unit after)] of those that systemd must be told about: also when only their files change."""
    texts = {path for path, _before, _after in _different(have.files, want.files)}
    return [
        (name, after) for name, after in want.units.items()
        if have.units.get(name) != after or f"{paths.UNITS}/{name}" in texts
    ]  # fmt: skip


def _change(kind, key, before, after, told):
    action = "create" if before is None else "delete" if after is None else "update"
    return Change(action, f"{kind} {key}", before and told(before), after and told(after))


def _mode(mode):
    return f"{mode:04o}" if mode >= 0 else "not root's"


def _file(path):
    """How a file is told: a plan holds secrets, and the engine is long."""

    def told(file):
        readable = path.startswith(paths.UNITS)
        content = {"lines": file.content.decode().splitlines()} if readable else {"sha256": digest(file.content)}
        return {**content, "mode": f"{file.mode:04o}", "root": file.root}

    return told


def _unit(unit):
    return {"enabled": unit.enabled, "active": unit.active, "outdated": unit.outdated}


def _systemctl(verb, *arguments):
    if verb == "daemon-reload" or any(not each.startswith("--") for each in arguments):
        command.run(["systemctl", "--quiet", verb, *arguments], package="systemd")


def bring_about_if_need_be(owner, document):
    """Run the kept plan once where the program had another one, or none that it could follow, at hand. Whether it was.

    A former plan may have been brought about while this one was being applied.
    """
    last = stamp.read(owner)
    former = last is not None and last.plan != digest(encode(document))
    failed = command.run(["systemctl", "is-failed", units.RESTORE], package="systemd", ok=(0, 1)).strip() == "failed"
    if former or failed:
        _systemctl("start", units.RESTORE)
    return former or failed
