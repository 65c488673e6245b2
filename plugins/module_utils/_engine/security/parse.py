# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups and ports as the caller wrote them, checked and normalised. PRIVATE to the collection. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import fields
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names, parse_rule

GROUP = ("id", "rules", "addresses")
PORT = (
    "port_id", "mac_address", "fixed_ips", "allowed_address_pairs", "port_security_enabled", "stateful",
    "security_groups", "zone", "mtu", "ra_sources", "plug", "tap",
)  # fmt: skip
PAIR = ("ip_address", "mac_address")

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SMALLEST_MTU, _LARGEST_MTU = 68, 65535


@dataclass(frozen=True)
class Group:
    """A security group. addresses: its members' prefixes, None where nobody said."""

    id: str
    rules: tuple
    addresses: tuple | None


@dataclass(frozen=True)
class Port:
    """A port. groups: ids. pairs: (prefix, MAC) that it may send from beside its own. secured: filtered at all."""

    id: str
    mac_address: str
    fixed_ips: tuple
    pairs: tuple
    secured: bool
    stateful: bool
    groups: tuple
    zone: int
    ra_sources: tuple

    @property
    def key(self):
        """What is left of the id in the names of its devices."""
        return names.device_id(self.id)


def parse(config, ports):
    """({id: Group}, {key: Port}, the mappings of HybridPlug). Raises BadInput with every problem."""
    problems, seen = [], {}
    groups, found, plugs = {}, {}, []
    for index, data in enumerate(config):
        group = _group(fields.Fields(data, f"config[{index}]", problems, GROUP), seen)
        groups[group.id] = group
    for index, data in enumerate(ports):
        item = fields.Fields(data, f"ports[{index}]", problems, PORT)
        port = _port(item, seen)
        plugs.append(_plug(item, port))
        found[port.key] = port
        for suffix, group in item.items("security_groups"):
            if group not in groups:
                item.problem(suffix, group, "is the id of no group in config")
    _check_remotes(config, groups, problems)
    if problems:
        raise BadInput(problems)
    return groups, found, plugs


def parse_ids(config, ports):
    """The same for state absent, where only the ids are read."""
    problems, seen = [], {}
    for index, data in enumerate(config):
        _identity(fields.Fields(data, f"config[{index}]", problems, GROUP), "id", seen)
    found = [
        _identity(fields.Fields(data, f"ports[{index}]", problems, PORT), "port_id", seen)
        for index, data in enumerate(ports)
    ]
    if problems:
        raise BadInput(problems)
    return {}, dict.fromkeys(map(names.device_id, found)), [{"port_id": port_id} for port_id in found]


def _uuid(value):
    text = fields.string(value)
    if not _ID.fullmatch(text):
        raise ValueError("is not an id: a UUID in lower case")
    return text


def _identity(item, key, seen):
    """An id. Names are made of its beginning, so that has to differ, too."""
    value = item.get(key, _uuid, "", required=True)
    beginning = names.ipset(value, "IPv4") if key == "id" else names.port_chains(value)[0]
    if value:
        _once(item, f".{key}", value, seen, beginning, "gives chains or sets the same names as")
    return value


def _once(item, suffix, value, seen, what, rule):
    earlier = seen.setdefault(what, f"{item.path}{suffix}")
    if earlier != f"{item.path}{suffix}":
        item.problem(suffix, value, f"{rule} {earlier}")


def _group(item, seen):
    identity = _identity(item, "id", seen)
    rules = [parse_rule.parse(item.below(suffix, rule, parse_rule.KEYS)) for suffix, rule in item.items("rules")]
    addresses = tuple(_each(item, "addresses", parse_rule.network_or_address)) if item.has("addresses") else None
    return Group(identity, tuple(rules), addresses)


def _port(item, seen):
    identity = _identity(item, "port_id", seen)
    secured = item.get("port_security_enabled", fields.boolean, True)
    stateful = item.get("stateful", fields.boolean, True)
    mac = item.get("mac_address", fields.mac_address, required=secured)
    zone = item.get("zone", fields.integer(1, 65535), required=secured and stateful)
    if zone is not None:
        _once(item, ".zone", zone, seen, ("zone", zone), "is already given by")
    pairs = [_pair(item.below(suffix, pair, PAIR), mac) for suffix, pair in item.items("allowed_address_pairs")]
    for key in ("security_groups", "allowed_address_pairs"):
        if not secured and item.items(key):
            item.problem(f".{key}", "given", "cannot be given with port_security_enabled false")
    return Port(
        identity, mac, tuple(_each(item, "fixed_ips", fields.address)), tuple(pairs), secured, stateful,
        tuple(dict.fromkeys(_each(item, "security_groups", fields.string))), zone,
        tuple(_each(item, "ra_sources", _ipv6)),
    )  # fmt: skip


def _pair(item, mac):
    prefix = item.get("ip_address", parse_rule.network_or_address, required=True)
    return prefix, item.get("mac_address", fields.mac_address, mac)


def _each(item, key, check):
    """The checked elements of a list; those that are wrong are noted and left out."""
    for suffix, value in item.items(key):
        try:
            yield check(value)
        except ValueError as error:
            item.problem(suffix, value, error)


def _ipv6(value):
    text = fields.address(value)
    if ":" not in text:
        raise ValueError("is not an IPv6 address")
    return text


def _plug(item, port):
    """What HybridPlug wants to know of the port."""
    plug = item.get("plug", fields.boolean, True)
    return {
        "port_id": port.id,
        "plug": plug,
        "mtu": item.get("mtu", fields.integer(_SMALLEST_MTU, _LARGEST_MTU), required=plug),
        "tap": item.get("tap", fields.boolean, False),
    }


def _check_remotes(config, groups, problems):
    """Whoever a rule names as remote must be listed with its addresses."""
    position = {item.get("id"): index for index, item in enumerate(config) if isinstance(item, dict)}
    for group in groups.values():
        for number, rule in enumerate(group.rules):
            if rule.group is None:
                continue
            path = f"config[{position.get(group.id)}].rules[{number}].remote_group_id: {rule.group}"
            if rule.group not in groups:
                problems.append(f"{path}: is the id of no group in config")
            elif groups[rule.group].addresses is None:
                problems.append(f"{path}: that group has no addresses")
