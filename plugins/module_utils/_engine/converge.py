# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe, diff, apply, read back; undo on failure. PRIVATE to the collection.

The one loop that every module runs. A backend supplies the five verbs for its
kind of object; this file supplies the discipline: one run of a host at a time,
check mode stops after the diff, a failure midway is undone, and success is only
what a second observation confirms.
"""

from __future__ import annotations

import abc
import contextlib
import fcntl
import os
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

LOCK_FILE = "/run/lock/cloudnet-dataplane.lock"

#: What a change costs live traffic, from nothing to most.
DISRUPTIONS = ("none", "flow", "port", "conntrack", "service")


@dataclass(frozen=True)
class Change:
    """One difference between what is wanted and what the host has.

    action: create, update or delete. object: kind and name, unique within a run
    ("port br-int/qr-1", "address 10.0.0.1/24 on qr-1 in qrouter-1"). before and
    after: plain normalised data, None where there is none. disruption: one of
    DISRUPTIONS, what applying it costs traffic that runs now.
    """

    action: str
    object: str
    before: Any = None
    after: Any = None
    disruption: str = "none"


class Backend(abc.ABC):
    """One kind of object on one host."""

    @abc.abstractmethod
    def observe(self):
        """Read the host once; plain data, nothing written."""

    @abc.abstractmethod
    def diff(self, have):
        """Changes that lead from have to what is wanted. Pure; raises ForeignObject for what is in the way."""

    @abc.abstractmethod
    def apply(self, changes, have):
        """Write the changes."""

    @abc.abstractmethod
    def undo(self, changes, have):
        """After a failed apply: bring the objects named by changes back to what have says."""

    def settled(self, changes, have):  # noqa: B027  (a hook: most kinds of object have nothing to do here)
        """After a confirmed apply: what to do once (announce addresses, forget connections).

        Returns what the module's result has beside the changes, a dict, or None.
        """

    def unknown(self, have):
        """[(object, owner or None)] of what is neither wanted nor ours, but where only we should be."""
        return []


class ApplyFailed(EngineError):
    """Applying failed or did not take. rolled_back tells whether the host is as it was before."""

    def __init__(self, message, changes, rolled_back):
        self.changes, self.rolled_back = changes, rolled_back
        super().__init__(message)

    def told(self):
        return {"rolled_back": self.rolled_back, "attempted": [f"{c.action} {c.object}" for c in self.changes]}


@dataclass
class Outcome:
    """changes in the order of application, the seconds that the engine took, and what settled() returned."""

    changes: list
    seconds: float = 0.0
    settled: dict = field(default_factory=dict)

    def result(self):
        """The keys that a module returns."""
        return {
            "changed": bool(self.changes),
            "changes": [asdict(change) for change in self.changes],
            "disruption": max((c.disruption for c in self.changes), key=DISRUPTIONS.index, default="none"),
            "engine_seconds": round(self.seconds, 4),
            **self.settled,
        }


def converge(backend, check_mode=False):
    """Bring one kind of object to what is wanted. Returns an Outcome; raises EngineError."""
    started = time.monotonic()
    with contextlib.nullcontext() if check_mode else one_run_at_a_time():
        outcome = converge_alone(backend, check_mode)
    return replace(outcome, seconds=time.monotonic() - started)


def converge_alone(backend, check_mode=False):
    """As converge, for a caller that has seen to it that no other run changes the host."""
    started = time.monotonic()
    have = backend.observe()
    changes = backend.diff(have)
    settled = _apply(backend, changes, have) if changes and not check_mode else None
    return Outcome(changes, time.monotonic() - started, settled or {})


def _apply(backend, changes, have):
    """What settled() returns."""
    try:
        backend.apply(changes, have)
        now = backend.observe()
        left = backend.diff(now)
        if left:
            raise EngineError("did not take: " + ", ".join(f"{c.action} {c.object}" for c in left[:20]))
    except Exception as error:
        raise _undone(backend, changes, have, error) from error
    return backend.settled(changes, have)


def _undone(backend, changes, have, error):
    """Undo, and the exception that tells both stories."""
    try:
        backend.undo(changes, have)
    except Exception as undo_error:
        return ApplyFailed(f"{error}. Undoing it failed too: {undo_error}", changes, rolled_back=False)
    return ApplyFailed(f"{error}. What this call had changed was undone.", changes, rolled_back=True)


@contextlib.contextmanager
def one_run_at_a_time():
    """Two runs on one host wait for each other; the kernel frees the lock of a run that died."""
    os.makedirs(os.path.dirname(LOCK_FILE), exist_ok=True)
    with open(LOCK_FILE, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
