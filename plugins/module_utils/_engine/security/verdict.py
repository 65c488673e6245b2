# SPDX-License-Identifier: GPL-3.0-or-later
"""Would these rules let a connection begin? Pure. PRIVATE to the collection.

Answers from the text of the rules, as the kernel would answer its first packet. So it
can be asked about rules that are gone: what the host had is known as text only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import words


class Connection(NamedTuple):
    """The first packet of a connection. Addresses are bytes, ports None where the protocol has none.

    kind: (type, code) of an ICMP request, else None.
    """

    protocol: int
    source: bytes
    target: bytes
    source_port: int | None = None
    target_port: int | None = None
    kind: tuple | None = None


@dataclass
class Match:
    """What one rule asks for; None for what it does not ask. unread: it asks for something else, too."""

    jump: str | None = None
    protocol: int | None = None
    source: tuple | None = None
    target: tuple | None = None
    source_ports: tuple | None = None
    target_ports: tuple | None = None
    kind: tuple | None = None
    group: tuple | None = None
    states: tuple | None = None
    unread: bool = False


class Rules:
    """The chains of one family, {name: [rule]}, and the members of sets, {name: prefixes}."""

    def __init__(self, chains, sets, protocol_names):
        self._chains, self._sets = chains, sets
        self._numbers = {name: number for number, name in protocol_names.items()}
        self._parsed, self._packed = {}, {}

    def allow(self, chain, connection):
        """Whether a connection may begin, whose first packet enters the chain. One that is not there lets all pass."""
        return self._verdict(chain, connection) != "DROP"

    def _verdict(self, chain, connection):
        for rule in self._of(chain):
            if not self._matches(rule, connection):
                continue
            if rule.jump in ("RETURN", "ACCEPT", "DROP"):
                return rule.jump
            if rule.jump in self._chains:
                below = self._verdict(rule.jump, connection)
                if below != "RETURN":
                    return below
        return "RETURN"

    def _of(self, chain):
        if chain not in self._parsed:
            self._parsed[chain] = [read(rule, self._numbers) for rule in self._chains.get(chain, ())]
        return self._parsed[chain]

    def _matches(self, rule, connection):
        if rule.unread and rule.jump == "DROP":  # perhaps it drops this one; it has not, or it would not be asked for
            return False
        return (
            (rule.states is None or "NEW" in rule.states)
            and rule.protocol in (None, connection.protocol)
            and within(rule.source, connection.source)
            and within(rule.target, connection.target)
            and _between(rule.source_ports, connection.source_port)
            and _between(rule.target_ports, connection.target_port)
            and _is_kind(rule.kind, connection.kind)
            and self._is_member(rule.group, connection)
        )

    def _is_member(self, group, connection):
        if group is None:
            return True
        name, side = group
        if name not in self._packed:
            self._packed[name] = [packed(prefix) for prefix in self._sets.get(name, ())]
        address = connection.source if side == "src" else connection.target
        return any(within(prefix, address) for prefix in self._packed[name])


def read(rule, numbers):
    """The Match of a rule's text. numbers: {name: number} of protocols."""
    found = Match()
    rest = iter(words(rule))
    for flag in rest:
        if flag in ("-m", "--comment", "--mac-source"):  # connections do not tell MACs
            next(rest)
        elif flag == "-j":
            found.jump = next(rest)
        elif flag == "-p":
            name = next(rest)
            found.protocol = numbers.get(name, int(name) if name.isdigit() else -1)
        elif flag in ("-s", "-d"):
            setattr(found, "source" if flag == "-s" else "target", packed(next(rest)))
        elif flag in ("--sport", "--dport", "--dports"):
            setattr(found, "source_ports" if flag == "--sport" else "target_ports", _numbers(next(rest), ":"))
        elif flag in ("--icmp-type", "--icmpv6-type"):
            found.kind = _numbers(next(rest), "/")
        elif flag == "--match-set":
            found.group = next(rest), next(rest)
        elif flag == "--state":
            found.states = tuple(next(rest).split(","))
        else:
            found.unread = True
    return found


def packed(prefix):
    """A prefix or an address: (bytes of an address, network, mask), the last two as numbers."""
    _family, data, length = inet.pack_prefix(prefix)
    bits = len(data) * 8
    mask = (1 << bits) - (1 << (bits - length))
    return len(data), int.from_bytes(data, "big") & mask, mask


def within(prefix, address):
    """Whether an address, as bytes, is in what packed() made; None holds every address."""
    if prefix is None:
        return True
    size, network, mask = prefix
    return size == len(address) and int.from_bytes(address, "big") & mask == network


def _numbers(text, separator):
    return tuple(int(part) for part in text.split(separator))


def _between(ports, port):
    return ports is None or (port is not None and ports[0] <= port <= ports[-1])


def _is_kind(kind, connection):
    """A type alone matches all its codes."""
    return kind is None or (connection is not None and connection[: len(kind)] == kind)
