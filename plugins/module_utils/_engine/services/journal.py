# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal says of a unit that does not start. PRIVATE to the collection."""

from __future__ import annotations

import json
import os

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import CommandFailed, MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import unit

#: As many lines as tell why.
_LINES = 8

#: Message IDs of systemd's catalog: a unit is being started; it has ended, without and with a failure.
_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
_ENDED = ("7ad2d189f7e94e70a38c781354912448", "d9b373ed55a64feb8242e02dbe79a49c")

#: The priority of what is worth no notice, as in syslog(3).
_INFO = 6


def why(name, since):
    """What a service wrote last, and systemd about it, when its last start since then (s since the epoch) ended."""
    try:
        command.run(["journalctl", "--sync"], package="systemd")
        wanted = [f"--since=@{since:.6f}", "--output=json", "--all", "--quiet", "--no-pager"]
        lines = command.run(["journalctl", "--unit", unit.file_name(name), *wanted], package="systemd").splitlines()
    except (CommandFailed, MissingTool):
        return []
    return [_text(entry) for entry in last_end([json.loads(line) for line in lines], _lives)]


def last_end(entries, lives):
    """The entries of a unit's journal (dicts of its fields) that tell how its last start ended.

    Not those of a start that is under way (lives tells of a pid whether its process does): it may have nothing
    to say yet. What systemd says has the invocation ID of the start. What a process wrote comes through a socket
    of its own, sooner or later than that, and with nothing but the pid for certain once the process is gone.
    """
    first = next((index for index, entry in enumerate(entries) if entry.get("MESSAGE_ID") == _STARTING), 0)
    said = [entry for entry in entries[first:] if "UNIT" in entry]
    written = [entry for entry in entries[first:] if "UNIT" not in entry]
    return _of_last_process(written, lives)[-_LINES:] + _of_last_start(said)


def _of_last_process(written, lives):
    pids = [entry["_PID"] for entry in written]
    ended = [pid for pid in pids if not lives(pid)]
    return [entry for entry in written if entry["_PID"] == (ended or pids)[-1]]


def _of_last_start(said):
    """What systemd noticed then, or if it noticed nothing, where it got to."""
    starts = [entry.get("INVOCATION_ID") for entry in said if entry.get("MESSAGE_ID") in _ENDED]
    starts = starts or [entry.get("INVOCATION_ID") for entry in said]
    told = [entry for entry in said if entry.get("INVOCATION_ID") == starts[-1]]
    return [entry for entry in told if int(entry.get("PRIORITY", _INFO)) < _INFO] or told[-1:]


def _lives(pid):
    return os.path.exists(f"/proc/{pid}")


def _text(entry):
    """The message of an entry: journalctl gives one that is not UTF-8 as a list of its bytes."""
    message = entry.get("MESSAGE")
    return bytes(message).decode(errors="replace") if isinstance(message, list) else str(message)
