# SPDX-License-Identifier: GPL-3.0-or-later
"""IP addresses and prefixes between text and bytes. PRIVATE to the collection.

The C library's inet_pton and inet_ntop: strict, canonical, and 50 times faster than
the module ipaddress, whose import alone costs as much as reading a namespace.
"""

from __future__ import annotations

import socket

BITS = {socket.AF_INET: 32, socket.AF_INET6: 128}


def pack(text):
    """(family, bytes) of an IPv4 or IPv6 address. Raises ValueError."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return family, socket.inet_pton(family, text)
    except OSError as error:
        raise ValueError(f"{text} is not an IP address") from error


def unpack(data):
    """The canonical text of four or sixteen bytes."""
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def pack_prefix(text):
    """(family, bytes, length) of "address/length"; host bits are kept. Raises ValueError."""
    address, slash, length = text.partition("/")
    family, data = pack(address)
    if not slash:
        return family, data, BITS[family]
    if not (length.isascii() and length.isdigit()) or int(length) > BITS[family]:
        raise ValueError(f"{text} is not an IP address with a prefix length")
    return family, data, int(length)


def unpack_prefix(family, data, length):
    """The canonical text of a prefix; data None stands for the address of zeros."""
    return f"{socket.inet_ntop(family, data or bytes(BITS[family] // 8))}/{length}"


def network(data, length):
    """The bytes of the address with its host bits cleared."""
    bits = len(data) * 8
    return (int.from_bytes(data, "big") >> (bits - length) << (bits - length)).to_bytes(len(data), "big")


def subnet(text):
    """The network of "address/length", as text: of "10.0.0.1/24" "10.0.0.0/24"."""
    _family, data, length = pack_prefix(text)
    return f"{unpack(network(data, length))}/{length}"


def broadcast(data, length):
    """The bytes of an IPv4 prefix's last address: the broadcast address of the subnet, of a /32 the address itself."""
    return (int.from_bytes(data, "big") | ((1 << (32 - length)) - 1)).to_bytes(4, "big")
