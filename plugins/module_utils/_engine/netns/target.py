# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host should have: the config, plus what stays although it is not listed. PRIVATE to the collection. Pure."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import routing
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.observe import ROUTE_KEY, RULE_KEY
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import route

EMPTY = {
    "namespace": None,
    "sysctls": {},
    "links": {},
    "addresses": {},
    "routes": {},
    "rules": {},
    "neighbours": {},
}


def target(wanted, have, owner, purge):
    """{name: namespace, or None for one that must go} of every namespace that the config has a say in.

    wanted: as parse returns it, or {name: None} for namespaces that must be absent.
    have: the namespaces of observe.
    """
    result = {}
    for name, want in wanted.items():
        result[name] = want and _namespace(want, have.get(name) or EMPTY, owner, purge)
    if purge:
        # observe has read nothing unlisted but what carries owner's mark
        result.update((name, None) for name in have if name not in wanted)
    return result


def _namespace(want, have, owner, purge):
    links = _links(want["links"], have["links"], owner, purge)
    left = without_devices(have, lost_devices(have["links"], links))
    listed, floating = want["links"], want["keep_floating_ips"]
    kept = {
        "addresses": lambda key, value: _address_stays(key, value, want) or key[0] not in listed,
        "routes": lambda key, value: value["protocol"] != route.STATIC or (floating and _is_floating_route(key, value)),
        "rules": lambda key, _value: floating and _is_floating_rule(key),
        "neighbours": lambda key, _value: key[0] not in listed,
    }
    result = {"namespace": {"owner": owner, "lo_up": True}, "sysctls": want["sysctls"], "links": links}
    for kind, stays in kept.items():
        rest = {k: v for k, v in left[kind].items() if k not in want[kind] and (not purge or stays(k, v))}
        result[kind] = {**rest, **want[kind]}
    for key, value in want["addresses"].items():
        result["addresses"][key] = {**value, "kernel": left["addresses"].get(key, value)["kernel"]}
    for key, value in want["routes"].items():
        result["routes"][key] = _with_devices(value, left["routes"].get(key))
    return result


def _links(wanted, have, owner, purge):
    links = {name: link for name, link in have.items() if name not in wanted and not (purge and link["owner"] == owner)}
    for name, want in wanted.items():
        link = {**want, "owner": owner}
        keep_mtu = link.pop("keep_mtu")
        if name in have and not replaced(have[name], link):
            for key in ("mac_address", "tx_checksumming"):  # not given: left as they are
                link[key] = have[name][key] if link[key] is None else link[key]
            if keep_mtu:
                link["mtu"] = have[name]["mtu"]
        links[name] = link
    return links


def _address_stays(key, value, want):
    """Whether an unlisted address survives a purge: the kernel's own do, others and floating IPs if asked."""
    address, _slash, length = key[1].partition("/")
    floating = length == "32" and value["broadcast"] == address
    return value["kernel"] or want["keep_addresses"] or (want["keep_floating_ips"] and floating)


def _is_floating_rule(key):
    """Whether a rule has the form of a distributed router's floating IP."""
    return routing.is_policy(dict(zip(RULE_KEY, key)))


def _is_floating_route(key, value):
    """Whether a route has the form of a distributed router's floating IP."""
    dumped = {**dict(zip(ROUTE_KEY, key)), **value}
    return routing.is_hop(dumped) and (value["nexthops"][0]["device"] or "").startswith(routing.FAR_END)


def _with_devices(route, have):
    """The route with the devices that the kernel found for gateways given without one."""
    found = {hop["gateway"]: hop["device"] for hop in have["nexthops"]} if have else {}
    hops = [{**hop, "device": hop["device"] or found.get(hop["gateway"])} for hop in route["nexthops"]]
    return {**route, "nexthops": hops}


def replaced(before, after):
    """Whether a link must be made anew to change so: what it is and where its other end is cannot be changed."""
    return any(before[key] != after[key] for key in ("plug", "peer", "peer_namespace", "orphan"))


def lost_devices(before, after):
    """The devices that go, or are made anew, on the way from some links to others."""
    return {name for name, link in before.items() if name not in after or replaced(link, after[name])}


def without_devices(have, devices):
    """The namespace after these devices went: the kernel takes along what hangs on them."""
    if not devices:
        return have
    return {
        **have,
        "addresses": {key: value for key, value in have["addresses"].items() if key[0] not in devices},
        "neighbours": {key: value for key, value in have["neighbours"].items() if key[0] not in devices},
        "routes": {
            key: value
            for key, value in have["routes"].items()
            if not any(hop["device"] in devices for hop in value["nexthops"])
        },
    }
