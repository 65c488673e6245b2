# SPDX-License-Identifier: GPL-3.0-or-later
"""Leads back to what was before steps were written, however many of them were. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import os
import shutil

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import files
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import apply, systemd, unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.diff import RELOAD
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    RESTARTING,
    RUNNING,
    STOPPED,
)


def undo(steps, have, directory):
    """Files, units and directories with their times, so that no process seems older than what it has read; then the
    processes that are not those of before."""
    now = systemd.show([step.key for step in (*steps.stops, *steps.processes)])
    changed = {name for name, told in now.items() if told["pid"] != have.processes[name].pid or not told["pid"]}
    rested = [name for name in changed if have.processes[name].state not in (RUNNING, RESTARTING)]
    systemd.stop([name for name in rested if now[name]["state"] != STOPPED])
    contents = [*steps.dropped, *steps.files, *steps.directories, *steps.removed]
    for step in sorted((each for each in contents if each.kind == "directory"), key=lambda each: each.key):
        _directory(step)
    for step in (each for each in contents if each.kind == "file"):
        _file(step)
    for path in sorted(have.missing, reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(path)
    units = [step for step in (*steps.units, *steps.removed) if step.kind == "unit"]
    for step in units:
        _unit(f"{directory}/{unit.file_name(step.key)}", step.before)
    if units:
        systemd.load()
    _processes(steps, have, changed)


def _processes(steps, have, changed):
    """Those that ran run again, from what they knew."""
    was = {name: have.processes[name].state for name in changed}
    systemd.restart([name for name, state in was.items() if state == RESTARTING], wait=False)
    systemd.reload([name for name in steps.that(RELOAD) if name not in changed])
    apply.start([name for name, state in was.items() if state == RUNNING])


def _directory(step):
    if step.before is None:
        shutil.rmtree(step.key, ignore_errors=True)
        return
    apply.make_parents(f"{step.key}/below")
    os.chown(step.key, step.before.uid, step.before.gid)
    os.chmod(step.key, int(step.before.mode, 8))


def _file(step):
    found = step.before
    if found is None:
        files.remove(step.key)
    elif found.kind == "symlink":
        files.remove(step.key)
        os.symlink(found.content, step.key)
    else:
        files.replace(step.key, found.content, int(found.mode, 8), found.uid, found.gid, found.mtime)


def _unit(path, found):
    if found.masked:
        files.remove(path)
        os.symlink(os.devnull, path)
    elif found.text is None:
        files.remove(path)
    else:
        content = found.text.encode("utf-8", "surrogateescape")
        files.replace(path, content, int(found.mode, 8), mtime=found.mtime)
