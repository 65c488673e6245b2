# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet crosses a router: translated, routed, kept within its address scope (reference 2.4, 2.5, 3). PRIVATE."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.scopes import exits_fast, is_translated, scope_of
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import lookup

#: Why a Crossing translates.
FLOATING_IP, SOURCE_NAT, HAIRPIN, ANSWER = "floating IP", "source NAT", "hairpin", "answer"


class Crossing(NamedTuple):
    """A packet crosses a router.

    entered: the Port that it came in by. route: the Route it left by. before, after: (source, destination).
    translated_to, translated_from: what became of its destination and its source; None where they were left alone.
    """

    router: Any
    entered: Any
    route: Any
    before: tuple
    after: tuple
    translated_to: str | None = None
    translated_from: str | None = None


def cross(topology, station, packet, host):
    """The Crossing of a connection's first packet at a Station, or why there is none, in words.

    packet: (source, destination). host: of the instance that sends it, where a distributed router routes for it.
    """
    return _First(topology, station, packet, host).crossing()


def cross_back(topology, station, packet, restored):
    """The Crossing of an answer, or why there is none. restored: (source, destination) as on the way there."""
    (source, destination), router = restored, station.router
    route = lookup(topology.router_routes(router), destination)
    if route is None:
        return f"router {router.name} has no route to {destination}"
    return Crossing(router, station.port, route, packet, restored, ANSWER if destination != packet[1] else None,
                    ANSWER if source != packet[0] else None)


class _First:
    """The first packet of a connection at a router."""

    def __init__(self, topology, station, packet, host):
        self._topology, self._router, self._entered, self._host = topology, station.router, station.port, host
        self._packet, (self._source, self._wanted) = packet, packet
        self._own = topology.floating_ip_of(self._router, self._source)
        self._item = topology.floating_ip(self._router, self._wanted)

    def crossing(self):
        """The Crossing, or why there is none."""
        router, target = self._router, self._wanted
        if self._item:
            target = self._topology.allocated.address(self._item.fixed_ip)
        route = lookup(self._topology.router_routes(router), target)
        if route is None:
            return f"router {router.name} has no route to {target}"
        source, why = self._translated_source(route)
        if self._item and why is None and self._meets_itself():
            return (f"router {router.name} has {self._wanted} where it is asked for untranslated, "
                    "and takes both ways for one connection")
        if self._is_out_of_scope(route, why):
            return f"router {router.name} keeps the address scopes of {self._entered.network.name} and " \
                   f"{route.port.network.name} apart"
        return Crossing(router, self._entered, route, self._packet, (source, target),
                        FLOATING_IP if self._item else None, why)

    @property
    def _turned(self):
        """Whether a floating IP is asked for from inside."""
        return self._item is not None and self._entered is not self._router.gateway

    @property
    def _leaves_here(self):
        """Whether it leaves the sender's host for the outside directly (reference 3.3, 3.6)."""
        if not (self._router.distributed and self._host and self._host.leads_outside):
            return False
        return self._own.is_distributed if self._own else exits_fast(self._router, self._entered)

    def _translated_source(self, route):
        """(source, why) as the router's chains of POSTROUTING have it (reference 2.5).

        To a floating IP of a distributed router, packets go as to the outside, unless it is with the gateway, too.
        """
        router, source = self._router, self._source
        around = self._turned and router.distributed and (self._item.is_distributed or self._leaves_here)
        outward = route.port is router.gateway or around
        if source.version == 6 or not (outward or self._turned):
            return source, None
        if self._own:
            return self._topology.allocated.floating_address(self._own), FLOATING_IP
        gateway = self._topology.source_nat(router)
        if outward:
            translated = gateway and not self._leaves_here and is_translated(router, self._entered.network)
            return (gateway, SOURCE_NAT) if translated else (source, None)
        return (gateway, HAIRPIN) if gateway else (source, None)

    def _meets_itself(self):
        """Whether a namespace of a distributed router sees a packet twice that looks the same, or never its answer."""
        if not (self._turned and self._router.distributed):
            return False
        return not self._item.is_distributed or self._item.port.host is self._host

    def _is_out_of_scope(self, route, why):
        """Whether it leaves an address scope untranslated. Floating IPs lead their instances into the outside's."""
        router, out, version = self._router, route.port, self._source.version
        if self._item or why or (version == 4 and out is router.gateway and router.enable_snat):
            return False
        scope = scope_of(out.network, version)
        if self._own and (self._own.is_distributed or not router.distributed):
            return scope not in (scope_of(self._entered.network, 4), scope_of(router.gateway.network, 4))
        return scope_of(self._entered.network, version) != scope
