# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in a few words. PRIVATE to the collection."""

from __future__ import annotations

import json

#: Objects of one host that a person reads, and characters of what one of them is.
MOST = 50
_LONGEST = 160


def sentence(change):
    """What is otherwise, and what correcting it disturbs."""
    return f"{change['object']}: {difference(change)} (disturbs: {change['disruption']})"


def difference(change):
    """What the host has, an arrow, and what it is to have; of mappings only the keys that differ, of new ones none."""
    if change["action"] == "create":
        of_several = isinstance(change["after"], (dict, list))
        return "missing" if of_several else _short(f"missing, is to be {_value(change['after'])}")
    if change["action"] == "delete":
        return "not planned any more, is to be removed"
    return _short(", ".join(_differences(change["before"], change["after"])))


def more(count):
    """The line for so many objects that are not shown, in a list."""
    return [f"... and {count} more: see drift.json"] if count > 0 else []


def _differences(before, after):
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [f"{_value(before)} -> {_value(after)}"]
    keys = [key for key in sorted({**before, **after}) if before.get(key) != after.get(key)]
    return [f"{key} {_value(before.get(key))} -> {_value(after.get(key))}" for key in keys]


def _value(value):
    return value if isinstance(value, str) and value else json.dumps(value, sort_keys=True)


def _short(text):
    return text if len(text) <= _LONGEST else text[:_LONGEST - 4] + " ..."
