# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last run of the program leaves behind for others, until the next boot. PRIVATE to the collection."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import files
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import LOCK_FILE
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths

#: Seconds after the last change by somebody else for which a host counts as one that is being changed.
QUIET = 120


@dataclass(frozen=True)
class Stamp:
    """plan: digest of the plan that was brought about. lock: when, by the lock of the runs, in ns since the epoch."""

    plan: str
    lock: int


def read(owner):
    """The Stamp, or None."""
    try:
        with open(paths.stamp(owner)) as file:
            return Stamp(**json.load(file))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write(owner, plan):
    """Note that a run has tried to bring about the plan with this digest."""
    os.makedirs(paths.STAMPS, mode=0o755, exist_ok=True)
    content = json.dumps(asdict(Stamp(plan, _locked())), sort_keys=True) + "\n"
    files.replace(paths.stamp(owner), content.encode(), 0o644)


def somebody_is_at_it(owner):
    """Whether another run changed the host just now, so that more of it may follow: every run takes the lock."""
    locked, own = _locked(), read(owner)
    return locked != (own and own.lock) and time.time_ns() - locked < QUIET * 10**9


def _locked():
    """When a run took the lock last: opening it for writing sets its time."""
    try:
        return os.stat(LOCK_FILE).st_mtime_ns
    except FileNotFoundError:
        return 0
