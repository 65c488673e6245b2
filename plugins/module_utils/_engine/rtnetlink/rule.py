# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy routing rules over rtnetlink. PRIVATE to the collection."""

from __future__ import annotations

import errno
import socket
import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import (
    NEW,
    Request,
    attribute,
    attributes,
    text,
    u32,
)

_NEWRULE, _DELRULE, _GETRULE = 32, 33, 34
_RULE = struct.Struct("=BBBBBxxBI")  # family, to length, from length, tos, table, action, flags
_TO, _FROM, _IIF, _PRIORITY, _FWMARK, _TABLE, _FWMASK, _OIF, _PROTOCOL = 1, 2, 3, 6, 10, 15, 16, 17, 21
_SUPPRESS_LENGTH, _PAD = 14, 18
_PLAIN = frozenset((_TO, _FROM, _IIF, _PRIORITY, _FWMARK, _TABLE, _FWMASK, _OIF, _PROTOCOL, _PAD))
_TO_TABLE = 1  # the action "lookup"
_INVERT = 0x2
_WHOLE_MARK = 0xFFFFFFFF

UNSPECIFIED, KERNEL, STATIC = 0, 2, 4  # who made a rule: protocols, as of routes


def dump(netlink):
    """The rules of the namespace, IPv4 and IPv6.

    [{family: ipv4|ipv6, priority, from, to (prefix or None), iif, oif (name or None),
    fwmark, fwmask (numbers or None), table (0: not a lookup), protocol,
    plain (whether these keys say all about it)}]
    """
    return [_parse(body) for body in netlink.dump(_GETRULE, _RULE.pack(*[0] * 7)) if body[0] in inet.BITS]


def _parse(body):
    family, to_length, from_length, tos, table, action, flags = _RULE.unpack_from(body)
    found = attributes(body, _RULE.size)

    def number(kind, default=None):
        return struct.unpack("=I", found[kind])[0] if kind in found else default

    def prefix(kind, length):
        return inet.unpack_prefix(family, found.get(kind), length) if kind in found or length else None

    def name(kind):
        return found[kind].rstrip(b"\0").decode() if kind in found else None

    return {
        "family": "ipv4" if family == socket.AF_INET else "ipv6",
        "priority": number(_PRIORITY, 0),
        "from": prefix(_FROM, from_length),
        "to": prefix(_TO, to_length),
        "iif": name(_IIF),
        "oif": name(_OIF),
        "fwmark": number(_FWMARK),
        "fwmask": number(_FWMASK),
        "table": number(_TABLE, table),
        "protocol": found[_PROTOCOL][0] if _PROTOCOL in found else 0,  # since Linux 4.17
        "plain": action == _TO_TABLE and not tos and not flags & _INVERT and _is_plain(found),
    }


def _is_plain(found):
    """Whether no selector or action is there that this file has no key for. A suppress length of -1 is none."""
    return all(kind in _PLAIN or (kind == _SUPPRESS_LENGTH and data == b"\xff" * 4) for kind, data in found.items())


def create(rule):
    """Add a rule of dump's shape."""
    payload = _pack(rule) + attribute(_PROTOCOL, bytes([rule["protocol"]]))
    return Request(_NEWRULE, NEW, payload, f"create rule {describe(rule)}")


def delete(rule):
    """Delete a rule of dump's shape. One that is already gone is fine."""
    return Request(_DELRULE, 0, _pack(rule), f"delete rule {describe(rule)}", (errno.ENOENT,))


def describe(rule):
    """The rule in the words of ip rule."""
    words = [f"{rule['priority']}:", "from", rule["from"] or "all"]
    for key in ("to", "iif", "oif"):
        if rule[key]:
            words += [key, rule[key]]
    if rule["fwmark"] is not None:
        words += ["fwmark", hex(rule["fwmark"])]
        if rule["fwmask"] != _WHOLE_MARK:
            words[-1] += f"/{rule['fwmask']:#x}"
    return " ".join([*words, "lookup", str(rule["table"]), f"({rule['family']})"])


def _pack(rule):
    family = socket.AF_INET if rule["family"] == "ipv4" else socket.AF_INET6
    lengths, payload = {}, b""
    for key, kind in (("from", _FROM), ("to", _TO)):
        if rule[key]:
            _family, data, lengths[key] = inet.pack_prefix(rule[key])
            payload += attribute(kind, data)
    for key, kind in (("iif", _IIF), ("oif", _OIF)):
        if rule[key]:
            payload += text(kind, rule[key])
    for key, kind in (("priority", _PRIORITY), ("fwmark", _FWMARK), ("fwmask", _FWMASK), ("table", _TABLE)):
        if rule[key] is not None:
            payload += u32(kind, rule[key])
    # The head has one byte for the table; the attribute counts.
    return _RULE.pack(family, lengths.get("to", 0), lengths.get("from", 0), 0, 0, _TO_TABLE, 0) + payload
