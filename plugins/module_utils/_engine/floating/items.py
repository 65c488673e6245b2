# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of floating_ip: from what the caller wrote to FloatingIps, or every fault at once. PRIVATE."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import routing, rules

_KEYS = (
    "namespace", "floating_ip_address", "fixed_ip_address", "device", "prefix_length", "random_fully", "chain_prefix",
    "distributed",
)  # fmt: skip
_DISTRIBUTED = ("fip_namespace", "fip_device", "gateway_device", "router_address", "rule_priority")
_IDENTITY = ("namespace", "floating_ip_address")
_LONGEST_NAME = 15  # IFNAMSIZ - 1
_LONGEST_PREFIX = 17  # with "-float-snat" the 28 characters of a chain's name


class Distributed(NamedTuple):
    """How a distributed router's floating IP is reached: what the external network's namespace has of it."""

    namespace: str
    device: str | None
    gateway_device: str | None
    router_address: str | None
    priority: int | None


@dataclass(frozen=True)
class FloatingIp:
    """One floating IP of one router. fixed and device are None where it is to be absent."""

    namespace: str
    floating: str
    fixed: str | None
    device: str | None
    length: int
    random_fully: bool
    prefix: str
    distributed: Distributed | None = None


def parse(config, absent=False):
    """[FloatingIp] of a config list. absent: only what identifies one is needed. Raises BadInput."""
    problems, result, seen = [], [], {}
    for index, given in enumerate(config):
        where = f"config[{index}]"
        if not isinstance(given, dict):
            problems.append(f"{where}: {given!r}: must be a dictionary")
            continue
        item = {key: value for key, value in given.items() if value is not None}
        problems += [f"{where}.{fault}" for fault in _faults(item, absent)]
        for key in ("floating_ip_address",) if absent else ("floating_ip_address", "fixed_ip_address"):
            identity = (key, str(item.get("namespace")), str(item.get(key)))
            if key in item and seen.setdefault(identity, index) != index:
                problems.append(
                    f"{where}.{key}: {item[key]!r}: config[{seen[identity]}] has it too, in the same namespace"
                )
        result.append(FloatingIp(
            item.get("namespace"),
            item.get("floating_ip_address"),
            None if absent else item.get("fixed_ip_address"),
            None if absent else item.get("device"),
            item.get("prefix_length", 32),
            item.get("random_fully", True),
            item.get("chain_prefix", rules.PREFIX),
            _distributed(item),
        ))
    problems += _taken_twice(config)
    if problems:
        raise BadInput(problems)
    return result


def _faults(item, absent):
    """What is wrong with one item, each starting with the key."""
    faults = [f"{key}: unknown key, known are {', '.join(_KEYS)}" for key in item if key not in _KEYS]
    required = _IDENTITY if absent else (*_IDENTITY, "fixed_ip_address", "device")
    faults += [f"{key}: is required" for key in required if key not in item]
    for key, (is_right, rule) in _CHECKS.items():
        if key in item and not is_right(item[key]):
            faults.append(f"{key}: {item[key]!r}: {rule}")
    return faults + _faults_of_distributed(item.get("distributed", {}), absent, "distributed" in item)


def _faults_of_distributed(given, absent, there):
    if not isinstance(given, dict):
        return [f"distributed: {given!r}: must be a dictionary"]
    given = {key: value for key, value in given.items() if value is not None}
    known = ", ".join(_DISTRIBUTED)
    faults = [f"distributed.{key}: unknown key, known are {known}" for key in given if key not in _DISTRIBUTED]
    required = _DISTRIBUTED[:1] if absent else _DISTRIBUTED
    faults += [f"distributed.{key}: is required" for key in required if there and key not in given]
    for key, (is_right, rule) in _DISTRIBUTED_CHECKS.items():
        if key in given and not is_right(given[key]):
            faults.append(f"distributed.{key}: {given[key]!r}: {rule}")
    return faults


def _distributed(item):
    given = item.get("distributed")
    return Distributed(*map(given.get, _DISTRIBUTED)) if isinstance(given, dict) else None


def _taken_twice(config):
    """The priorities and routes that two distributed floating IPs of one namespace would share."""
    problems, seen = [], {}
    for index, item in enumerate(config):
        given = item.get("distributed") if isinstance(item, dict) else None
        if not isinstance(given, dict):
            continue
        for key, other in (("rule_priority", "namespace"), ("fip_namespace", "floating_ip_address")):
            first = seen.setdefault((key, str(item.get(other)), str(given.get(key))), index)
            if given.get(key) is not None and first != index:
                problems.append(f"config[{index}].distributed.{key}: {given[key]!r}: config[{first}] has it too")
    return problems


def _is_ipv4(value):
    try:
        socket.inet_pton(socket.AF_INET, value)
    except (OSError, TypeError, ValueError):
        return False
    return True


def _is_name(value, longest):
    return isinstance(value, str) and 0 < len(value) <= longest and "/" not in value and value.split() == [value]


def _is_ipv4_prefix_length(value):
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 32


def _is_priority(value):
    return isinstance(value, int) and not isinstance(value, bool) and value in routing.PRIORITIES


_ADDRESS = (_is_ipv4, "must be an IPv4 address")
_NAMESPACE = (lambda value: _is_name(value, 255), "must be the name of a network namespace")
_DEVICE = (
    lambda value: _is_name(value, _LONGEST_NAME),
    f"must be a device name of at most {_LONGEST_NAME} characters",
)
_CHECKS = {
    "namespace": _NAMESPACE,
    "floating_ip_address": _ADDRESS,
    "fixed_ip_address": _ADDRESS,
    "device": _DEVICE,
    "prefix_length": (_is_ipv4_prefix_length, "must be a number from 1 to 32"),
    "random_fully": (lambda value: isinstance(value, bool), "must be true or false"),
    "chain_prefix": (
        lambda value: _is_name(value, _LONGEST_PREFIX),
        f"must be one word of at most {_LONGEST_PREFIX} characters",
    ),
}
_DISTRIBUTED_CHECKS = {
    "fip_namespace": _NAMESPACE,
    "fip_device": _DEVICE,
    "gateway_device": _DEVICE,
    "router_address": _ADDRESS,
    "rule_priority": (_is_priority, f"must be a number from {routing.PRIORITIES[0]} to {routing.PRIORITIES[-1]}"),
}
