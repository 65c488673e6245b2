# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path of a packet. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_integration_flows import device_of
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import (
    DHCP,
    INSTANCE,
    ROUTER,
    WORLD,
    Topology,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.verdict import Verdict
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.way import Crossing, find_way
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.distributed import Distributed
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.hop import Hop
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.instance import Guest
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.router import Central
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.switching import OUTSIDE, End, Frame, carry

_TTL = 64
#: The place of what is in no host of the site.
_WORLD = "the world outside"


@dataclass
class Path:
    """hops: [Hop]. ends: what becomes of the packet, in words.

    answered: whether an answer comes back; None: the model does not know. answer: the same in words.
    """

    hops: list = field(default_factory=list)
    ends: str = ""
    answered: bool | None = False
    answer: str = "no answer comes"


def trace(allocated, views, security, origin, destination, headers):
    """The Path of a packet from a Station to an address.

    views: {host name: HostView}. security: the site's SiteSecurity. headers: Headers.
    """
    way = find_way(Topology(allocated), origin, destination)
    drawing = _Drawing(allocated, views, security, headers)
    if drawing.draw(way):
        drawing.finish(way, Verdict(security, way, origin, destination))
    return drawing.path


class _Drawing:
    def __init__(self, allocated, views, security, headers):
        self._allocated, self._views, self._security, self._headers = allocated, views, security, headers
        self._routers, self.path = {}, Path()

    def draw(self, way):
        """Draw the Way's steps; whether the packet passes the guards."""
        sender, entry = OUTSIDE, OUTSIDE
        for index, step in enumerate(way.steps):
            onward = way.steps[index + 1] if index + 1 < len(way.steps) else None
            if isinstance(step, Crossing):
                hops, sender = self._router(step.router).cross(step, entry, onward and self._mac(onward))
                self._add(hops)
                continue
            if index == 0:
                sender, passes = self._depart(step)
                if not passes:
                    return False
            entry = self._entry(step, sender)
            self._add(carry(Frame(step.network, sender, entry, (step.source, step.destination), self._headers)))
            if onward is None and way.end and not self._arrive(step, entry):
                return False
        return True

    def finish(self, way, verdict):
        """Say how it ends."""
        if way.end is None:
            self.path.ends = f"LOST: {way.lost}" + ("" if way.certain else ", as far as the model knows")
            return
        ttl = _TTL - sum(hop.routes for hop in self.path.hops)
        self.path.ends = f"{way.end.name} gets it, from {way.seen[0]}, ttl {ttl}"
        self.path.answered = way.answered and verdict.passes(self._headers.packet)
        if self.path.answered:
            self.path.answer = f"the answer comes from {way.back.seen[0]}"
        elif self.path.answered is None:
            self.path.answer = "whether an answer comes the model does not know"

    def _depart(self, leg):
        """(the End that a packet leaves from, whether it does)."""
        packet = (leg.source, leg.destination)
        if leg.sender.kind == WORLD:
            self._add([Hop("outside", _WORLD, f"{self._headers.words} from somewhere to {leg.destination}")])
            return OUTSIDE, True
        guest = self._guest(leg.sender.port)
        hops, passes = guest.leave(packet, leg.nexthop, self._mac(leg))
        self._add(hops)
        if not passes:
            self.path.ends = f"DROPPED by the security groups of {leg.sender.name}"
        return guest.end, passes

    def _arrive(self, leg, entry):
        """Whether who it is for gets what a Leg brought."""
        station = leg.receiver
        if station.kind == INSTANCE:
            hops, passes = self._guest(station.port).arrive((leg.source, leg.destination))
            self._add(hops)
            if not passes:
                self.path.ends = f"DROPPED by the security groups of {station.name}"
            return passes
        if station.kind == ROUTER:
            self._add(self._router(station.router).answer(leg, entry))
        elif station.kind == DHCP:
            self._add([Hop(entry.view.host.name, entry.device, f"the DHCP server of {leg.network.name} gets it")])
        else:
            self._add([Hop("outside", _WORLD, f"gets it, from {leg.source}")])
        return True

    def _entry(self, leg, sender):
        """The End where a Leg ends."""
        station = leg.receiver
        if station.kind == INSTANCE:
            return self._guest(station.port).end
        if station.kind == ROUTER:
            return self._router(station.router).entry(leg, sender)
        if station.kind == DHCP:
            view = self._views[self._allocated.dhcp_host(station.port).name]
            return End(view, device_of(view, station.port), self._allocated.mac(station.port))
        return OUTSIDE

    def _mac(self, leg):
        """The MAC of who gets a Leg's frame; None: it is in no model."""
        if leg.receiver.kind == ROUTER:
            return self._router(leg.receiver.router).mac(leg)
        return leg.receiver.port and self._allocated.mac(leg.receiver.port)

    def _guest(self, port):
        return Guest(self._views[port.host.name], self._security, port, self._headers)

    def _router(self, router):
        if router not in self._routers:
            kind = Distributed if router.distributed else Central
            self._routers[router] = kind(self._allocated, self._views, router, self._headers)
        return self._routers[router]

    def _add(self, hops):
        self.path.hops += hops
