# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as drift.md, for people. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.document import summary
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.words import MOST, difference, more


def markdown(found):
    """The text of drift.md."""
    lines = [f"# Drift of {found['site']}: {found['status']}", "", summary(found), ""]
    lines += _table(("host", "status", "objects", "correcting disturbs", "unknown"),
                    [(name, host["status"], len(host["changes"]), host["disruption"], len(host["unknown"]))
                     for name, host in found["hosts"].items()])
    if found["not_asked"]:
        lines += ["", f"Not asked: {', '.join(found['not_asked'])}"]
    for name, host in found["hosts"].items():
        lines += _chapter(name, host)
    return "\n".join(lines) + "\n"


def _chapter(name, host):
    lines = []
    if host["message"]:
        lines += ["", *_fenced(host["message"])]
    if host["changes"]:
        rows = [(change["section"], change["object"], difference(change), change["disruption"], change["owner"])
                for change in host["changes"][:MOST]]
        lines += ["", *_table(("section", "object", "is -> is to be", "disturbs", "owner"), rows)]
        lines += more(len(host["changes"]) - MOST)
    if host["unknown"]:
        rows = [(each["section"], each["object"], each["owner"] or "nobody known") for each in host["unknown"][:MOST]]
        lines += ["", "Unknown, and left alone:", "", *_table(("section", "object", "owner"), rows)]
        lines += more(len(host["unknown"]) - MOST)
    return ["", f"## {name}: {host['status']}", *lines] if lines else []


def _fenced(words):
    return ["```text", words.replace("```", "'''"), "```"]


def _table(headings, rows):
    return [_row(headings), _row(["---"] * len(headings)), *(_row(map(_cell, row)) for row in rows)]


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _cell(value):
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
