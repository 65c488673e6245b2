# SPDX-License-Identifier: GPL-3.0-or-later
"""What security groups let pass, by the model. PRIVATE to the collection.

The rules of reference 7.2 without a kernel. DHCP, which has rules of its own, is not judged.
"""

from __future__ import annotations

from typing import Any, NamedTuple

ICMP = {4: "icmp", 6: "ipv6-icmp"}
ECHO_REQUEST = {4: 8, 6: 128}
_ECHO_REPLY = {4: 0, 6: 129}
_RA = 134
#: Multicast listener query, neighbour solicitation and advertisement: without them there is no IPv6.
_NEIGHBOUR_TYPES = (130, 135, 136)
_ALL_PORTS = (1, 65535)
_SSH = 22
#: A remote end outside of the site, whom some rule may mean.
STRANGER = object()


class Packet(NamedTuple):
    """A packet to (ingress) or from (egress) an instance.

    version: 4 or 6. protocol: as protocols.canonical gives it. number: its destination port
    or ICMP type; None for a port that nobody knows before, so that only rules for all ports count.
    remote: the other end, an ipaddress object; None for one whom nobody knows, so that only rules for everybody
    count; STRANGER for one outside of the site whom some rule may name.
    """

    direction: str
    version: int
    protocol: str
    number: int | None = None
    remote: Any = None
    code: int = 0

    def reply(self):
        """What answers this TCP or UDP packet or echo request."""
        number = _ECHO_REPLY[self.version] if self.protocol in ICMP.values() else None
        direction = "egress" if self.direction == "ingress" else "ingress"
        return self._replace(direction=direction, number=number)


def ping(direction, version, remote=None):
    """An echo request."""
    return Packet(direction, version, ICMP[version], ECHO_REQUEST[version], remote)


def converses(security, port, packet):
    """Whether a packet passes, and what answers it: stateful groups know an answer when they see one."""
    stateful = all(group.stateful for group in port.security_groups)
    return passes(security, port, packet) and (stateful or passes(security, port, packet.reply()))


def open_tcp_port(security, port, version=4, remote=None):
    """A TCP port that a remote address can reach: SSH if it is open, else the lowest. None if all are shut."""
    rules = [rule for group in port.security_groups for rule in group.rules if rule.protocol == "tcp"]
    for number in [_SSH, *sorted(rule.port_range_min or _SSH for rule in rules)]:
        if converses(security, port, Packet("ingress", version, "tcp", number, remote)):
            return number
    return None


def tcp_ports(port, direction, around=False):
    """The TCP ports with which the rules of an instance's groups begin. around: also their neighbours without."""
    rules = [rule for group in port.security_groups for rule in group.rules
             if rule.direction == direction and rule.protocol == "tcp" and rule.port_range_min is not None]
    numbers = {rule.port_range_min for rule in rules}
    if around:
        numbers |= {rule.port_range_min - 1 for rule in rules} | {rule.port_range_max + 1 for rule in rules}
    return {number for number in numbers if _ALL_PORTS[0] <= number <= _ALL_PORTS[1]}


def passes(security, port, packet):
    """Whether the security groups of an instance's port let one packet pass. security: the site's SiteSecurity."""
    if not port.host.filters(port):
        return True
    if packet.protocol == ICMP[6]:
        if packet.direction == "egress":
            return packet.number != _RA
        if packet.number in _NEIGHBOUR_TYPES or _advertises(security, port, packet):
            return True
    return any(allows(security, rule, packet) for group in port.security_groups for rule in group.rules)


def _advertises(security, port, packet):
    return packet.number == _RA and str(packet.remote) in security.ra_sources(port.network)


def allows(security, rule, packet):
    """Whether one rule lets a packet pass."""
    return (
        (rule.direction, rule.ethertype) == (packet.direction, f"IPv{packet.version}")
        and rule.protocol in (None, packet.protocol)
        and _allows_number(rule, packet)
        and _allows_remote(security, rule, packet.remote)
    )


def _allows_number(rule, packet):
    first, last = rule.port_range_min, rule.port_range_max
    if first is None:
        return True
    if packet.protocol in ICMP.values():
        return packet.number == first and last in (None, packet.code)
    if packet.number is None:
        return (first, last) == _ALL_PORTS
    return first <= packet.number <= last


def _allows_remote(security, rule, remote):
    if remote is STRANGER:
        return rule.remote_group is None or security.has_wide_member(rule.remote_group)
    if rule.remote_group:
        return remote is not None and security.is_member(rule.remote_group, remote)
    prefix = rule.remote_ip_prefix
    return prefix is None or prefix.prefixlen == 0 or (remote is not None and remote in prefix)
