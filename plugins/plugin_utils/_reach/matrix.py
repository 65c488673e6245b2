# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, as a table that fits a screen. Pure. PRIVATE to the collection."""

from __future__ import annotations

from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.filter.text_table import text_table

#: Columns that fit a screen, with words in them and with single characters.
_WORDS, _CHARACTERS = 10, 60

_LEGEND = "x answered, - silent, p in part; ! not as expected"


def matrix(results):
    """A line for everyone who asks, a column for everyone asked; empty where that is too wide. results: of probes."""
    cells = defaultdict(list)
    for each in results:
        if each["kind"] != "namespace" and each.get("target"):
            cells[each.get("origin"), each["target"]].append(each)
    origins = list(dict.fromkeys(origin for origin, _target in cells))
    targets = _ordered(list(dict.fromkeys(target for _origin, target in cells)), origins)
    if not cells or len(targets) > _CHARACTERS or len(origins) > _CHARACTERS:
        return ""
    return (_wide if len(targets) <= _WORDS else _narrow)(origins, targets, cells)


def _ordered(targets, origins):
    """Targets as they are met, but those who ask, too, in the order in which they do."""
    both = iter([origin for origin in origins if origin in targets])
    return [next(both) if target in origins else target for target in targets]


def _wide(origins, targets, cells):
    """What is reached, and behind "not" what is not; ! marks what is not as expected."""
    rows = [{"from": origin, **{target: _words(cells.get((origin, target), ())) for target in targets}}
            for origin in origins]
    return text_table(rows, {"from": "from", **{target: f"to {target}" for target in targets}})


def _words(results):
    reached = [_how(each) for each in results if each["reached"]]
    silent = [_how(each) for each in results if not each["reached"]]
    return " ".join(reached + (["not", *silent] if silent else []))


def _how(result):
    how = str(result["port"]) if result["kind"] == "tcp" else "ping"
    return how + ("/6" if ":" in result["address"] else "") + ("" if result["ok"] else "!")


def _narrow(origins, targets, cells):
    """One character for everyone asked, who have numbers."""
    numbers = {target: str(number) for number, target in enumerate(targets, 1)}
    rows = [{"from": f"{numbers.get(origin, ''):>2} {origin}",
             **{target: _character(cells.get((origin, target), ())) for target in targets}} for origin in origins]
    others = [f"{numbers[target]:>2} {target}" for target in targets if target not in origins]
    return "\n".join([text_table(rows, {"from": "from", **numbers}), "", *others, _LEGEND])


def _character(results):
    if not results:
        return ""
    if not all(each["ok"] for each in results):
        return "!"
    reached = {each["reached"] for each in results}
    return "p" if len(reached) == 2 else "x" if True in reached else "-"
