# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridges of a host and the OpenFlow numbers of their ports, from OVSDB. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, ovsdb

#: OpenFlow's number of the port that bears its bridge's name.
LOCAL = 65534


def read(path):
    """{bridge: {port: OpenFlow number}}; ports that ovs-vswitchd could not make have none."""
    with ovsdb.Database(path) as database:
        bridges, ports, interfaces = database.select(
            ("Bridge", ("name", "ports")), ("Port", ("_uuid", "interfaces")), ("Interface", ("_uuid", "name", "ofport"))
        )
    numbered = {row["_uuid"]: (row["name"], ovsdb.optional(row["ofport"])) for row in interfaces}
    members = {row["_uuid"]: ovsdb.as_list(row["interfaces"]) for row in ports}
    return {
        bridge["name"]: {
            name: number
            for port in ovsdb.as_list(bridge["ports"])
            for name, number in (numbered[interface] for interface in members[port])
            if number is not None and number >= 0
        }
        for bridge in bridges
    }


def owners(path):
    """{bridge: whose mark it carries, or None}"""
    with ovsdb.Database(path) as database:
        (rows,) = database.select(("Bridge", ("name", "external_ids")))
    return {row["name"]: row["external_ids"].get(mark.EXTERNAL_ID) for row in rows}


def port_names(numbers):
    """{OpenFlow number: port} of {port: OpenFlow number}; the local port keeps OpenFlow's name for it."""
    return {number: name for name, number in numbers.items() if number != LOCAL}


def socket_of(path, bridge):
    """What ovs-ofctl calls the bridge: the socket that ovs-vswitchd keeps for it beside its database's."""
    return f"unix:{ovsdb.directory(path)}/{bridge}.mgmt"
