# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and what they stand for. PRIVATE to the collection."""

from __future__ import annotations

import difflib


class Registry:
    """Objects of one kind by name.

    declared: every name that the variables mention as declared, also by items
    that are themselves at fault: a reference to such an item is no second fault.
    """

    def __init__(self, kind, declared, problems):
        self.kind, self.declared, self.problems = kind, set(declared), problems
        self.objects = {}

    def add(self, item, path):
        """Register a new object under its name; a name is given once."""
        if item.name in self.objects:
            first = self.objects[item.name].path
            self.problems.add(path, item.name, f"must be unique, and is also the name of {first}")
        else:
            self.objects[item.name] = item

    def find(self, name, path):
        """The object of a name, or None; an unknown name is a fault of `path`."""
        if name not in self.objects and name not in self.declared:
            near = difflib.get_close_matches(name, self.declared, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            self.problems.add(path, name, f"is not a known {self.kind}{hint}")
        return self.objects.get(name)


def names_in(items):
    """The names that raw items of a list claim, whatever else is wrong with them."""
    if not isinstance(items, list):
        return []
    return [item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)]
