# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a namespace in the words of the config, for diffs and netns_info. PRIVATE to the collection. Pure."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.observe import RULE_KEY
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.parse_routing import SCOPES
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import route
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import rule as rule_codec

_SCOPES = {number: name for name, number in SCOPES.items()}
_PROTOCOLS = {0: "unspec", route.BOOT: "boot", route.STATIC: "static"}
_TYPES = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}


def of(kind, key, value):
    """One object of a namespace as plain data."""
    if kind == "namespace":
        return namespace(key, value) if "links" in value else dict(value)
    if kind == "links":
        return link(value)
    if kind == "addresses":
        missing = {} if value["connected"] else {"connected_route": "missing"}
        return {"broadcast": value["broadcast"], **missing}
    if kind == "routes":
        return route_of(key, value)
    if kind == "rules":
        return rule_of(key)
    return value


def namespace(name, state):
    """A whole namespace, in the shape of an item of the config plus its owner. The kernel's own addresses are not."""
    addresses = [key for key, value in state["addresses"].items() if not value["kernel"]]
    links = [
        {"name": device, **link(value), "addresses": [prefix for on, prefix in addresses if on == device]}
        for device, value in state["links"].items()
    ]
    return {
        "name": name,
        "owner": state["namespace"]["owner"],
        "links": links,
        "routes": [route_of(key, value) for key, value in state["routes"].items()],
        "rules": [rule_of(key) for key in state["rules"]],
        "neighbours": [
            {"device": device, "address": address, "mac_address": mac}
            for (device, address), mac in state["neighbours"].items()
        ],
    }


def link(value):
    """A link; what is not known (a MAC address that the kernel will choose) or does not apply is left out."""
    return {key: item for key, item in value.items() if item is not None and (key != "orphan" or item)}


def route_of(key, value):
    """A route; one next hop is written without the list."""
    _family, table, destination, metric = key
    hops = [{name: hop[name] for name in ("gateway", "device") if hop[name] is not None} for hop in value["nexthops"]]
    shown = {
        "destination": destination,
        "table": table,
        "protocol": _PROTOCOLS.get(value["protocol"], value["protocol"]),
        "scope": _SCOPES.get(value["scope"], value["scope"]),
        **({"metric": metric} if metric else {}),
        **({"source": value["source"]} if value["source"] else {}),
        **(hops[0] if len(hops) == 1 else {"nexthops": hops}),
    }
    if value["type"] != route.UNICAST:
        shown["type"] = _TYPES.get(value["type"], value["type"])
    return shown


def rule_of(key):
    """A rule."""
    found = {name: part for name, part in zip(RULE_KEY, key) if part is not None}
    mask = found.pop("fwmask", None)
    if "fwmark" in found:
        found["fwmark"] = hex(found["fwmark"]) + ("" if mask == 0xFFFFFFFF else f"/{mask:#x}")
    return found


def rule_text(key):
    """A rule in the words of ip rule."""
    return rule_codec.describe(dict(zip(RULE_KEY, key)))
