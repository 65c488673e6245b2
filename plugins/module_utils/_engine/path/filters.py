# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of a port's security groups, as they are on the host, say to a packet. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names, protocols, sets
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.verdict import Connection, Rules
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore

_PHYSDEV = {"ingress": "--physdev-out", "egress": "--physdev-in"}


def guard(wanted):
    """(whether the rules judge a packet as expected, what they say)."""
    family = "ipv6" if ":" in wanted["destination"] else "ipv4"
    chains = restore.read(family).get("filter", {})
    key = names.device_id(wanted["port_id"])
    ingress, egress, _sources = names.port_chains(key)
    chain = ingress if wanted["direction"] == "ingress" else egress
    device = f"{_PHYSDEV[wanted['direction']]} {names.tap(key)} "
    for place, target in (("FORWARD", names.wrapped("sg-chain")), ("sg-chain", chain)):
        jumps = [rule for rule in chains.get(names.wrapped(place), ()) if device in rule]
        if not any(rule.endswith(f"-j {target}") for rule in jumps):
            return False, f"chain {names.wrapped(place)} does not lead {names.tap(key)} to {target}"
    passes = Rules(chains, _members(), protocols.printed()).allow(chain, _connection(wanted))
    return passes is wanted["passes"], f"the rules of {chain} {'let it pass' if passes else 'drop it'}"


def _members():
    return {name: one.members for name, one in sets.read().items()}


def _connection(wanted):
    kind = (wanted["icmp_type"], 0) if wanted.get("icmp_type") is not None else None
    source, target = (inet.pack_prefix(wanted[side])[1] for side in ("source", "destination"))
    ports = wanted.get("source_port"), wanted.get("destination_port")
    return Connection(wanted["protocol"], source, target, *ports, kind)
