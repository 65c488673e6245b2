# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says: to the journal, and to Prometheus by a textfile of its node exporter. PRIVATE to the collection."""

from __future__ import annotations

import collections
import os
import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import files
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths

#: Priorities as journald reads them from the beginning of a line.
ERROR, WARNING, NOTICE, INFO = "<3>", "<4>", "<5>", "<6>"

#: So many changes are told one by one.
_TOLD = 20

_PREFIX = "cloudnet_dataplane_"
_METRICS = {
    "success": "1 if the last run left the host as planned, 0 if it failed.",
    "time_seconds": "When the last run ended, since the epoch.",
    "duration_seconds": "How long the last run took.",
    "changes": "Objects that the last run had to change.",
    "plan_refused": "1 if the plan that was applied last is torn, tampered with or open to others.",
}


def journal(run):
    """The lines of a run, each with its priority."""
    who = f"{run.owner}: "
    lines = []
    if run.loaded and run.loaded.refused:
        lines.append(f"{WARNING}{who}{run.loaded.refused}. It is refused; the plan before it is used")
    if run.skipped:
        wanted = run.loaded.document.interval
        why = "another run has just changed the host" if wanted else "no corrections are wanted"
        return [*lines, f"{INFO}{who}nothing done: {why}"]
    lines += [f"{NOTICE}{who}{section}: {change.action} {change.object}" for section, change in run.changes[:_TOLD]]
    counts = collections.Counter(section for section, _change in run.changes)
    changes = ", ".join(f"{section} {count}" for section, count in counts.items()) or "nothing changed"
    lines.append(f"{NOTICE if run.changes else INFO}{who}{run.verb}, {run.seconds:.1f} s: {changes}")
    if run.error:
        # One line is one message: each has to have its priority
        lines += [f"{ERROR}{who}{run.verb} failed: {line}" for line in run.error.splitlines() if line]
    return lines


def metrics(run, now):
    """The textfile: what an operator's alerts need, and no secrets. now: seconds since the epoch."""
    values = {
        "success": int(run.error is None),
        "time_seconds": round(now, 3),
        "duration_seconds": round(run.seconds, 3),
        "changes": len(run.changes),
        "plan_refused": int(run.loaded is None or run.loaded.refused is not None),
    }
    labels = f'{{run="{run.verb}",site="{run.owner}"}}'
    return "".join(
        f"# HELP {_PREFIX}{name} {text}\n# TYPE {_PREFIX}{name} gauge\n{_PREFIX}{name}{labels} {values[name]}\n"
        for name, text in _METRICS.items()
    )


def write_metrics(run, directory):
    """Put the textfile, readable by all, where the exporter looks. OSError is the caller's."""
    os.makedirs(directory, mode=0o755, exist_ok=True)
    files.replace(paths.textfile(directory, run.owner, run.verb), metrics(run, time.time()).encode(), 0o644)
