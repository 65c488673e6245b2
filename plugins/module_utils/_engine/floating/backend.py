# SPDX-License-Identifier: GPL-3.0-or-later
"""floating_ip: the floating IPs of many namespaces. PRIVATE to the collection."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import (
    announce,
    conntrack,
    mark,
    namespace,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import (
    addresses,
    items,
    plan,
    routing,
    rules,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.plan import back, marker

#: What is in the namespaces of external networks.
_OUTSIDE = (routing.Hop, routing.ProxyArp)


@dataclass
class State:
    """What was read, and the Plans that follow from it once somebody asked for them. routers: {namespace: Router}."""

    routers: dict
    outside: plan.Outside
    plans: list | None = None


class FloatingIps(Backend):
    """State read: a State."""

    def __init__(self, config, params, check_mode):
        self.absent, self.check_mode = params["state"] == "absent", check_mode
        self.purge, self.adopt, self.owner = params["purge"], params["adopt"], params["owner"]
        self.wanted, self.gateways = {}, {}
        for item in items.parse(config, self.absent):
            self.wanted.setdefault(item.namespace, []).append(item)
            if item.distributed:
                devices = self.gateways.setdefault(item.distributed.namespace, set())
                devices.update({item.distributed.gateway_device} - {None})

    def observe(self):
        owners = namespace.owners()
        needed = dict.fromkeys([*self.wanted, *self.gateways])
        missing = [name for name in needed if name not in owners]
        if missing and not (self.absent or self.check_mode):
            raise EngineError(f"network namespace {', '.join(missing)} does not exist: the module netns makes it")
        ours = [name for name, owner in owners.items() if owner == self.owner] if self.purge else []
        names = [name for name in dict.fromkeys([*needed, *ours]) if name in owners]
        found = namespace.map_in_processes(self._read, names)
        routers = {
            **{name: plan.Router() for name in missing},
            **{name: self._router(owners[name], *found[name]) for name in names},
        }
        return State(routers, _outside(routers, {name: found[name][-1] for name in names}))

    def _read(self, name):
        """(chains, devices, addresses, Routing) of the current namespace."""
        chains, (devices, held) = self._chains(), addresses.read()
        ends = (routing.ROUTER_END, routing.FAR_END)
        # A pair that is gone leaves its router's policies behind
        paired = any(device.startswith(ends) for device in devices) or rules.name_inbound(chains)
        distributed = name in self.gateways or paired
        seen = routing.read(name, self.gateways.get(name, ())) if distributed else routing.NOTHING
        return chains, devices, held, seen

    def _chains(self):
        try:
            return restore.read("ipv4").get("nat", {})
        except MissingTool:
            if not self.check_mode:
                raise
            return {}

    def _router(self, owner, chains, devices, held, seen):
        ours = owner == self.owner or chains.get(mark.CHAIN) == [marker(self.owner)]
        return plan.Router(ours, chains, devices, held, seen.policies)

    def _plans(self, have):
        if have.plans is None:
            have.plans = [
                plan.compare(name, self.wanted.get(name, []), router, self.absent, self.purge, self.adopt, have.outside)
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
            routing.write_policies(_of(routing.Policy, one.gone), ())
            if one.deletes or one.appends:
                restore.write("ipv4", rules.document(one.deletes, one.appends))
            addresses.write(_of(addresses.Address, one.gone), _of(addresses.Address, one.new))
            routing.write_policies((), _of(routing.Policy, one.new))

        # By its rules in table nat a run knows a floating IP that a killed run left: they come first and go last.
        routed = {hop[:2] for one in plans.values() for hop in _of(routing.Hop, one.new)}  # these are replaced
        gone = [hop for one in plans.values() for hop in _of(routing.Hop, one.gone) if hop[:2] not in routed]
        _write_outside(gone, ())
        namespace.map_in_processes(_named(write), plans)
        _write_outside((), [part for one in plans.values() for part in _of(_OUTSIDE, one.new)])

    def undo(self, changes, have):
        plans = {one.namespace: one for one in self._plans(have) if one.changes}

        def write(name):
            now, before, done = self._router(None, *self._read(name)), have.routers[name], plans[name]
            touched = [("nat", chain) for chain in {**done.deletes, **done.appends}]
            chains = back({"nat": now.chains}, {"nat": before.chains}, touched)
            if chains:
                restore.write("ipv4", restore.document(chains))
            gone, was = [one for one in _of(addresses.Address, done.new) if one in now.held()], before.held()
            addresses.write(gone, [one for one in was if one not in now.held()])
            lost = [one for one in _of(routing.Policy, done.gone) if one not in now.policies]
            routing.write_policies([one for one in _of(routing.Policy, done.new) if one in now.policies], lost)

        namespace.map_in_processes(_named(write), plans)
        gone = [part for one in plans.values() for part in _of(_OUTSIDE, one.new)]
        _write_outside(gone, [part for one in plans.values() for part in _of(_OUTSIDE, one.gone)])

    def settled(self, changes, have):
        plans = self._plans(have)
        forget = {one.namespace: one.forget for one in plans if one.forget}
        fresh = [announce.Place(*found) for one in plans for found in one.fresh]
        namespace.map_in_processes(lambda name: conntrack.forget(*forget[name]), forget)
        announce.announce_places(fresh)
        return announce.result(fresh)


def _of(kinds, parts):
    return [part for part in parts if isinstance(part, kinds)]


def _outside(routers, seen):
    """The Outside of what was read. seen: {namespace: Routing}."""
    hops = defaultdict(list)
    for hop in (hop for found in seen.values() for hop in found.hops):
        hops[hop.ip].append(hop)
    proxies = {proxy for found in seen.values() for proxy in found.proxies}
    ours = {name for name, router in routers.items() if router.ours}
    return plan.Outside({name: router.devices for name, router in routers.items()}, dict(hops), proxies, ours)


def _write_outside(gone, new):
    """Take Hops and ProxyArps away in the namespaces of external networks, then put others there."""

    def write(name):
        mine, others = ([part for part in parts if part.namespace == name] for parts in (gone, new))
        routing.write_hops(_of(routing.Hop, mine), _of(routing.Hop, others))
        routing.switch(_of(routing.ProxyArp, mine), False)
        routing.switch(_of(routing.ProxyArp, others), True)

    names = dict.fromkeys(part.namespace for part in (*gone, *new))
    namespace.map_inside(_named(write), names, workers=1)


def _named(write):
    """write(name), whose errors say in which namespace."""
    def named(name):
        try:
            write(name)
        except EngineError as error:
            raise EngineError(f"In namespace {name}, {error}") from error
    return named
