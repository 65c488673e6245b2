# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of a plan in the two parts in which they are made. Pure. PRIVATE to the collection."""

from __future__ import annotations


def by_device(ports):
    """What a namespace waits for, and what waits for a namespace's veths; each a config of ovs_port."""
    internal = [port for port in ports if port.get("type") == "internal"]
    others = [port for port in ports if port.get("type") != "internal"]
    return {
        "internal_ports": internal,
        "ports": others + [{"name": port["name"], "ignore": True} for port in internal],
    }
