# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the floating IPs of one namespace with what is wanted. Pure. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import addresses, rules


@dataclass(frozen=True)
class Router:
    """What a namespace has. chains: of its nat table. addresses: {ip: [Address]}. ours: it carries our mark."""

    ours: bool = True
    chains: dict = field(default_factory=dict)
    devices: set = field(default_factory=set)
    addresses: dict = field(default_factory=dict)

    def held(self):
        """All addresses of the namespace."""
        return {one for held in self.addresses.values() for one in held}


@dataclass
class Plan:
    """What leads one namespace to its wanted floating IPs.

    deletes: {chain: positions}, appends: {chain: rules}; gone, new: Addresses;
    forget: floating IPs whose connections end; missing: why it cannot be done, in sentences.
    """

    namespace: str
    router: Router
    adopt: bool = False
    changes: list = field(default_factory=list)
    deletes: dict = field(default_factory=dict)
    appends: dict = field(default_factory=dict)
    gone: list = field(default_factory=list)
    new: list = field(default_factory=list)
    forget: list = field(default_factory=list)
    missing: list = field(default_factory=list)

    def bring(self, item, rows):
        """Plan one wanted floating IP. rows: its rules now, {chain: [(position, rule, fixed)]}."""
        wants = rules.wanted(item.prefix, item.floating, item.fixed, item.random_fully)
        address = addresses.wanted(item.device, item.floating, item.length)
        held = self.router.addresses.get(item.floating, [])
        if held == [address] and rules.texts(rows) == wants:
            return
        foreign = [] if rows else [one for one in held if one.length != item.length and not one.is_floating()]
        if foreign:
            self._refuse(f"Address {foreign[0]} in namespace {self.namespace}", foreign)
        self._note_missing(item, wants)
        moved = any(fixed != item.fixed for found in rows.values() for _at, _rule, fixed in found)
        self._change(item.floating, rows, held, wants, [address], "conntrack" if moved else "none")

    def remove(self, floating, rows, length=32):
        """Plan the removal of a floating IP. An address of its number that is no floating IP's stays."""
        held = self.router.addresses.get(floating, [])
        mine = [one for one in held if rows or one.length == length or one.is_floating()]
        if rows or mine:
            self._change(floating, rows, mine, {}, [], "conntrack")

    def _change(self, floating, rows, held, wants, new, disruption):
        name = f"floating IP {floating} in namespace {self.namespace}"
        before = [str(one) for one in held]
        before += [f"-A {chain} {rule}" for chain, found in sorted(rows.items()) for _at, rule, _fixed in found]
        after = [str(one) for one in new]
        after += [f"-A {chain} {rule}" for chain, texts in sorted(wants.items()) for rule in texts]
        if before and not self.router.ours:
            self._refuse(f"F{name[1:]}", held)
        action = "create" if not before else "update" if after else "delete"
        self.changes.append(Change(action, name, before or None, after or None, disruption))
        self.gone += [one for one in held if one not in new]
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
        removal = [f"{enter} ip address delete {one.ip}/{one.length} dev {one.device}" for one in held]
        raise ForeignObject(what, "; ".join([*removal, f"its rules, if any, are in {enter} iptables-save -t nat"]))

    def _note_missing(self, item, wants):
        for chain in wants:
            if chain not in self.router.chains:
                self._note(f"chain {chain} of table nat", "nat_rules")
        if item.device not in self.router.devices:
            self._note(f"device {item.device}", "netns")

    def _note(self, what, module):
        """Remember once that something that the module makes is missing."""
        sentence = f"{what} does not exist in namespace {self.namespace}: the module {module} makes it"
        if sentence not in self.missing:
            self.missing.append(sentence)


def compare(namespace, items, router, absent=False, purge=False, adopt=False):
    """The Plan of one namespace for its items ([FloatingIp])."""
    plan = Plan(namespace, router, adopt)
    prefixes = dict.fromkeys([rules.PREFIX, *(item.prefix for item in items)])
    found = {prefix: rules.index(router.chains, prefix) for prefix in prefixes}
    listed = {item.floating for item in items}
    for item in items:
        rows = found[item.prefix].pop(item.floating, {})
        if absent:
            plan.remove(item.floating, rows, item.length)
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
