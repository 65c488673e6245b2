# SPDX-License-Identifier: GPL-3.0-or-later
"""What security_group_info returns. PRIVATE to the collection."""

from __future__ import annotations

import contextlib

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names, sets, tables
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.threads import map_in_threads
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore, strangers

_PARTS = ("ingress", "egress", "sources")  # in the order of names.port_chains


def read():
    """{"ports": [port], "sets": [set]} of the host's own network, whoever made them."""
    found = map_in_threads(_rules, restore.TOOLS)
    families = {family: tables.found(found[family]) for family in restore.TOOLS}
    keys = sorted({key for ports in families.values() for key in ports})
    owner = strangers.owner_of(found["ipv4"].get("filter", {}))
    members = {}
    with contextlib.suppress(MissingTool):
        members = sets.read()
        members.pop(sets.ZONES, None)
    return {
        "ports": [_port(key, owner, {family: ports.get(key) for family, ports in families.items()}) for key in keys],
        "sets": [
            {"name": name, "owner": one.owner, "members": sorted(one.members)} for name, one in sorted(members.items())
        ],
    }


def _rules(family):
    try:
        return restore.read(family)
    except MissingTool:
        return {}


def _port(key, owner, families):
    zones = {zone for port in families.values() if port for zone in tables.zones({key: port}).values()}
    secured = any(tables.is_filtered(port) for port in families.values() if port)
    return {
        "device": names.tap(key),
        "owner": owner,
        "port_security_enabled": secured,
        "stateful": bool(zones) or not secured,
        "zone": min(zones, default=None),
        "rules": {
            family: {part: port.own.get(chain, []) for part, chain in zip(_PARTS, names.port_chains(key))}
            for family, port in families.items()
            if port and port.own
        },
    }
