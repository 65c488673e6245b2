# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between ports as OVSDB operations. Pure. PRIVATE to the collection.

Sets and maps that others write too are mutated, never written whole, so that a
change of someone else that comes between our reading and our writing survives.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ovsdb import as_map, as_set
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import TYPES

#: Highest OpenFlow number that a port can ask for (OFPP_MAX of OpenFlow 1.0).
HIGHEST_OFPORT = 0xFEFF


def create(port, number, ofport_request=None):
    """Operations that make a port. number: unique within the transaction."""
    row = {
        "name": port.name,
        "interfaces": ["named-uuid", f"interface{number}"],
        **_port_columns(port),
        "other_config": as_map(port.other_config),
        "external_ids": as_map(_mark(port)),
    }
    interface = {
        "name": port.name,
        **_interface_columns(port),
        "external_ids": as_map(port.external_ids),
        "ofport_request": _optional(ofport_request),
    }
    return [
        {"op": "insert", "table": "Interface", "uuid-name": f"interface{number}", "row": interface},
        {"op": "insert", "table": "Port", "uuid-name": f"port{number}", "row": row},
        _bridge_ports(port.bridge, "insert", ["named-uuid", f"port{number}"]),
    ]


def delete(seen):
    """The operation that removes a port: rows that no bridge refers to go by themselves."""
    return [_bridge_ports(seen.port.bridge, "delete", ["uuid", seen.uuid])]


def change(seen, before, after):
    """Operations that lead the rows of seen from the Port before to the Port after, and touch nothing else."""
    operations = []
    if before.bridge != after.bridge:
        operations += [
            _bridge_ports(before.bridge, "delete", ["uuid", seen.uuid]),
            _bridge_ports(after.bridge, "insert", ["uuid", seen.uuid]),
        ]
    operations += _row_changes("Port", after.name, _port_columns(before), _port_columns(after))
    operations += _row_changes("Interface", after.name, _interface_columns(before), _interface_columns(after))
    operations += _map_changes("Interface", after.name, "external_ids", before.external_ids, after.external_ids)
    operations += _map_changes("Port", after.name, "other_config", before.other_config, after.other_config)
    operations += _map_changes("Port", after.name, "external_ids", _mark(before), _mark(after))
    return operations


def request_ofport(name, number):
    """Ask for an OpenFlow number; None: take back what was asked."""
    row = {"ofport_request": _optional(number)}
    return {"op": "update", "table": "Interface", "where": _named(name), "row": row}


def spare_ofports(taken, count):
    """OpenFlow numbers that no port has."""
    numbers = (number for number in range(HIGHEST_OFPORT, 0, -1) if number not in taken)
    return [next(numbers) for dummy in range(count)]


def _port_columns(port):
    return {
        "tag": _optional(port.tag),
        "trunks": as_set(port.trunks),
        "vlan_mode": _optional(port.vlan_mode),
    }


def _interface_columns(port):
    return {"type": TYPES.get(port.type, port.type), "options": as_map(dict(sorted(port.options.items())))}


def _mark(port):
    return {mark.EXTERNAL_ID: port.owner} if port.owner else {}


def _row_changes(table, name, before, after):
    row = {column: value for column, value in after.items() if value != before[column]}
    return [{"op": "update", "table": table, "where": _named(name), "row": row}] if row else []


def _map_changes(table, name, column, before, after):
    gone = [key for key in before if before[key] != after.get(key)]
    new = {key: value for key, value in after.items() if before.get(key) != value}
    # "insert" leaves a key that is there as it is, hence "delete" first.
    mutations = [[column, "delete", as_set(sorted({*gone, *new}))], [column, "insert", as_map(new)]]
    return [{"op": "mutate", "table": table, "where": _named(name), "mutations": mutations}] if gone or new else []


def _bridge_ports(bridge, mutator, uuid):
    mutations = [["ports", mutator, as_set([uuid])]]
    return {"op": "mutate", "table": "Bridge", "where": _named(bridge), "mutations": mutations}


def _named(name):
    return [["name", "==", name]]


def _optional(value):
    return as_set([] if value is None else [value])
