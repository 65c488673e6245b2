# SPDX-License-Identifier: GPL-3.0-or-later
"""What netns_service_info returns. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import systemd, unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.observe import observe

_NAMESPACE = "/run/netns/"


def read(names):
    """The services that have a unit of ours, whoever's; names: limit to these, None for all."""
    have = observe({}, lambda units: units if names is None else [n for n in names if n in units], systemd.UNITS)
    records = {name: unit.read(found.text) for name, found in have.units.items() if name in have.processes}
    return [_item(name, record, have.processes[name]) for name, record in records.items() if record]


def _item(name, record, process):
    entries = record.entries
    space = entries.get("NetworkNamespacePath", "").replace("%%", "%")
    return {
        "name": name,
        "owner": record.owner,
        "namespace": space[len(_NAMESPACE):] or None,
        "description": entries.get("Description", "").replace("%%", "%"),
        "command": unit.unquote(entries.get("ExecStart", "")),
        "user": entries.get("User"),
        "files": sorted(record.files | record.secrets),
        "directories": sorted(record.directories),
        "state": process.state,
        "pid": process.pid or None,
        "restarts": process.restarts,
    }
