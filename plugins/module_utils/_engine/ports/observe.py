# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that a host has, and whether packets pass them. PRIVATE to the collection."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, namespace, ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import DEAF, GONE, TYPES, Port, Seen

_TYPE_NAMES = {value: name for name, value in TYPES.items()}

_BRIDGE = ("_uuid", "name", "ports", "fail_mode", "datapath_type", "external_ids", "other_config")
_PORT = ("_uuid", "name", "interfaces", "tag", "trunks", "vlan_mode", "external_ids", "other_config")
_INTERFACE = ("_uuid", "name", "type", "options", "external_ids", "ofport", "ofport_request", "error")


@dataclass(frozen=True)
class State:
    """bridges: {name: row of the Bridge table}. ports: {name: Seen}."""

    bridges: dict
    ports: dict


#: What a host without Open vSwitch has.
NOTHING = State({}, {})


def observe(path, hints=None):
    """Read the database at path. hints: {internal port: the namespace where its device lives}."""
    with ovsdb.Database(path) as database:
        bridges, ports, interfaces = database.select(
            ("Bridge", _BRIDGE), ("Port", _PORT), ("Interface", _INTERFACE)
        )
    bridge_of = {uuid: bridge["name"] for bridge in bridges for uuid in ovsdb.as_list(bridge["ports"])}
    interface_of = {row["_uuid"]: row for row in interfaces}
    seen = {row["name"]: _seen(row, bridge_of[row["_uuid"]], interface_of) for row in ports}
    by_name = {row["name"]: row for row in bridges}
    return State(by_name, _with_devices(seen, by_name, hints or {}, path))


def _seen(row, bridge, interface_of):
    interfaces = [interface_of[uuid] for uuid in ovsdb.as_list(row["interfaces"])]
    first = next((i for i in interfaces if i["name"] == row["name"]), interfaces[0])
    port = Port(
        name=row["name"],
        bridge=bridge,
        type=_TYPE_NAMES.get(first["type"], first["type"]),
        tag=ovsdb.optional(row["tag"]),
        trunks=tuple(sorted(ovsdb.as_list(row["trunks"]))),
        vlan_mode=ovsdb.optional(row["vlan_mode"]),
        options=first["options"],
        external_ids=first["external_ids"],
        other_config=row["other_config"],
        owner=row["external_ids"].get(mark.EXTERNAL_ID),
    )
    return Seen(
        port=port,
        uuid=row["_uuid"],
        bond=[interface["name"] for interface in interfaces] != [row["name"]],
        ofport=ovsdb.optional(first["ofport"]),
        ofport_request=ovsdb.optional(first["ofport_request"]),
        fault=(ovsdb.optional(first["error"]) or "").replace("\n", "; ") or None,
    )


def _with_devices(ports, bridges, hints, path):
    """The ports, with the faults that the database does not know of."""
    moved = {name: inside for name, inside in hints.items() if name in ports and _index(name) is None}
    elsewhere = _devices_in(set(moved.values()))
    heard = _heard(ovsdb.directory(path))

    def fault(seen):
        port = seen.port
        if port.type == "patch":
            return _lonely(port, ports) or seen.fault
        if seen.fault:
            return seen.fault
        if port.type == "internal" and port.name in moved:
            return None if port.name in elsewhere[moved[port.name]] else GONE
        if port.type == "system" and bridges[port.bridge]["datapath_type"] == "netdev":
            index = _index(port.name)
            if index is None:
                return GONE
            return DEAF if heard is not None and index not in heard else None
        return None

    found = ((seen, fault(seen)) for seen in ports.values())
    return {seen.port.name: seen if seen.fault == why else replace(seen, fault=why) for seen, why in found}


def _lonely(port, ports):
    """The fault of a patch port without its other end; ovs-vswitchd writes it too, some tenths of a second later."""
    peer = port.options.get("peer")
    other = ports[peer].port if peer in ports else None
    if other and other.type == "patch" and other.options.get("peer") == port.name:
        return None
    return f"no patch port {peer} has it as its peer"


def _index(device):
    """The kernel's index of a network device of this namespace, or None."""
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return None


def _devices_in(namespaces):
    """{namespace: names of its devices}; none for a namespace that is not there."""
    live = [name for name in namespaces if namespace.exists(name)]
    devices = namespace.map_inside(lambda _name: {device for _index, device in socket.if_nameindex()}, live, 1)
    return {name: devices.get(name, set()) for name in namespaces}


def _heard(directory):
    """Indexes of the devices that ovs-vswitchd receives from in its userspace datapath; None if it cannot be told.

    It reads a device through a packet socket that is bound to the device's index.
    When the device is deleted and made again under its name, the socket stays bound
    to nothing: ovs-vswitchd shows the port as before, and hears it no more.
    """
    try:
        with open(f"{directory}/ovs-vswitchd.pid") as pidfile:
            descriptors = f"/proc/{int(pidfile.read())}/fd"
        inodes = {_link(f"{descriptors}/{number}")[len("socket:["):-1] for number in os.listdir(descriptors)}
    except (OSError, ValueError):
        return None
    with open("/proc/net/packet") as table:
        sockets = [line.split() for line in list(table)[1:]]
    return {int(fields[4]) for fields in sockets if fields[8] in inodes}


def _link(file):
    try:
        return os.readlink(file)
    except OSError:  # closed meanwhile
        return ""
