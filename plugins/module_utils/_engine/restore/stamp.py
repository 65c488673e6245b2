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
    """plan: digest of the plan that was brought about. own, others: when this program and another run of ours took the
    lock last, in ns since the epoch.
    """

    plan: str
    own: int
    others: int


def read(owner):
    """The Stamp, or None."""
    try:
        with open(paths.stamp(owner)) as file:
            return Stamp(**json.load(file))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write(owner, plan, others):
    """Note that a run has tried to bring about the plan with this digest. others: of others(), before it."""
    os.makedirs(paths.STAMPS, mode=0o755, exist_ok=True)
    content = json.dumps(asdict(Stamp(plan, _locked(), others)), sort_keys=True) + "\n"
    files.replace(paths.stamp(owner), content.encode(), 0o644)


def others(owner):
    """When a run that is none of this program took the lock last."""
    locked, last = _locked(), read(owner)
    return last.others if last and last.own == locked else locked


def is_recent(moment):
    """Whether more of what happened then may follow."""
    return time.time_ns() - moment < QUIET * 10**9


def _locked():
    """When a run took the lock last: opening it for writing sets its time."""
    try:
        return os.stat(LOCK_FILE).st_mtime_ns
    except FileNotFoundError:
        return 0
