# SPDX-License-Identifier: GPL-3.0-or-later
"""IP protocols by the names that the Networking API knows them by. PRIVATE to the collection."""

from __future__ import annotations

_NUMBERS = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "ipv6-encap": 41, "ipv6-route": 43,
    "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60,
    "ospf": 89, "vrrp": 112, "pgm": 113, "sctp": 132, "udplite": 136,
}  # fmt: skip
_ALIASES = {"icmpv6": "ipv6-icmp"}
_NAMES = {str(number): name for name, number in _NUMBERS.items()}
_ANY = ("any", "0")

NAMES = ("any", *_NUMBERS, *_ALIASES)
IPV6_ONLY = tuple(name for name in _NUMBERS if name.startswith("ipv6-"))
ICMP = ("icmp", "ipv6-icmp")
#: Their rules may name ports.
WITH_PORTS = ("tcp", "udp", "sctp", "dccp", "udplite")


def canonical(protocol):
    """The API's name of a protocol, or its number as text where it has none; None for every protocol.

    protocol: a name in any case, a number, a number as text, or None. Raises ValueError for anything else.
    """
    if protocol is None:
        return None
    text = str(protocol).lower()
    if text in _ANY:
        return None
    if text in _NUMBERS or text in _ALIASES:
        return _ALIASES.get(text, text)
    if text.isascii() and text.isdigit() and text == str(int(text)) and int(text) <= 255:
        return _NAMES.get(text, text)
    raise ValueError(protocol)
