# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan changes of what carries the connection. PRIVATE to the collection."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.backend import OvsFlow
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.bridges import Bridges
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.backend import OvsPort
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.observe import NOTHING, observe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in import (
    carriers,
    connection,
    snapshot,
    touching,
)


@dataclass(frozen=True)
class Settings:
    """As the modules' options of these names."""

    owner: str
    purge: bool = False
    adopt: bool = False

    def backends(self, part, check_mode=False):
        """Those that make a part of a plan, in order."""
        common = {"state": "present", "owner": self.owner, "adopt": self.adopt, "database": ovsdb.DEFAULT}
        return [
            Bridges(part["bridges"], self.owner, check_mode),
            OvsPort(part["ports"], {**common, "purge": self.purge}, check_mode),
            OvsFlow(part["flows"], {**common, "purge": False}, check_mode),
        ]


@dataclass(frozen=True)
class Finding:
    """connection: whom this run serves, or None. part: of the plan. changes: what making it takes.

    ports: names of those that the part makes or removes.
    """

    connection: Any
    carriers: Any = carriers.Carriers((), ())
    part: dict = field(default_factory=dict)
    ports: frozenset = frozenset()
    changes: list = field(default_factory=list)

    def snapshot(self):
        """How everything is that the part touches."""
        switched = {item["bridge"] for item in self.part["flows"]}
        return snapshot.take({bridge["name"] for bridge in self.part["bridges"]} | switched, self.ports, switched)


def look(plan, settings):
    """What a plan would change of what carries the connection: a Finding. Writes nothing."""
    found = connection.current()
    if found is None:
        return Finding(None)
    try:
        state = observe(ovsdb.DEFAULT)
    except (ovsdb.Unreachable, MissingTool):
        state = NOTHING
    carry = carriers.of(found, state)
    devices = {name for _index, name in socket.if_nameindex()}
    part = touching.part(plan, carry, state, settings.owner, settings.purge, devices)
    kept = {port["name"] for port in part["ports"] if port.get("ignore")}
    ports = ({port["name"] for port in part["ports"]} | set(state.ports)) - kept
    changes = _predicted(part, settings) if part["bridges"] or part["flows"] or ports else []
    return Finding(found, carry, part, frozenset(ports), changes)


def _predicted(part, settings):
    return [change for backend in settings.backends(part, True) for change in converge(backend, True).changes]
