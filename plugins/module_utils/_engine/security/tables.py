# SPDX-License-Identifier: GPL-3.0-or-later
"""All ports of a host in the tables of one family (reference 7.2). Pure. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.render import FALLBACK, Chains

#: The chains that hold rules of every port: (table, name without prefix).
SHARED = (
    ("raw", "PREROUTING"), ("nat", "PREROUTING"),
    ("filter", "FORWARD"), ("filter", "INPUT"), ("filter", "sg-chain"),
)  # fmt: skip


def wanted(ports):
    """{table: {chain: rules}} for {key: Chains} of every port; nothing for none.

    Ports follow each other by key. Those without port security come last: what goes to
    or from a filtered port has to meet its filter before another port's rule accepts it.
    """
    if not ports:
        return {}
    order = sorted(ports, key=lambda key: (not is_filtered(ports[key]), key))
    shared = {place: [rule for key in order for rule in ports[key].shared.get(place, ())] for place in SHARED}
    w = names.wrapped
    return {
        "raw": {
            "PREROUTING": [f"-j {w('PREROUTING')}"],
            "OUTPUT": [f"-j {w('OUTPUT')}"],
            w("PREROUTING"): shared["raw", "PREROUTING"],
            w("OUTPUT"): [],
        },
        "nat": {
            "PREROUTING": [f"-j {w('PREROUTING')}"],
            w("PREROUTING"): shared["nat", "PREROUTING"],
        },
        "filter": {
            "INPUT": [f"-j {w('INPUT')}"],
            "FORWARD": [f"-j {names.TOP}", f"-j {w('FORWARD')}"],
            "OUTPUT": [f"-j {names.TOP}", f"-j {w('OUTPUT')}"],
            names.TOP: [f"-j {w('local')}"],
            w("local"): [],
            w("INPUT"): shared["filter", "INPUT"],
            w("FORWARD"): shared["filter", "FORWARD"],
            w("OUTPUT"): [],
            w("sg-chain"): [*shared["filter", "sg-chain"], "-j ACCEPT"],
            w("sg-fallback"): [FALLBACK],
            **{chain: rules for key in order for chain, rules in ports[key].own.items()},
        },
    }


def is_filtered(chains):
    """Whether a port's Chains filter it."""
    return ("filter", "sg-chain") in chains.shared


def found(tables):
    """{key: Chains} of every port that the host's tables know."""
    ports = {}
    for place in SHARED:
        table, name = place
        for rule in tables.get(table, {}).get(names.wrapped(name), ()):
            key = key_of(rule)
            if key:
                ports.setdefault(key, Chains({}, {})).shared.setdefault(place, []).append(rule)
    chains = tables.get("filter", {})
    for key, port in ports.items():
        port.own.update((chain, chains[chain]) for chain in names.port_chains(key) if chain in chains)
    return ports


def key_of(rule):
    """The key of the port whose device a rule matches, or None."""
    words = rule.split(" ", 4)
    device = words[1] if words[0] == "-i" else words[3] if words[:2] == ["-m", "physdev"] and len(words) > 3 else ""
    return device[3:] if device.startswith(("tap", "qvb")) else None


def zones(ports):
    """{key: conntrack zone} of {key: Chains}."""
    result = {}
    for key, port in ports.items():
        for rule in port.shared.get(("raw", "PREROUTING"), ()):
            _match, zone, number = rule.rpartition("-j CT --zone ")
            if zone:
                result[key] = int(number)
    return result
