# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes and policy rules in the config of the module netns. PRIVATE to the collection. Pure."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import fields
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import route as codec

KEYS = {
    "routes": ("destination", "gateway", "device", "nexthops", "table", "protocol", "scope", "metric", "source"),
    "rules": ("priority", "family", "from", "to", "iif", "oif", "fwmark", "table"),
}
NEXTHOP = ("gateway", "device")
SCOPES = {"global": codec.GLOBAL, "link": codec.LINK, "host": codec.HOST}
_U32 = fields.integer(0, 0xFFFFFFFF)
_TABLE = fields.integer(1, 0xFFFFFFFF)
_WHOLE_MARK = 0xFFFFFFFF


def route(item):
    """(key, value) of one route, (None, None) without a usable destination."""
    destination = item.get("destination", fields.network, required=True)
    nexthops = _nexthops(item, destination)
    scope = item.get("scope", fields.choice(*SCOPES))
    item.get("protocol", fields.choice("static"))
    value = {
        "protocol": codec.STATIC,
        "type": codec.UNICAST,
        "source": _of_family(item, "source", destination),
        "nexthops": nexthops,
    }
    table = item.get("table", _TABLE, codec.MAIN)
    metric = item.get("metric", _U32, 0)
    if destination is None:
        return None, None
    if ":" in destination:  # in IPv6 there is but one scope, and the kernel turns metric 0 into 1024
        return ("ipv6", table, destination, metric or codec.IPV6_METRIC), {**value, "scope": codec.GLOBAL}
    natural = codec.GLOBAL if any(hop["gateway"] for hop in nexthops) else codec.LINK
    return ("ipv4", table, destination, metric), {**value, "scope": SCOPES[scope] if scope else natural}


def _nexthops(item, destination):
    if not item.has("nexthops"):
        hops = [_nexthop(item, destination)]
    else:
        for key in NEXTHOP:
            if item.has(key):
                item.problem(f".{key}", item.get(key, str), "excludes nexthops")
        hops = [_nexthop(item.below(at, data, NEXTHOP), destination) for at, data in item.items("nexthops")]
    return sorted(hops, key=hop_order)


def hop_order(hop):
    """Sort key of next hops: a multipath route is a set, and the kernel may list it in another order."""
    return hop["gateway"] or "", hop["device"] or ""


def _nexthop(item, destination):
    device = item.get("device", fields.device)
    gateway = _of_family(item, "gateway", destination)
    if not item.has("device") and not item.has("gateway"):
        item.problem("", destination, "needs a gateway, a device or both")
    return {"gateway": gateway, "device": device, "onlink": False, "weight": 1}


def _of_family(item, key, destination):
    """An address of the same family as the destination."""
    value = item.get(key, fields.address)
    if value and destination and (":" in value) != (":" in destination):
        item.problem(f".{key}", value, f"is not of the family of {destination}")
    return value


def rule(item):
    """(key, True) of one rule, (None, None) without what every rule needs."""
    selectors = {key: item.get(key, fields.host_or_prefix) for key in ("from", "to")}
    families = {"ipv6" if ":" in prefix else "ipv4" for prefix in selectors.values() if prefix}
    family = item.get("family", fields.choice("ipv4", "ipv6"), next(iter(families), "ipv4"))
    if families - {family}:
        item.problem(".family", family, f"does not fit {selectors['from'] or selectors['to']}")
    mark, mask = item.get("fwmark", _fwmark, (None, None))
    devices = [item.get(key, fields.device) for key in ("iif", "oif")]
    priority = item.get("priority", _priority, required=True)
    table = item.get("table", _TABLE, required=True)
    if priority is None or table is None:
        return None, None
    # A prefix of length 0 selects nothing, and the kernel forgets it.
    chosen = [None if prefix is None or prefix.endswith("/0") else prefix for prefix in selectors.values()]
    return (family, priority, *chosen, *devices, mark, mask, table), True


def _priority(value):
    priority = _U32(value)
    if priority in (0, 32766, 32767):
        raise ValueError("is the priority of one of the kernel's own rules")
    return priority


def _fwmark(value):
    """(mark, mask) of 1, "0x1" or "0x1/0xffff"."""
    mark, slash, mask = str(value).partition("/")
    try:
        found = int(mark, 0), int(mask, 0) if slash else _WHOLE_MARK
    except ValueError:
        raise ValueError("is not a mark: a number, or a number, a slash and a mask")
    if not all(0 <= number <= _WHOLE_MARK for number in found):
        raise ValueError("does not fit 32 bits")
    return found


def describe(key):
    """The key of a route or a rule for a message."""
    return " ".join(str(part) for part in key if part is not None)
