# SPDX-License-Identifier: GPL-3.0-or-later
"""What the probes found, for people and for machines. Pure. PRIVATE to the collection.

A result is what module probe returns: the probe with ok, reached, detail.
"""

from __future__ import annotations

import json
from collections import defaultdict
from xml.etree import ElementTree

from ansible_collections.cloudnet.dataplane.plugins.filter.text_table import text_table
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.matrix import matrix

#: Rows of a table that a person reads.
_ROWS = 100
_HEADINGS = {"name": "probe", "address": "address", "expect": "expected", "detail": "seen", "ok": "as expected"}


def disagreements(results):
    """A sentence for every result that is not as expected."""
    return [f"{each['name']}, {each.get('address') or each.get('namespace')}: expected {_expected(each)}, "
            f"seen: {each['detail']}" for each in results if not each["ok"]]


def text(results):
    """Who reaches whom, if it fits; every probe, of very many only those that are not as expected; the numbers."""
    shown = results if len(results) <= _ROWS else [each for each in results if not each["ok"]]
    rows = [{**each, "expect": _expected(each)}
            for each in shown]
    parts = [matrix(results), text_table(rows, _HEADINGS) if rows else "", summary(results)]
    return "\n\n".join(part for part in parts if part)


def summary(results):
    """One line of numbers."""
    reached = sum(each["ok"] and each["reached"] for each in results)
    silent = sum(each["ok"] and not each["reached"] for each in results)
    return (f"{len(results)} probes: {reached} answered and {silent} unanswered, as they have to be; "
            f"{len(results) - reached - silent} not")


def as_json(site, results):
    """The text of reachability.json."""
    numbers = {"probes": len(results), "disagreements": sum(not each["ok"] for each in results)}
    return json.dumps({"site": site, **numbers, "results": results}, indent=1) + "\n"


def junit(site, results):
    """The text of reachability.xml, as continuous integration reads it: a suite for everyone who asks."""
    by_origin = defaultdict(list)
    for each in results:
        by_origin[each.get("origin") or "unnamed"].append(each)
    root = ElementTree.Element("testsuites", name=f"reachability of {site}", **_counts(results))
    for origin, asked in by_origin.items():
        suite = ElementTree.SubElement(root, "testsuite", name=origin, **_counts(asked))
        for each in asked:
            place = each.get("address") or each.get("namespace")
            case = ElementTree.SubElement(suite, "testcase", classname=origin, name=f"{each['name']}: {place}")
            if each["ok"]:
                ElementTree.SubElement(case, "system-out").text = each["detail"]
            else:
                message = f"expected {_expected(each)}, seen: {each['detail']}"
                ElementTree.SubElement(case, "failure", message=message, type="disagreement")
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(results):
    return {"tests": str(len(results)), "failures": str(sum(not each["ok"] for each in results))}


def _expected(result):
    if result["expect"] == "unreached":
        return "no answer" if result["kind"] != "namespace" else "none"
    by = result.get("expect_answered_by")
    return "an answer" + (f" by {by}" if by else "") if result["kind"] != "namespace" else "there"
