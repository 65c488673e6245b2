# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cloudnet.dataplane.text_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: text_table
short_description: A list of dictionaries as a table for people
version_added: "1.0.0"
author: The cloudnet.dataplane founders (@cloudnet)
description:
  - Draws one line per dictionary and one column per key, as wide as its widest value.
positional: columns
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
  columns:
    description: The keys to show, in order, each with its heading.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who reaches whom
  ansible.builtin.debug:
    msg: "{{ results | cloudnet.dataplane.text_table({'name': 'probe', 'ok': 'reached'}) }}"
"""

RETURN = r"""
_value:
  description: The table, one line per row under a line of headings.
  type: str
"""


def text_table(rows, columns):
    """rows: dictionaries; columns: {key: heading} in order. Missing values are blank, booleans yes and NO."""
    cells = [list(columns.values())] + [[_cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return str(value)


class FilterModule:
    """Offers the filter."""

    def filters(self):
        return {"text_table": text_table}
