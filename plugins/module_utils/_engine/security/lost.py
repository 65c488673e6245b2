# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tracked connections no rule allows any more. Pure. PRIVATE to the collection.

A packet of a known connection passes before any group's rule is asked, so a connection
outlives the rule that let it begin, unless its entry goes.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names, tables, verdict
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.render import FALLBACK


class Filter:
    """What a host lets into and out of its ports, in both families.

    ports: {family: {key: Chains}}. sets: {name: prefixes}.
    """

    def __init__(self, ports, sets, protocol_names):
        self.ports = ports
        self.zones = {key: zone for family in ports.values() for key, zone in tables.zones(family).items()}
        self._sets = sets
        self._rules = {
            family: verdict.Rules(_chains(found), sets, protocol_names) for family, found in ports.items()
        }

    def of(self, key):
        """Everything that decides about one port's connections: equal before and after, none is lost."""
        own = {family: found[key].own for family, found in self.ports.items() if key in found}
        named = {name for chains in own.values() for rules in chains.values() for name in sets_named(rules)}
        return own, {name: self._sets.get(name) for name in named}, self.zones.get(key)

    def sources(self, key, family):
        """The prefixes that the port may send from, as verdict.packed makes them; None for all."""
        port = self.ports[family].get(key)
        rules = port.own.get(names.port_chains(key)[2], ()) if port else ()
        return [verdict.read(rule, {}).source for rule in rules if rule.endswith("-j RETURN")]

    def allows(self, key, family, connection, inward, outward):
        """Whether the connection may begin at that port, in either of the directions asked for.

        A port that is not filtered lets all begin.
        """
        to, by, _sources = names.port_chains(key)
        rules = self._rules[family]
        return (inward and rules.allow(to, connection)) or (outward and rules.allow(by, connection))


def _chains(ports):
    own = {chain: rules for port in ports.values() for chain, rules in port.own.items()}
    return {**own, names.wrapped("sg-fallback"): [FALLBACK]}


def sets_named(rules):
    """The names of the sets that rules match."""
    for rule in rules:
        if "--match-set " in rule:
            yield rule.partition("--match-set ")[2].partition(" ")[0]


def zones(before, after):
    """{zone: key of the port that has it now, or None} of every port whose connections may be lost."""
    keys = {key for one in (before, after) for family in one.ports.values() for key in family}
    changed = [key for key in keys if before.of(key) != after.of(key)]
    zones_of = (one.zones[key] for one in (before, after) for key in changed if key in one.zones)
    return holders(zones_of, after)


def holders(some, after):
    """{zone: key of the port that has it, or None} of some zones."""
    held = {zone: key for key, zone in after.zones.items()}
    return {zone: held.get(zone) for zone in some}


def entries(found, held, before, after, unknown=()):
    """The Entries, of those found in the zones held, that were allowed before and are not now.

    Of a zone that nobody holds now all are lost, and its next holder shall not find them. What is
    in a zone that the port had not before, or in an unknown one, counts as allowed until now.
    """
    return [
        entry for entry in found
        if held[entry.zone] is None or _is_lost(entry, held[entry.zone], before, after, entry.zone in unknown)
    ]  # fmt: skip


def _is_lost(entry, key, before, after, is_unknown):
    connection = entry.connection
    family = "ipv4" if len(connection.source) == 4 else "ipv6"
    own = before.sources(key, family) + after.sources(key, family)
    to, by = _closest(own, connection.target), _closest(own, connection.source)
    question = (key, family, connection, to >= by, by >= to)
    was_allowed = is_unknown or before.zones.get(key) != entry.zone or before.allows(*question)
    return was_allowed and not after.allows(*question)


def _closest(prefixes, address):
    """The length of the longest prefix that holds the address; -1 if none does."""
    lengths = [bin(prefix[2]).count("1") if prefix else 0 for prefix in prefixes if verdict.within(prefix, address)]
    return max(lengths, default=-1)
