# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridges of a plan. PRIVATE to the collection.

A new bridge has its mark and its fail mode in the transaction that makes it, so it never learns
and floods. Physical bridges of somebody else are used as they are and never removed: Neutron
expects them to be the administrator's.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend, Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import ForeignObject, MissingTool

#: Seconds that undoing waits for ovs-vswitchd.
UNDO_PATIENCE = 2.0

#: The bridge that is nobody's but ours.
INTEGRATION = "br-int"

_COLUMNS = ("_uuid", "name", "fail_mode", "datapath_type", "external_ids", "other_config")


class Row(NamedTuple):
    """A bridge that the host has. settings: as _settings returns them."""

    uuid: Any
    owner: str | None
    settings: dict


class Bridges(Backend):
    """wanted: items with name, fail_mode, datapath_type and other_config. What observe returns is {name: Row}."""

    def __init__(self, wanted, owner, check_mode=False, database=ovsdb.DEFAULT):
        self._wanted = {item["name"]: item for item in wanted}
        self._owner, self._check_mode, self._database = owner, check_mode, database

    def observe(self):
        try:
            with ovsdb.Database(self._database) as database:
                (rows,) = database.select(("Bridge", _COLUMNS))
        except (ovsdb.Unreachable, MissingTool):
            if not self._check_mode:
                raise
            rows = []
        return {row["name"]: _row(row) for row in rows}

    def diff(self, have):
        changes = []
        for name, item in self._wanted.items():
            found = have.get(name)
            if found is None:
                changes.append(Change("create", f"bridge {name}", None, self._document(item)))
            elif found.owner == self._owner:
                changes += _corrections(name, found.settings, item)
            elif name == INTEGRATION:
                raise ForeignObject(f"bridge {name}", f"ovs-vsctl del-br {name}", found.owner)
        return changes

    def unknown(self, have):
        """Bridges that are ours by their mark and planned no more: nobody removes them but a teardown."""
        rows = ((name, row.owner) for name, row in have.items() if name not in self._wanted)
        return [(f"bridge {name}", owner) for name, owner in rows if owner == self._owner]

    def _document(self, item):
        return {**{key: item[key] for key in ("fail_mode", "datapath_type", "other_config")}, "owner": self._owner}

    def apply(self, changes, have):
        operations = []
        for number, change in enumerate(changes):
            name = _name(change)
            make = _update(name, change.before, change.after) if change.before else _insert(name, change.after, number)
            operations += make
        self._commit(operations, ovsdb.PATIENCE)

    def undo(self, changes, have):
        """In the database; ovs-vswitchd, which may be what failed, follows when it can."""
        now, operations = self.observe(), []
        for change in changes:
            name = _name(change)
            if change.before:
                operations += _update(name, change.after, change.before)
            elif name in now:
                operations.append(_bridges("delete", ["uuid", now[name].uuid]))
        with contextlib.suppress(ovsdb.NotFollowed):
            self._commit(operations, UNDO_PATIENCE)

    def _commit(self, operations, patience):
        with ovsdb.Database(self._database) as database:
            database.commit(operations, patience)


def _row(row):
    settings = {"fail_mode": ovsdb.optional(row["fail_mode"]), "other_config": row["other_config"]}
    return Row(row["_uuid"], row["external_ids"].get(mark.EXTERNAL_ID), settings)


def _corrections(name, settings, item):
    """The Change of a bridge of ours, if any. What others put into other_config stays."""
    before = {
        "fail_mode": settings["fail_mode"],
        "other_config": {key: settings["other_config"].get(key) for key in item["other_config"]},
    }
    after = {"fail_mode": item["fail_mode"], "other_config": item["other_config"]}
    if before == after:
        return []
    # ovs-vswitchd forgets a bridge's flows when its fail mode changes
    disruption = "none" if before["fail_mode"] == after["fail_mode"] else "flow"
    return [Change("update", f"bridge {name}", before, after, disruption)]


def _name(change):
    return change.object.partition(" ")[2]


def _insert(name, document, number):
    """Operations that make a bridge with the port that bears its name. number: unique within the transaction."""
    bridge, port, interface = (f"{table}{number}" for table in ("bridge", "port", "interface"))
    columns = {
        "name": name,
        "ports": ["named-uuid", port],
        "fail_mode": document["fail_mode"],
        "datapath_type": document["datapath_type"],
        "other_config": ovsdb.as_map(document["other_config"]),
        "external_ids": ovsdb.as_map({mark.EXTERNAL_ID: document["owner"]}),
    }
    return [
        {"op": "insert", "table": "Interface", "uuid-name": interface, "row": {"name": name, "type": "internal"}},
        {"op": "insert", "table": "Port", "uuid-name": port,
         "row": {"name": name, "interfaces": ["named-uuid", interface]}},
        {"op": "insert", "table": "Bridge", "uuid-name": bridge, "row": columns},
        _bridges("insert", ["named-uuid", bridge]),
    ]  # fmt: skip


def _update(name, before, after):
    """Operations that lead a bridge's settings from one to the other, and touch nothing else."""
    where = [["name", "==", name]]
    fail_mode = ovsdb.as_set([after["fail_mode"]] if after["fail_mode"] else [])
    kept = {key: value for key, value in after["other_config"].items() if value is not None}
    # "insert" leaves a key that is there as it is, hence "delete" first.
    mutations = [
        ["other_config", "delete", ovsdb.as_set(before["other_config"])],
        ["other_config", "insert", ovsdb.as_map(kept)],
    ]
    return [
        {"op": "update", "table": "Bridge", "where": where, "row": {"fail_mode": fail_mode}},
        {"op": "mutate", "table": "Bridge", "where": where, "mutations": mutations},
    ]


def _bridges(mutator, uuid):
    mutations = [["bridges", mutator, ovsdb.as_set([uuid])]]
    return {"op": "mutate", "table": ovsdb.SCHEMA, "where": [], "mutations": mutations}
