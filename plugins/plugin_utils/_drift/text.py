# SPDX-License-Identifier: GPL-3.0-or-later
"""The document for a terminal. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.filter.text_table import text_table
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.document import summary
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.words import MOST, more, sentence


def text(found):
    """A line for every host that is not clean, a sentence for each of its objects, the numbers."""
    rows = [{"host": name, **_host_row(host)} for name, host in found["hosts"].items() if host["status"] != "clean"]
    table = text_table(rows, {"host": "host", "status": "status", "changes": "objects", "disruption": "disturbs",
                              "unknown": "unknown"}) if rows else ""
    parts = [table, *(_sentences(name, host) for name, host in found["hosts"].items())]
    return "\n\n".join(part for part in [*parts, summary(found)] if part)


def _host_row(host):
    return {**host, "changes": len(host["changes"]), "unknown": len(host["unknown"])}


def _sentences(name, host):
    lines = [host["message"]] if host["message"] else []
    lines += [sentence(change) for change in host["changes"][:MOST]]
    lines += more(len(host["changes"]) - MOST)
    return "\n".join([f"{name}:", *(f"  {line}" for line in lines)]) if lines else ""
