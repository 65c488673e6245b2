# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes steps to the host. PRIVATE to the collection.

A unit file comes before all that it records and goes after it, so that a run which is killed
leaves nothing that the next one does not know of.
"""

from __future__ import annotations

import os
import shutil
import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import files
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import journal, systemd, unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.diff import (
    RELOAD,
    RESTART,
    START,
    STOP,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.observe import gid, uid
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    CHANGING,
    RESTARTING,
    RUNNING,
    above,
)

#: Seconds that a process must live before its start counts as done: one that cannot run has died by then.
SETTLED = 0.5

#: Seconds that all together may take for that, from when systemd has executed them, and starts beside the first.
PATIENCE, CHANCES = 10.0, 3

#: Services whose journal an error shows, and seconds that systemd may take to write there how a process ended.
_SHOWN, _WRITING = 3, 0.2

#: Which package has a program, where it is not called like it.
_PACKAGES = {"dnsmasq": "dnsmasq-base"}


def require(services, steps):
    """Refuse before anything changes what could not run: programs, users and groups must be there."""
    starting = {*steps.that(START, RESTART)}
    for service in services.values():
        program = service.command[0]
        if service.name in starting and not os.access(program, os.X_OK):
            name = os.path.basename(program)
            raise MissingTool(program, _PACKAGES.get(name, name))
        if service.name in starting and service.user and uid(service.user) is None:
            raise EngineError(_no_account("user", service.user))
    for step in (*steps.directories, *steps.files):
        if uid(step.after.owner) is None:
            raise EngineError(_no_account("user", step.after.owner))
        if gid(step.after.group) is None:
            raise EngineError(_no_account("group", step.after.group))


def _no_account(kind, name):
    return f"{kind} {name} does not exist on this host: usually the package of the program makes it"


def apply(steps, directory, confirm):
    """Write the steps. directory: where unit files are. confirm: called before what leaves is deleted for good."""
    systemd.stop(steps.that(STOP))
    for step in steps.dropped:
        _remove(step)
    for step in steps.units:
        write_unit(directory, step.key, step.after)
    for step in steps.directories:
        _make(step.after)
    for step in steps.files:
        _write(step.after)
    if steps.units:
        systemd.load()
    systemd.reload(steps.that(RELOAD))
    start(steps.that(START, RESTART))
    if steps.removed:
        confirm()
    for step in steps.removed:
        if step.kind == "unit":
            files.remove(f"{directory}/{unit.file_name(step.key)}")
        else:
            _remove(step)


def write_unit(directory, name, wanted):
    """Put a Unit where systemd looks for it."""
    content = wanted.text.encode("utf-8", "surrogateescape")
    files.replace(f"{directory}/{unit.file_name(name)}", content, int(wanted.mode, 8))


def _remove(step):
    if step.kind == "directory":
        shutil.rmtree(step.key, ignore_errors=True)
    else:
        files.remove(step.key)


def _make(want):
    make_parents(want.path)
    if not os.path.isdir(want.path):
        os.mkdir(want.path, 0o700)
    os.chown(want.path, uid(want.owner), gid(want.group))
    os.chmod(want.path, int(want.mode, 8))


def _write(want):
    make_parents(want.path)
    files.replace(want.path, want.content, int(want.mode, 8), uid(want.owner), gid(want.group))


def make_parents(path):
    """Make the directories above path that are missing, readable by all."""
    for parent in reversed(above(path)):
        if not os.path.isdir(parent):
            os.mkdir(parent)
            os.chmod(parent, 0o755)


def start(names):
    """Start services (anew if they run), and wait until their processes have come to rest.

    systemd calls a process started that has been executed, whatever becomes of it then. One that
    ends gets its chances: an address that it binds to may be usable a moment later.
    """
    if not names:
        return
    since = time.time()
    systemd.restart(names)
    latest = time.monotonic() + PATIENCE
    while names:
        told = systemd.show(names)
        late = time.monotonic() > latest
        if any(_is_dead(told[name], late) for name in names):
            raise EngineError(_why([n for n in names if told[n]["restarts"] or told[n]["state"] != RUNNING], since))
        names = [name for name in names if not late and not _has_settled(told[name])]
        time.sleep(0.1 if names else 0)


def _is_dead(told, late):
    if told["state"] in (RUNNING, CHANGING):
        return late and told["state"] == CHANGING
    return late or told["state"] != RESTARTING or told["restarts"] >= CHANCES


def _has_settled(told):
    """Whether the process lives, for some time, and waits for work."""
    age = time.time_ns() - told["started"]
    return told["state"] == RUNNING and age > SETTLED * 10**9 and _life(told["pid"]) in ("S", "I")


def _life(pid):
    """The state of a process as in proc(5), or None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def _why(names, since):
    """What the journal says of services that do not start."""
    time.sleep(_WRITING)
    shown = [f"service {unit.PREFIX}{name} does not start: {' | '.join(journal.why(name, since))}"
             for name in names[:_SHOWN]]  # fmt: skip
    more = len(names) - len(shown)
    return "; ".join(shown) + (f"; and {more} more do not" if more else "")
