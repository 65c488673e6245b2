# SPDX-License-Identifier: GPL-3.0-or-later
"""One rule of a security group, checked. PRIVATE to the collection. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import fields
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import protocols

KEYS = (
    "direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
)  # fmt: skip


class Rule(NamedTuple):
    """What one rule allows. protocol: a number, 0 for any; low, high: ports, or ICMP type and code, or None.

    remote: a prefix in canonical form, None for everybody; group: the id of the remote group, or None.
    """

    direction: str
    ethertype: str
    protocol: int
    low: int | None
    high: int | None
    remote: str | None
    group: str | None


def parse(item):
    """The Rule in Fields of one rule. Notes every problem there; what is wrong is left out of the Rule."""
    direction = item.get("direction", fields.choice("ingress", "egress"), required=True)
    ethertype = item.get("ethertype", fields.choice("IPv4", "IPv6"), "IPv4")
    protocol = item.get("protocol", protocols.number, 0)
    if ethertype == "IPv6" and protocol == protocols.ICMP:  # the API takes icmp for both
        protocol = protocols.ICMPV6
    if ethertype == "IPv4" and protocol in protocols.IPV6_ONLY:
        item.problem(".protocol", protocol, "is never in an IPv4 packet")
    low, high = _ports(item, protocol)
    remote = item.get("remote_ip_prefix", network_or_address)
    if remote and (":" in remote) != (ethertype == "IPv6"):
        item.problem(".remote_ip_prefix", remote, f"is no {ethertype} prefix, and that is the ethertype of the rule")
    group = item.get("remote_group_id", fields.string)
    if remote and group:
        item.problem(".remote_group_id", group, "cannot be given together with remote_ip_prefix")
    return Rule(direction, ethertype, protocol, low, high, _unless_everybody(remote), group)


def _ports(item, protocol):
    if protocol in (protocols.ICMP, protocols.ICMPV6):
        low, high = (item.get(key, fields.integer(0, 255)) for key in ("port_range_min", "port_range_max"))
        if low is None and item.has("port_range_max"):
            item.problem(".port_range_max", high, "is an ICMP code and needs a type, port_range_min")
        return low, high
    for key in ("port_range_min", "port_range_max"):
        if item.has(key) and protocol not in protocols.WITH_PORTS:
            item.problem(f".{key}", item.get(key, str), "needs a protocol that has ports")
            return None, None
    low, high = (item.get(key, fields.integer(1, 65535)) for key in ("port_range_min", "port_range_max"))
    if item.has("port_range_min") != item.has("port_range_max"):
        item.problem("", "", "port_range_min and port_range_max are given together")
    elif low is not None and high is not None and low > high:
        item.problem(".port_range_min", low, f"is above port_range_max, {high}")
    return low, high


def network_or_address(value):
    """A prefix without host bits, in canonical form; an address is the prefix of that one address."""
    return fields.network(fields.host_or_prefix(value))


def _unless_everybody(prefix):
    return None if prefix and inet.pack_prefix(prefix)[2] == 0 else prefix
