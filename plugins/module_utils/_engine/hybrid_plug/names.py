# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a port's links (reference 1.2). PRIVATE to the collection. Pure."""

from __future__ import annotations

from typing import NamedTuple

#: Of the links that are made here. The tap is somebody else's.
PREFIXES = BRIDGE, INNER, OUTER = "qbr", "qvb", "qvo"

_LENGTH = 14  # where Neutron and os-vif cut device names


class Names(NamedTuple):
    """The names of one port's links."""

    qbr: str
    qvb: str
    qvo: str
    tap: str


def of(port_id):
    """The Names of a port."""
    return Names(*((prefix + port_id)[:_LENGTH] for prefix in (*PREFIXES, "tap")))
