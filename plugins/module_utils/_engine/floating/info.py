# SPDX-License-Identifier: GPL-3.0-or-later
"""What floating_ip_info returns. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import addresses, rules
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore


def read(names, prefix):
    """Items in the vocabulary of floating_ip, plus owner and complete. names: namespaces, None for all."""
    owners = namespace.owners()
    wanted = owners if names is None else [name for name in names if name in owners]
    found = namespace.map_inside(lambda _name: (restore.read("ipv4").get("nat", {}), addresses.read()[1]), wanted)
    return [
        {"namespace": name, "owner": owners[name], **_item(floating, rows, found[name][1].get(floating, []), prefix)}
        for name in wanted
        for floating, rows in rules.index(found[name][0], prefix).items()
    ]


def _item(floating, rows, held, prefix):
    fixed = sorted({fixed for found in rows.values() for _at, _rule, fixed in found})
    outward = [rule for _at, rule, _fixed in rows.get(prefix + rules.SNAT_CHAIN, ())]
    random_fully = any(rule.endswith(" --random-fully") for rule in outward)
    return {
        "floating_ip_address": floating,
        "fixed_ip_address": fixed[0],
        "device": held[0].device if held else None,
        "prefix_length": held[0].length if held else None,
        "random_fully": random_fully,
        "chain_prefix": prefix,
        "complete": len(held) == 1 and rules.texts(rows) == rules.wanted(prefix, floating, fixed[0], random_fully),
    }
