# SPDX-License-Identifier: GPL-3.0-or-later
"""What floating_ip_info returns. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import (
    addresses,
    routing,
    rules,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore

_GATEWAY = "fg-"  # how Neutron begins the name of the device on the external network


def read(names, prefix):
    """Items in the vocabulary of floating_ip, plus owner and complete. names: namespaces, None for all."""
    owners = namespace.owners()
    wanted = owners if names is None else [name for name in names if name in owners]
    chains = namespace.map_inside(lambda _name: restore.read("ipv4").get("nat", {}), wanted)
    seen = namespace.map_inside(_read, owners, workers=1)
    hops = [hop for _devices, _held, found in seen.values() for hop in found.hops]
    return [
        {"namespace": name, "owner": owners[name], **_item(floating, rows, seen[name], hops, seen, prefix)}
        for name in wanted
        for floating, rows in rules.index(chains[name], prefix).items()
    ]


def _read(name):
    """(devices, addresses, Routing) of the current namespace."""
    devices, held = addresses.read()
    return devices, held, routing.read(name, sorted(device for device in devices if device.startswith(_GATEWAY)))


def _item(floating, rows, mine, hops, seen, prefix):
    devices, held, found = mine
    fixed = min(fixed for rules_of_chain in rows.values() for _at, _rule, fixed in rules_of_chain)
    outward = [rule for _at, rule, _fixed in rows.get(prefix + rules.SNAT_CHAIN, ())]
    random_fully = any(rule.endswith(" --random-fully") for rule in outward)
    inbound, held = rules.inbound(rows, prefix), held.get(floating, [])
    translated = rules.texts(rows) == rules.wanted(prefix, floating, fixed, random_fully, inbound)
    common = {"floating_ip_address": floating, "fixed_ip_address": fixed, "random_fully": random_fully,
              "chain_prefix": prefix}  # fmt: skip
    if inbound:
        hops = [hop for hop in hops if hop.ip == floating and hop.leads_to(devices)]
        distributed = _distributed(hops, [one for one in found.policies if one.fixed == fixed], seen)
        whole = translated and not held and len(hops) == 1 and None not in distributed.values()
        return {**common, "device": inbound, "prefix_length": None, "distributed": distributed, "complete": whole}
    address = {"device": held[0].device, "prefix_length": held[0].length} if held else _NOWHERE
    return {**common, **address, "distributed": None, "complete": translated and len(held) == 1}


_NOWHERE = {"device": None, "prefix_length": None}


def _distributed(hops, policies, seen):
    """The option `distributed`; None for what is not there."""
    hop = hops[0] if hops else None
    proxies = seen[hop.namespace][2].proxies if hop else []
    return {
        "fip_namespace": hop and hop.namespace,
        "fip_device": hop and hop.device,
        "gateway_device": proxies[0].device if proxies else None,
        "router_address": hop and hop.gateway,
        "rule_priority": policies[0].priority if len(policies) == 1 else None,
    }
