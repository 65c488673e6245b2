# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a site, all of it at once. PRIVATE to the collection."""

from __future__ import annotations

import json
import re

_LONGEST_VALUE = 80


class SiteError(Exception):
    """The site cannot be built. `problems` holds one `path: value: rule` line for every fault."""

    def __init__(self, problems):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Problems(list):
    """The faults found so far."""

    def add(self, path, value, rule):
        """Note that the value at a variable path breaks a rule ("must be ...")."""
        self.append(f"{path}: {_shown(value)}: {rule}")

    def refuse(self):
        """Raise SiteError if there is any fault."""
        if self:
            raise SiteError(sorted(set(self), key=_numeric))  # one line per fault, however many rules met it


def _numeric(line):
    """Sorts [2] before [10]."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", line)]


def _shown(value):
    plain = value == "" or isinstance(value, (bool, list, dict, type(None)))
    text = json.dumps(value, default=str) if plain else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
