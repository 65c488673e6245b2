# SPDX-License-Identifier: GPL-3.0-or-later
"""How bridges, ports and flows were, and the way back there from whatever they became. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import one_run_at_a_time
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows import flow, ofctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.bridges import socket_of
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports import write
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.observe import observe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import Port, Seen

_SETTINGS = ("fail_mode", "other_config", "external_ids")


@dataclass(frozen=True)
class Snapshot:
    """bridges: {name: its settings}, ports: {name: Seen}, None for what is not there; flows: {bridge: [Flow]}."""

    bridges: dict
    ports: dict
    flows: dict

    def document(self):
        """As plain data."""
        return asdict(self)

    @classmethod
    def of(cls, document):
        """The Snapshot of such plain data, also if it was JSON meanwhile."""
        return cls(
            document["bridges"],
            {name: seen and _seen(seen) for name, seen in document["ports"].items()},
            {bridge: [flow.Flow(*one) for one in flows] for bridge, flows in document["flows"].items()},
        )


def _seen(document):
    port = {**document["port"], "trunks": tuple(document["port"]["trunks"])}
    return Seen(**{**document, "port": Port(**port)})


def take(bridges, ports, flows, database=ovsdb.DEFAULT):
    """The Snapshot of bridges and ports with these names, and of the flows of bridges, those of others too."""
    state = observe(database)
    return Snapshot(
        {name: _settings(state.bridges.get(name)) for name in sorted(bridges)},
        {name: state.ports.get(name) for name in sorted(ports)},
        {name: ofctl.dump(socket_of(database, name)) for name in sorted(flows) if name in state.bridges},
    )


def _settings(row):
    return row and {column: row[column] for column in _SETTINGS}


def put_back(before, owner, database=ovsdb.DEFAULT):
    """Lead the host back to a Snapshot, wherever it is now. What was changed, as words. Raises EngineError.

    owner: whose flows and bridges go that were not there before; those of others stay.
    """
    with one_run_at_a_time():
        now = take(before.bridges, before.ports, before.flows, database)
        words = _rows_back(before, now, owner, database) + _flows_back(before, owner, database)
        left = _differences(before, take(before.bridges, before.ports, before.flows, database), owner)
    if left:
        raise EngineError(f"did not go back: {', '.join(left)}")
    return words


def _rows_back(before, now, owner, database):
    """Bridges and ports. A port gets the OpenFlow number back that flows know it by."""
    words = _row_differences(before, now, owner)
    if not words:
        return []
    operations = [*_port_operations(before, now), *_bridge_operations(before, now, owner, database)]
    numbers = [
        (name, was)
        for name, was in before.ports.items()
        if was and _what(was) != _what(now.ports[name]) and 0 < (was.ofport or 0) <= write.HIGHEST_OFPORT
    ]
    with ovsdb.Database(database) as connection:
        connection.commit(operations + [write.request_ofport(name, was.ofport) for name, was in numbers])
        connection.commit([write.request_ofport(name, was.ofport_request) for name, was in numbers])
    return words


def _port_operations(before, now):
    for number, (name, was) in enumerate(before.ports.items()):
        seen = now.ports[name]
        if was is None:
            yield from write.delete(seen) if seen else []
        elif seen is None:
            yield from write.create(was.port, number, was.ofport)
        else:
            yield from write.change(seen, seen.port, was.port)


def _bridge_operations(before, now, owner, database):
    for name in _bridges_of_ours(before, now, owner):
        yield from _delete_bridge(name, database)
    for name, was in before.bridges.items():
        if was and was != now.bridges[name]:
            row = {
                "fail_mode": ovsdb.as_set(ovsdb.as_list(was["fail_mode"])),
                "other_config": ovsdb.as_map(was["other_config"]),
                "external_ids": ovsdb.as_map(was["external_ids"]),
            }
            yield {"op": "update", "table": "Bridge", "where": [["name", "==", name]], "row": row}


def _delete_bridge(name, database):
    uuid = observe(database).bridges[name]["_uuid"]
    mutations = [["bridges", "delete", ovsdb.as_set([["uuid", uuid]])]]
    yield {"op": "mutate", "table": ovsdb.SCHEMA, "where": [], "mutations": mutations}


def _flows_back(before, owner, database):
    words = []
    for bridge, flows in before.flows.items():
        lines = _lines(flows, ofctl.dump(socket_of(database, bridge)), owner)
        if lines:
            ofctl.write(socket_of(database, bridge), lines)
            words.append(f"{len(lines)} flows of {bridge}")
    return words


def _lines(before, now, owner):
    """What ovs-ofctl must be told. What traffic made is traffic's; what others made meanwhile is theirs."""
    was, there = ({one.key: one for one in flows if not one.expires} for flows in (before, now))
    gone = [one for key, one in there.items() if key not in was and one.cookie == mark.cookie(owner)]
    back = [line for key, one in was.items() for line in flow.lines(there.get(key), one)]
    return [line for one in gone for line in flow.lines(one, None)] + back


def _differences(before, now, owner):
    flows = [f"flows of {name}" for name in before.flows if _lines(before.flows[name], now.flows.get(name, []), owner)]
    return _row_differences(before, now, owner) + flows


def _row_differences(before, now, owner):
    ports = [f"port {name}" for name, was in before.ports.items() if _what(was) != _what(now.ports[name])]
    changed = [name for name, was in before.bridges.items() if was and was != now.bridges[name]]
    return ports + [f"bridge {name}" for name in [*changed, *_bridges_of_ours(before, now, owner)]]


def _what(seen):
    return seen and (seen.port, seen.ofport)


def _bridges_of_ours(before, now, owner):
    """Names of bridges that came, and are ours."""
    came = {name: now.bridges[name] for name, was in before.bridges.items() if was is None and now.bridges[name]}
    return [name for name, row in came.items() if row["external_ids"].get(mark.EXTERNAL_ID) == owner]
