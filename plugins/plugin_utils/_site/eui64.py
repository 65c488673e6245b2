# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPv6 address that follows from a prefix and a MAC (RFC 4291, appendix A). PRIVATE to the collection."""

from __future__ import annotations

_UNIVERSAL_BIT = 0x02 << 56


def eui64(prefix, mac):
    """The address that a host with this MAC gives itself in an IPv6 network of length 64."""
    octets = mac.replace(":", "")
    return prefix.network_address + (int(f"{octets[:6]}fffe{octets[6:]}", 16) ^ _UNIVERSAL_BIT)
