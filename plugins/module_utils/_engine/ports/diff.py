# SPDX-License-Identifier: GPL-3.0-or-later
"""From the ports that a host has to those that are wanted. Pure. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    EngineError,
    ForeignObject,
    refuse_foreign,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import DEAF, GONE, Port, Seen

#: What ovs-vswitchd does not act upon.
_SILENT = ("external_ids", "other_config", "owner")


@dataclass(frozen=True)
class Step:
    """One port that changes. have: the Seen before, or None. want: the Port after, or None."""

    have: Seen | None
    want: Port | None

    @property
    def name(self):
        return (self.want or self.have.port).name

    @property
    def reopens(self):
        """Whether ovs-vswitchd must let go of the network device and open it again."""
        deaf = self.have is not None and self.have.fault in (GONE, DEAF)
        return deaf and self.want is not None and self.want.type == self.have.port.type

    def change(self):
        """The Change that is reported."""
        if self.have is None:
            return Change("create", label(self.want), None, self.want.document())
        if self.want is None:
            # Without its fault: whether the device is still there when the port goes depends on which task came first.
            return Change("delete", label(self.have.port), self.have.port.document(), None, "port")
        return Change("update", label(self.want), self.have.document(), self.want.document(), self._disruption())

    def _disruption(self):
        quiet = {key: getattr(self.have.port, key) for key in _SILENT}
        return "none" if not self.have.fault and replace(self.want, **quiet) == self.have.port else "port"


def label(port):
    """The object of a change of a port."""
    return f"port {port.bridge}/{port.name}"


def wanted_steps(have, wanted, adopt):
    """Steps to {name: Port} wanted from {name: Seen} have."""
    _refuse_foreign(((have.get(name), port.owner) for name, port in wanted.items()), adopt)
    steps = []
    for name, port in wanted.items():
        seen = have.get(name)
        if seen is None:
            steps.append(Step(None, port))
            continue
        if seen.bond:
            raise EngineError(f"port {name} of bridge {seen.port.bridge} is a bond of several interfaces: remove it")
        target = _with_kept_keys(port, seen.port)
        if seen.fault or seen.port != target:
            steps.append(Step(seen, target))
    return steps


def unwanted_steps(have, unwanted, owner, adopt):
    """Steps that delete the ports of {name: Port} unwanted that are there, on the bridge that is named, if any."""
    there = [(have[name], port.bridge) for name, port in unwanted.items() if name in have]
    seen = [each for each, bridge in there if bridge in ("", each.port.bridge)]
    _refuse_foreign(((each, owner) for each in seen), adopt)
    return [Step(each, None) for each in seen]


def purge_steps(have, listed, owner):
    """Steps that delete what carries owner's mark and is not listed."""
    return [Step(seen, None) for name, seen in have.items() if seen.port.owner == owner and name not in listed]


def _refuse_foreign(found, adopt):
    """found: (Seen or None, owner as it shall be) of every port that is to be changed."""
    others = [] if adopt else [seen.port for seen, owner in found if seen is not None and seen.port.owner != owner]
    refuse_foreign(
        ForeignObject(f"port {port.name} of bridge {port.bridge}", f"ovs-vsctl del-port {port.bridge} {port.name}",
                      port.owner)
        for port in others
    )  # fmt: skip


def _with_kept_keys(port, seen):
    """Others write into these maps too: the keys that we do not list stay."""
    if seen.external_ids == port.external_ids and seen.other_config == port.other_config:
        return port
    return replace(
        port,
        external_ids={**seen.external_ids, **port.external_ids},
        other_config={**seen.other_config, **port.other_config},
    )
