# SPDX-License-Identifier: GPL-3.0-or-later
"""drift.json, as docs/drift.md tells it and docs/drift.schema.json defines it. PRIVATE to the collection."""

from __future__ import annotations

import json

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.answer import DISRUPTIONS, part, worst

#: Raised when a reader of an older document would be misled.
VERSION = 1

#: What can be said of a host.
STATUSES = ("clean", "drift", "unreachable", "error", "not_asked")

#: Hosts that the summary names.
_NAMES = 5


def document(site, answers, not_asked):
    """The document. answers: {host: what its tasks returned}. not_asked: hosts of the site beside these.

    Two runs over hosts that did not change give the same document: nothing in it tells the time.
    """
    hosts = {name: part(answer, site) for name, answer in sorted(answers.items())}
    changes = [change for host in hosts.values() for change in host["changes"]]
    unknown = sum(len(host["unknown"]) for host in hosts.values())
    return {
        "version": VERSION,
        "site": site,
        "status": _status(hosts.values()),
        "totals": {
            "hosts": _hosts(hosts.values(), not_asked),
            "changes": len(changes),
            "disruption": worst(changes),
            "changes_by_disruption": _count(DISRUPTIONS, [change["disruption"] for change in changes]),
            "unknown": unknown,
        },
        "hosts": hosts,
        "not_asked": sorted(not_asked),
    }


def as_json(found):
    """The text of drift.json."""
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def summary(found):
    """One line of numbers, and the first names of what needs somebody."""
    totals = found["totals"]
    counted = ", ".join(_counted(found, status) for status in STATUSES if totals["hosts"][status])
    disturbs = f" (correcting them disturbs: {totals['disruption']})" if totals["changes"] else ""
    return f"Hosts: {counted}. {totals['changes']} objects drifted{disturbs}, {totals['unknown']} unknown."


def _counted(found, status):
    names = [name for name, host in found["hosts"].items() if host["status"] == status != "clean"]
    shown = f" ({', '.join(names[:_NAMES])}{', ...' * (len(names) > _NAMES)})" if names else ""
    return f"{found['totals']['hosts'][status]} {status.replace('_', ' ')}{shown}"


def _status(hosts):
    seen = {host["status"] for host in hosts}
    if seen & {"unreachable", "error"}:
        return "error"
    return "drift" if "drift" in seen else "clean"


def _hosts(hosts, not_asked):
    return {**_count(STATUSES, [host["status"] for host in hosts]), "not_asked": len(not_asked)}


def _count(names, values):
    return {name: values.count(name) for name in names}
