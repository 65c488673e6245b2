# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH connection that this process works for. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple


class Connection(NamedTuple):
    """peer: the address of the client, as this host sees it. local: the own address that it speaks to."""

    peer: str
    local: str


def current():
    """The Connection, or None where this process was not started over SSH."""
    return parsed(os.environ.get("SSH_CONNECTION")) or _of_ancestors(os.getppid())


def parsed(text):
    """The Connection that the value of SSH_CONNECTION tells, or None."""
    words = (text or "").split()
    return Connection(words[0].partition("%")[0], words[2].partition("%")[0]) if len(words) == 4 else None


def _of_ancestors(pid):
    """sudo does not hand the variable on: the shell that sshd started has it."""
    while pid > 1:
        found = None
        # Somebody else's process, when this one is not root's
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            found = parsed(_value(file.read(), b"SSH_CONNECTION="))
        if found:
            return found
        pid = _parent(pid)
    return None


def _value(environment, name):
    values = [entry[len(name):] for entry in environment.split(b"\0") if entry.startswith(name)]
    return values[0].decode(errors="replace") if values else None


def _parent(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])  # the name may hold spaces and brackets
    except OSError:
        return 0
