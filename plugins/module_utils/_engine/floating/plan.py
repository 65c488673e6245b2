# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the floating IPs of one namespace with what is wanted. Pure. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import addresses, routing, rules


@dataclass(frozen=True)
class Router:
    """What a namespace has. chains: of its nat table. addresses: {ip: [Address]}. ours: it carries our mark.

    policies: [Policy], read where there are distributed floating IPs.
    """

    ours: bool = True
    chains: dict = field(default_factory=dict)
    devices: set = field(default_factory=set)
    addresses: dict = field(default_factory=dict)
    policies: list = field(default_factory=list)

    def held(self):
        """All addresses of the namespace."""
        return {one for held in self.addresses.values() for one in held}


@dataclass(frozen=True)
class Outside:
    """What the namespaces of external networks have, for distributed routers. devices: {namespace: names}.

    hops: {floating IP: [Hop]}. proxies: {ProxyArp that is on}. ours: the namespaces that carry our mark.
    """

    devices: dict = field(default_factory=dict)
    hops: dict = field(default_factory=dict)
    proxies: set = field(default_factory=set)
    ours: set = field(default_factory=set)


@dataclass
class Plan:
    """What leads one namespace to its wanted floating IPs.

    deletes: {chain: positions}, appends: {chain: rules}; gone, new: Addresses, Policies, Hops, ProxyArps;
    fresh: (namespace, device, IP) to announce; forget: floating IPs whose connections end;
    missing: why it cannot be done, in sentences. claimed: the fixed addresses that listed floating IPs have.
    """

    namespace: str
    router: Router
    adopt: bool = False
    outside: Outside = field(default_factory=Outside)
    claimed: set = field(default_factory=set)
    changes: list = field(default_factory=list)
    deletes: dict = field(default_factory=dict)
    appends: dict = field(default_factory=dict)
    gone: list = field(default_factory=list)
    new: list = field(default_factory=list)
    fresh: list = field(default_factory=list)
    forget: list = field(default_factory=list)
    missing: list = field(default_factory=list)

    def bring(self, item, rows):
        """Plan one wanted floating IP. rows: its rules now, {chain: [(position, rule, fixed)]}."""
        inbound = item.device if item.distributed else None
        wants = rules.wanted(item.prefix, item.floating, item.fixed, item.random_fully, inbound)
        parts = _parts(item)
        held = self._held(item, rows, parts)
        if sorted(map(str, held)) == sorted(map(str, parts)) and rules.texts(rows) == wants:
            return
        there = [] if rows else self.router.addresses.get(item.floating, [])
        foreign = [one for one in there if one.length != item.length and not one.is_floating()]
        if foreign:
            self._refuse(f"Address {foreign[0]} in namespace {self.namespace}", foreign)
        self._note_missing(item, wants)
        moved = any(fixed != item.fixed for found in rows.values() for _at, _rule, fixed in found)
        self._announce(item, [part for part in parts if part not in held])
        self._change(item.floating, rows, held, wants, parts, "conntrack" if moved else "none")

    def _held(self, item, rows, parts):
        """What there is of a wanted floating IP beside its rules in table nat."""
        fixed = {item.fixed, *(_fixed_of(rows) - self.claimed)}
        routed = self._hops(item.floating, item.distributed) + [p for p in self.router.policies if p.fixed in fixed]
        switched = [part for part in parts if part in self.outside.proxies]
        return self.router.addresses.get(item.floating, []) + routed + switched

    def _hops(self, floating, distributed):
        """The routes to a floating IP: those in the wanted namespace, and any that leads to this router."""
        return [
            hop
            for hop in self.outside.hops.get(floating, ())
            if (distributed and hop.namespace == distributed.namespace) or hop.leads_to(self.router.devices)
        ]

    def _announce(self, item, new):
        """The external network hears of a new address, or of a new route that proxy ARP answers for."""
        outside = item.distributed
        for part in new:
            if isinstance(part, addresses.Address):
                self.fresh.append((self.namespace, part.device, part.ip))
            elif isinstance(part, routing.Hop):
                self.fresh.append((outside.namespace, outside.gateway_device, part.ip))

    def remove(self, floating, rows, length=32, distributed=None):
        """Plan the removal of a floating IP. An address of its number that is no floating IP's stays."""
        held = self.router.addresses.get(floating, [])
        mine = [one for one in held if rows or one.length == length or one.is_floating()]
        fixed = _fixed_of(rows) - self.claimed
        mine += self._hops(floating, distributed) + [one for one in self.router.policies if one.fixed in fixed]
        if rows or mine:
            self._change(floating, rows, mine, {}, [], "conntrack")

    def _change(self, floating, rows, held, wants, new, disruption):
        name = f"floating IP {floating} in namespace {self.namespace}"
        shared = all(isinstance(one, routing.ProxyArp) for one in held)  # the device's, whose floating IPs come and go
        before = [] if shared else [str(one) for one in held]
        before += [f"-A {chain} {rule}" for chain, found in sorted(rows.items()) for _at, rule, _fixed in found]
        after = [str(one) for one in new]
        after += [f"-A {chain} {rule}" for chain, texts in sorted(wants.items()) for rule in texts]
        strangers = {one.namespace for one in held if isinstance(one, routing.Hop)} - self.outside.ours
        if before and (strangers or not self.router.ours):
            self._refuse(f"F{name[1:]}", held)
        action = "create" if not before else "update" if after else "delete"
        self.changes.append(Change(action, name, before or None, after or None, disruption))
        self.gone += [one for one in held if one not in new]  # proxy ARP stays on: others need it
        self.new += [one for one in new if one not in held]
        if disruption == "conntrack":
            self.forget.append(floating)
        for chain in dict.fromkeys([*rows, *wants]):
            self._change_rules(chain, rows.get(chain, ()), list(wants.get(chain, ())))

    def _change_rules(self, chain, rows, missing):
        """Keep one of each wanted rule where it is, delete the others, append what is missing."""
        for position, rule, _fixed in rows:
            if rule in missing:
                missing.remove(rule)
            else:
                self.deletes.setdefault(chain, []).append(position)
        if missing:
            self.appends.setdefault(chain, []).extend(missing)

    def _refuse(self, what, held):
        if self.adopt:
            return
        enter = f"ip netns exec {self.namespace}"
        removal = [one.removal(self.namespace) for one in held if not isinstance(one, routing.ProxyArp)]
        raise ForeignObject(what, "; ".join([*removal, f"its rules, if any, are in {enter} iptables-save -t nat"]))

    def _note_missing(self, item, wants):
        for chain in wants:
            if chain not in self.router.chains:
                self._note(f"chain {chain} of table nat", "nat_rules")
        if item.device not in self.router.devices:
            self._note(f"device {item.device}", "netns")
        outside = item.distributed
        for device in (outside.device, outside.gateway_device) if outside else ():
            if device not in self.outside.devices.get(outside.namespace, ()):
                self._note(f"device {device}", "netns", outside.namespace)

    def _note(self, what, module, namespace=None):
        """Remember once that something that the module makes is missing."""
        sentence = f"{what} does not exist in namespace {namespace or self.namespace}: the module {module} makes it"
        if sentence not in self.missing:
            self.missing.append(sentence)


