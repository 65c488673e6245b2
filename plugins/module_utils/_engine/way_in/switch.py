# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead man's switch: a change and its undo, as systemd's units and on disk. PRIVATE to the collection.

Two transient timers. The one makes the change a moment later, when whoever asked for it has the answer: the change may
cut him off. The other undoes it, unless it is stopped until then. Neither needs Ansible any more, and what they run is
a copy of this engine beside the file that says what to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command, files
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

DIRECTORY = "/run/cloudnet-dataplane/way-in"
_STATE, _ENGINE, _TURN = (f"{DIRECTORY}/{name}" for name in ("state.json", "engine.pyz", "turn"))

CHANGE, UNDO = (f"cloudnet-dataplane-way-in-{name}" for name in ("change", "undo"))

#: Phases. A change that is armed or applied is undone unless it is confirmed in time.
ARMED, APPLIED, UNDONE = "armed", "applied", "undone"
OPEN = (ARMED, APPLIED)

#: Seconds until the change is made: who asked for it has his answer by then.
_A_MOMENT = 1

#: The undo is tried again until it has worked.
_PERSISTENT = ("Restart=on-failure", "RestartSec=2", "StartLimitIntervalSec=600", "StartLimitBurst=60")


def read():
    """What is on disk: a dict with `phase`, or an empty one."""
    try:
        with open(_STATE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def write(state):
    """Keep a state, whole or not at all. Only root reads it."""
    files.replace(_STATE, json.dumps(state).encode(), 0o600)


@contextlib.contextmanager
def turn():
    """Confirming and undoing wait for each other. Raises EngineError if there is nothing to wait for."""
    try:
        descriptor = os.open(_TURN, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise EngineError("no change of the way in waits for being confirmed") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def arm(state, engine, timeout):
    """Undo in `timeout` seconds what is about to be changed. engine: the bytes of the zipapp that does both."""
    os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
    os.chmod(DIRECTORY, 0o700)
    files.replace(_ENGINE, engine, 0o600)
    files.replace(_TURN, b"", 0o600)
    write({**state, "phase": ARMED, "until": time.time() + timeout})
    try:
        _schedule(UNDO, "undo", timeout, _PERSISTENT)
        _schedule(CHANGE, "change", _A_MOMENT)
    except EngineError:
        disarm()
        raise


def _schedule(unit, verb, seconds, properties=()):
    own = [f"--property={each}" for each in (f"SyslogIdentifier={unit}", *properties)]
    timer = [f"--on-active={seconds}", "--timer-property=AccuracySec=100ms"]
    argv = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", *timer, *own, sys.executable, _ENGINE, verb]
    command.run(argv, package="systemd")


def waits():
    """Whether the timer runs that would undo a change, or what it started."""
    asked = ["systemctl", "is-active", f"{UNDO}.timer", f"{UNDO}.service"]
    states = command.run(asked, package="systemd", ok=(0, 3, 4)).split()
    return "active" in states or "activating" in states


def stop_change():
    """End the change that may still be made, or hang."""
    for unit in (f"{CHANGE}.timer", f"{CHANGE}.service"):
        command.run(["systemctl", "kill", "--kill-who=all", "--signal=KILL", unit], package="systemd", ok=(0, 1, 5))
        _stop(unit)


def disarm():
    """Nothing is undone any more, and nothing is left of it."""
    _stop(f"{UNDO}.timer", f"{UNDO}.service", f"{CHANGE}.timer")
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def close(why):
    """What was open has been undone; what a later run is told stays, and nothing else."""
    state = read()
    kept = {key: state[key] for key in ("changes", "asked_by") if key in state}
    write({**kept, "phase": UNDONE, "why": why, "at": time.time()})
    _stop(f"{UNDO}.timer")
    files.remove(_ENGINE)


def _stop(*units):
    command.run(["systemctl", "stop", *units], package="systemd", ok=(0, 5))  # 5: systemd knows them no more
