# SPDX-License-Identifier: GPL-3.0-or-later
"""What security groups let pass on a way. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.reachability import (
    STRANGER,
    Packet,
    converses,
    ping,
    tcp_ports,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import INSTANCE, WORLD

#: Ports to try, beside those that rules name: the last one hardly any rule names.
_SSH, _UNUSUAL = 22, 7777


class Verdict:
    """The guards at both ends of a Way that is `answered`: what they let pass, and the answer to it."""

    def __init__(self, security, way, origin, destination):
        self._security, self._way, self._origin = security, way, origin
        self._version, self._destination = destination.version, destination

    def passes(self, packet_of):
        """Whether a packet is answered: True, False, or None, which depends on who asks from outside.

        packet_of: (direction, version, remote) -> Packet.
        """
        return self._judged(lambda direction, remote: packet_of(direction, self._version, remote))

    def ping(self):
        """The same for an echo request."""
        return self.passes(ping)

    def tcp(self, number):
        """The same for a TCP connection to a port."""
        return self.passes(lambda direction, version, remote: Packet(direction, version, "tcp", number, remote))

    def open_port(self):
        """A TCP port that answers: SSH if it may, else the lowest that a rule names; None if all are shut."""
        return next((number for number in self._candidates() if self.tcp(number)), None)

    def shut_port(self):
        """A TCP port that is shut; None where all are open."""
        return next((number for number in self._candidates(around=True) if self.tcp(number) is False), None)

    def _judged(self, packet_of):
        """packet_of: (direction, remote) -> Packet."""
        if self._origin.kind == INSTANCE and not self._passes(self._origin, packet_of("egress", self._destination)):
            return False
        end = self._way.end
        if end.kind != INSTANCE:
            return True
        if self._origin.kind != WORLD:
            return self._passes(end, packet_of("ingress", self._way.seen[0]))
        if self._passes(end, packet_of("ingress", None)):
            return True
        return None if self._passes(end, packet_of("ingress", STRANGER)) else False

    def _passes(self, station, packet):
        return converses(self._security, station.port, packet)

    def _candidates(self, around=False):
        """Ports that may tell rules apart. around: the neighbours of their ranges, too."""
        ends = [(self._origin, "egress"), (self._way.end, "ingress")]
        named = sorted(number for station, direction in ends if station.kind == INSTANCE
                       for number in tcp_ports(station.port, direction, around))
        return dict.fromkeys([_SSH, *named, _UNUSUAL])
