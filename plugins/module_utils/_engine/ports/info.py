# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges and ports as the info module returns them. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import asdict

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.observe import observe


def read(params):
    """{"bridges": [...], "ports": [...]}, sorted by name. params["bridge"]: names to limit to, or None."""
    state, only = observe(params["database"]), params["bridge"]
    bridges = [_bridge(row) for name, row in sorted(state.bridges.items()) if only is None or name in only]
    ports = [_port(seen) for _name, seen in sorted(state.ports.items()) if only is None or seen.port.bridge in only]
    return {"bridges": bridges, "ports": ports}


def _bridge(row):
    return {
        "name": row["name"],
        "fail_mode": ovsdb.optional(row["fail_mode"]),
        "datapath_type": row["datapath_type"],
        "external_ids": row["external_ids"],
        "other_config": row["other_config"],
    }


def _port(seen):
    return {**asdict(seen.port), "trunks": list(seen.port.trunks), "ofport": seen.ofport, "error": seen.fault}
