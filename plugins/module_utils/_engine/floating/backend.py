# SPDX-License-Identifier: GPL-3.0-or-later
"""floating_ip: the floating IPs of many namespaces. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import (
    announce,
    conntrack,
    mark,
    namespace,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import addresses, items, plan, rules
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.plan import back, marker


@dataclass
class State:
    """What was read, {namespace: Router}, and the Plans that follow from it once somebody asked for them."""

    routers: dict
    plans: list | None = None


class FloatingIps(Backend):
    """State read: a State."""

    def __init__(self, config, params, check_mode):
        self.absent, self.check_mode = params["state"] == "absent", check_mode
        self.purge, self.adopt, self.owner = params["purge"], params["adopt"], params["owner"]
        self.wanted = {}
        for item in items.parse(config, self.absent):
            self.wanted.setdefault(item.namespace, []).append(item)

    def observe(self):
        owners = namespace.owners()
        missing = [name for name in self.wanted if name not in owners]
        if missing and not (self.absent or self.check_mode):
            raise EngineError(f"network namespace {', '.join(missing)} does not exist: the module netns makes it")
        ours = [name for name, owner in owners.items() if owner == self.owner] if self.purge else []
        names = [name for name in dict.fromkeys([*self.wanted, *ours]) if name in owners]
        found = namespace.map_in_processes(lambda _name: (self._chains(), *addresses.read()), names)
        return State({
            **{name: plan.Router() for name in missing},
            **{name: self._router(owners[name], *found[name]) for name in names},
        })

    def _chains(self):
        try:
            return restore.read("ipv4").get("nat", {})
        except MissingTool:
            if not self.check_mode:
                raise
            return {}

    def _router(self, owner, chains, devices, held):
        ours = owner == self.owner or chains.get(mark.CHAIN) == [marker(self.owner)]
        return plan.Router(ours, chains, devices, held)

    def _plans(self, have):
        if have.plans is None:
            have.plans = [
                plan.compare(name, self.wanted.get(name, []), router, self.absent, self.purge, self.adopt)
                for name, router in have.routers.items()
            ]
        return have.plans

    def diff(self, have):
        plans = self._plans(have)
        missing = [sentence for one in plans for sentence in one.missing]
        if missing and not self.check_mode:
            raise EngineError("; ".join(missing))
        return [change for one in plans for change in one.changes]

    def apply(self, changes, have):
        plans = {one.namespace: one for one in self._plans(have) if one.changes}
        if any(one.forget for one in plans.values()):
            conntrack.require()

        def write(name):
            one = plans[name]
            if one.deletes or one.appends:
                restore.write("ipv4", rules.document(one.deletes, one.appends))
            addresses.write(one.gone, one.new)

        namespace.map_in_processes(_named(write), plans)

    def undo(self, changes, have):
        plans = {one.namespace: one for one in self._plans(have) if one.changes}

        def write(name):
            now, before, done = self._router(None, self._chains(), *addresses.read()), have.routers[name], plans[name]
            touched = [("nat", chain) for chain in {**done.deletes, **done.appends}]
            chains = back({"nat": now.chains}, {"nat": before.chains}, touched)
            if chains:
                restore.write("ipv4", restore.document(chains))
            gone, was = [one for one in done.new if one in now.held()], before.held()
            addresses.write(gone, [one for one in was if one not in now.held()])

        namespace.map_in_processes(_named(write), plans)

    def settled(self, changes, have):
        plans = self._plans(have)
        forget = {one.namespace: one.forget for one in plans if one.forget}
        fresh = {one.namespace: [(new.device, new.ip, None) for new in one.new] for one in plans if one.new}
        namespace.map_in_processes(lambda name: conntrack.forget(*forget[name]), forget)
        namespace.map_inside(lambda name: announce.announce_all(fresh[name]), fresh, announce.THREADS)


def _named(write):
    """write(name), whose errors say in which namespace."""
    def named(name):
        try:
            write(name)
        except EngineError as error:
            raise EngineError(f"In namespace {name}, {error}") from error
    return named
