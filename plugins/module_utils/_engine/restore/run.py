# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the program for one plan. PRIVATE to the collection."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    BadInput,
    EngineError,
    ForeignObject,
    MissingTool,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.converge import (
    SectionFailed,
    TooDisruptive,
    converge_plan,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths, stamp, store, vswitchd

RESTORE, RECONCILE = "restore", "reconcile"

#: How often a plan is tried while Open vSwitch, or the plan itself, changes meanwhile; seconds before each next time.
ATTEMPTS, PAUSE = 4, 2

#: Trying again helps nothing.
_FINAL = (BadInput, ForeignObject, MissingTool, TooDisruptive)


@dataclass
class Run:
    """What came of it. loaded: None when no plan could be trusted. error: None if all is as planned.

    changes: [(section, Change)] of all attempts. skipped: somebody else is changing the host.
    """

    owner: str
    verb: str
    loaded: store.Loaded | None = None
    changes: list = field(default_factory=list)
    error: str | None = None
    skipped: bool = False
    seconds: float = 0.0


def run(owner, verb):
    """Bring the host to the plan that was applied last. Never raises: a Run."""
    result, started = Run(owner, verb), time.monotonic()
    try:
        _run(result, paths.home(owner))
    except EngineError as error:
        result.error = str(error)
    except Exception:  # whatever it is, it must be told
        result.error = traceback.format_exc()
    result.seconds = time.monotonic() - started
    return result


def _run(result, home):
    result.loaded, others = store.load(home), stamp.others(result.owner)
    if result.verb == RECONCILE:
        result.skipped = not result.loaded.document.interval or stamp.is_recent(others)
    if result.skipped:
        return
    try:
        _bring_about(result, home)
    finally:
        stamp.write(result.owner, result.loaded.digest, others)


def _bring_about(result, home):
    """As often as it takes until neither the plan nor Open vSwitch was another one afterwards."""
    for attempt in range(ATTEMPTS):
        last = attempt == ATTEMPTS - 1 or result.verb == RECONCILE  # the timer comes again
        if attempt:
            time.sleep(PAUSE)
            result.loaded = store.load(home)
        document, switch = result.loaded.document, None
        if document.has_datapath and result.verb == RESTORE:
            vswitchd.wait()
            switch = vswitchd.process()
        try:
            _converge(result, document)
        except EngineError as error:
            if last or isinstance(getattr(error, "error", error), _FINAL):
                raise
            continue
        if store.load(home).digest == result.loaded.digest and (not switch or vswitchd.process() == switch):
            return
    raise EngineError(f"the plan or Open vSwitch was another one after each of {ATTEMPTS} attempts")


def _converge(result, document):
    limit = document.max_disruption if result.verb == RECONCILE else "service"
    outcomes = []
    try:
        outcomes = converge_plan(document.plan, document.settings(limit))
    except SectionFailed as error:
        outcomes = error.done
        raise
    finally:
        result.changes += [(section, change) for section, outcome in outcomes for change in outcome.changes]
