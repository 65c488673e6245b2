# SPDX-License-Identifier: GPL-3.0-or-later
"""IP protocols: names of the Networking API, numbers, and how iptables prints them. PRIVATE to the collection."""

from __future__ import annotations

import contextlib

ICMP, TCP, UDP, DCCP, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 33, 58, 132, 136
WITH_PORTS = (TCP, UDP, DCCP, SCTP, UDPLITE)
#: Extension headers and ICMPv6: no IPv4 packet carries them.
IPV6_ONLY = (43, 44, ICMPV6, 59, 60)

_NUMBERS = {
    "ah": 51, "dccp": DCCP, "egp": 8, "esp": 50, "gre": 47, "icmp": ICMP, "icmpv6": ICMPV6, "igmp": 2, "ipip": 4,
    "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": ICMPV6, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": SCTP, "tcp": TCP, "udp": UDP, "udplite": UDPLITE, "vrrp": 112,
}  # fmt: skip
_ANY = ("any", "ip", "hopopt")  # 0: iptables takes it for every protocol

#: Names that are built into iptables, for a host without /etc/protocols.
_BUILTIN = {
    TCP: "tcp", SCTP: "sctp", UDP: "udp", UDPLITE: "udplite", ICMP: "icmp", ICMPV6: "ipv6-icmp", 50: "esp", 51: "ah",
    135: "ipv6-mh",
}  # fmt: skip


def number(value):
    """The number of a protocol, 0 for any. value: a name, a number, or its digits. Raises ValueError."""
    name = str(value).lower()
    if name in _ANY:
        return 0
    if name in _NUMBERS:
        return _NUMBERS[name]
    if isinstance(value, bool) or not (name.isascii() and name.isdigit()) or int(name) > 255:
        raise ValueError(f"must be a number up to 255 or one of any, {', '.join(_NUMBERS)}")
    return int(name)


def printed():
    """{number: name} as iptables on this host prints protocols: it asks /etc/protocols first."""
    names = dict(_BUILTIN)
    with contextlib.suppress(FileNotFoundError), open("/etc/protocols", encoding="utf-8", errors="replace") as file:
        for line in reversed(file.readlines()):  # of several names for one number the first counts
            words = line.partition("#")[0].split()
            if len(words) > 1 and words[1].isdigit():
                names[int(words[1])] = words[0]
    return names
