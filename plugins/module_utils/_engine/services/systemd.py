# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools of systemd, many units at once. PRIVATE to the collection."""

from __future__ import annotations

import calendar
from datetime import datetime

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    CHANGING,
    FAILED,
    RESTARTING,
    RUNNING,
    STOPPED,
)

UNITS = "/etc/systemd/system"

_PROPERTIES = (
    "Id", "ActiveState", "SubState", "MainPID", "NRestarts", "NeedDaemonReload", "ExecMainStartTimestamp",
    "ActiveEnterTimestamp", "StateChangeTimestamp",
)  # fmt: skip
_STATES = {"active": RUNNING, "reloading": RUNNING, "inactive": STOPPED, "failed": FAILED}
_WAITS_FOR_RESTART = "auto-restart"


def show(names):
    """{service: {"state", "pid", "restarts", "started", "heard", "outdated"}} as Process has them."""
    if not names:
        return {}
    text = _systemctl("show", names, "--timestamp=us+utc", f"--property={','.join(_PROPERTIES)}")
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return {unit.service_name(block["Id"]): _process(block) for block in blocks}


def _process(block):
    waits = block["SubState"].startswith(_WAITS_FOR_RESTART)
    started, changed = (nanoseconds(block.get(key, "")) for key in ("ExecMainStartTimestamp", "StateChangeTimestamp"))
    return {
        "state": _STATES.get(block["ActiveState"], RESTARTING if waits else CHANGING),
        "pid": int(block.get("MainPID", 0)),
        "restarts": int(block.get("NRestarts", 0)),
        "started": started,
        # A reload changes the state of a unit that is active; before there was one, what counts is the start.
        "heard": changed if changed > nanoseconds(block.get("ActiveEnterTimestamp", "")) else started,
        "outdated": block["NeedDaemonReload"] == "yes",
    }


def nanoseconds(text):
    """A time of systemctl ("Sun 2026-11-22 11:49:20.888765 UTC", or "" for never) in ns since the epoch."""
    if not text:
        return 0
    _weekday, day, clock, _zone = text.split()
    found = datetime.fromisoformat(f"{day} {clock}")
    return calendar.timegm(found.timetuple()) * 10**9 + found.microsecond * 1000


def load():
    """Make systemd read its unit files."""
    _systemctl("daemon-reload", ())


def restart(names, wait=True):
    """Start units, anew if they run. With wait until each has been started once; whether it stays is not told."""
    _systemctl("restart", names, *([] if wait else ["--no-block"]), ok=(0, 1))


def reload(names):
    """Have the processes of units read their files again."""
    _systemctl("reload", names)


def stop(names):
    """Stop units, and forget that they failed."""
    _systemctl("stop", names, ok=(0, 5))  # 5 of stop, 1 of reset-failed: systemd knows the unit no more
    _systemctl("reset-failed", names, ok=(0, 1))


def _systemctl(verb, names, *options, ok=(0,)):
    if not names and verb != "daemon-reload":
        return ""
    return command.run(["systemctl", verb, *options, "--", *map(unit.file_name, names)], package="systemd", ok=ok)