def _parts(item):
    """What a wanted floating IP is beside its rules in table nat."""
    outside = item.distributed
    if not outside:
        return [addresses.wanted(item.device, item.floating, item.length)]
    return [
        routing.Policy(item.fixed, outside.priority),
        routing.Hop(outside.namespace, item.floating, outside.router_address, outside.device),
        routing.ProxyArp(outside.namespace, outside.gateway_device),
    ]


def _fixed_of(rows):
    return {fixed for found in rows.values() for _at, _rule, fixed in found}


def compare(namespace, items, router, absent=False, purge=False, adopt=False, outside=None):
    """The Plan of one namespace for its items ([FloatingIp])."""
    claimed = {item.fixed for item in items}
    plan = Plan(namespace, router, adopt, outside or Outside(), claimed)
    prefixes = dict.fromkeys([rules.PREFIX, *(item.prefix for item in items)])
    found = {prefix: rules.index(router.chains, prefix) for prefix in prefixes}
    listed = {item.floating for item in items}
    for item in items:
        rows = found[item.prefix].pop(item.floating, {})
        if absent:
            plan.remove(item.floating, rows, item.length, item.distributed)
        else:
            plan.bring(item, rows)
    if purge and router.ours:
        _purge(plan, found, listed)
    elif not absent:
        _note_conflicts(plan, items, found)
    return plan


def _purge(plan, found, listed):
    """Remove every other floating IP, but only in a namespace that has the chains: elsewhere a /32 is none."""
    for prefix, associations in found.items():
        if prefix + rules.SNAT_CHAIN not in plan.router.chains:
            continue
        for floating, rows in associations.items():
            plan.remove(floating, rows)
        for ip, held in plan.router.addresses.items():
            if ip not in listed and ip not in associations and any(one.is_floating() for one in held):
                plan.remove(ip, {})
        listed = {*listed, *plan.router.addresses}  # the addresses are planned; a second prefix adds only its rules
    _purge_routing(plan, {*listed, *(floating for associations in found.values() for floating in associations)})


def _purge_routing(plan, known):
    """Remove what distributed floating IPs have left that have no rule in table nat any more."""
    for floating in sorted(plan.outside.hops.keys() - known):
        plan.remove(floating, {})
    strays = [one for one in plan.router.policies if one.fixed not in plan.claimed and one not in plan.gone]
    for stray in strays:
        plan.changes.append(Change("delete", f"rule {stray} in namespace {plan.namespace}", [str(stray)]))
        plan.gone.append(stray)


def _note_conflicts(plan, items, found):
    """A fixed address has one floating IP: of two, the SNAT rule listed first would win."""
    taken = {
        (prefix, fixed): floating
        for prefix, associations in found.items()
        for floating, rows in associations.items()
        for _at, _rule, fixed in rows.get(prefix + rules.SNAT_CHAIN, ())
    }
    for item in items:
        other = taken.get((item.prefix, item.fixed))
        if other:
            plan.missing.append(f"{item.fixed} in namespace {plan.namespace} has the floating IP {other} already")
