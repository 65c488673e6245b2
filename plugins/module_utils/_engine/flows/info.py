# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows with their counters as the info module returns them. PRIVATE to the collection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows import bridges, names, ofctl


def read(params):
    """{"bridges": [{"bridge": name, "flows": [...]}]}. params["bridge"]: names to limit to, or None."""
    only, path, ours = params["bridge"], params["database"], mark.cookie(params["owner"])
    ports = {bridge: ports for bridge, ports in sorted(bridges.read(path).items()) if only is None or bridge in only}
    with ThreadPoolExecutor() as pool:
        dumps = pool.map(lambda bridge: ofctl.dump_counters(bridges.socket_of(path, bridge)), ports)
        return {
            "bridges": [
                {"bridge": bridge, "flows": [_flow(*one, bridges.port_names(ports[bridge]), ours) for one in flows]}
                for bridge, flows in zip(ports, dumps)
            ]
        }


def _flow(flow, counters, port_names, ours):
    return {
        "table": flow.table,
        "match": names.to_names(flow.match, port_names),
        "actions": names.to_names(flow.actions, port_names),
        "cookie": f"{flow.cookie:#x}",
        "ours": flow.cookie == ours,
        **counters,
    }
