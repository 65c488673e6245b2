# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a packet through networks and routers, and of what answers it. PRIVATE to the collection.

Routing and address translation of reference 2.4, 2.5 and 11.3, which are the same for centralised and
distributed routers: where a router does its work is the affair of who draws the way in devices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.scopes import is_translated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.crossing import Crossing, cross, cross_back
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import (
    INSTANCE,
    ROUTER,
    WORLD,
    Station,
    lookup,
)

#: Routers that a packet may cross before it is said to go round in circles.
_MAX_ROUTERS = 16


class Leg(NamedTuple):
    """A packet crosses a network. source and destination: the packet's; nexthop: whom the frame is for."""

    network: Any
    sender: Station
    receiver: Station
    source: Any
    destination: Any
    nexthop: Any


@dataclass
class Way:
    """steps: Legs and Crossings. end: the Station that gets the packet, or None, then `lost` says why.

    certain: False where the model does not know, because routers that are not in it may lead on.
    seen: (source, destination) of the packet at its end. back: the Way of the answer, of what arrives.
    """

    steps: list
    end: Station | None = None
    lost: str | None = None
    certain: bool = True
    seen: tuple = (None, None)
    back: Way | None = field(default=None, repr=False)

    @property
    def answered(self):
        """Whether an answer comes: True, False, or None where the model does not know."""
        last = self if self.end is None else self.back
        if last is not None and last.end is None:
            return False if last.certain else None
        return True


def find_way(topology, origin, destination):
    """The Way from a Station, an instance or the world outside, to an address, and back."""
    if origin.kind == WORLD:
        source = topology.world_address(destination.version)
    else:
        route = lookup(topology.instance_routes(origin.port), destination)
        source = route and _own_address(topology, origin.port, route.nexthop or destination)
    if source is None:
        return Way([], lost=f"{origin.name} has no route to {destination}", certain=origin.kind != WORLD)
    way = _Walk(topology, origin, source, destination).way()
    if way.end:
        crossings = [step for step in way.steps if isinstance(step, Crossing)]
        seen_source, seen_destination = way.seen
        way.back = _Walk(topology, way.end, seen_destination, seen_source, crossings).way()
        if way.back.end and (way.back.end != origin or way.back.seen != (destination, source)):
            way.back = Way(way.back.steps, lost=f"the answer comes from {way.back.seen[0]}, not from {destination}")
    return way


def _own_address(topology, port, neighbour):
    """The address that an instance speaks from to a neighbour: of the neighbour's subnet, else its first."""
    own = [(fixed.subnet.cidr, address) for fixed, address in zip(port.fixed_ips, topology.addresses(port))
           if address.version == neighbour.version]
    near = [address for cidr, address in own if neighbour in cidr]
    return next(iter(near + [address for _cidr, address in own]), None)


class _Walk:
    """One packet on its way. crossings: of what it answers; None: it begins a connection."""

    def __init__(self, topology, origin, source, destination, crossings=None):
        self.topology, self.origin = topology, origin
        self.source, self.destination = source, destination
        self.crossings, self.steps = crossings, []

    def way(self):
        """The Way, without the answer's."""
        sender, out = self.origin, self._first()
        for _router in range(_MAX_ROUTERS):
            if not isinstance(out, tuple):
                return out
            network, nexthop = out
            receiver = self.topology.stations[network].get(nexthop)
            if receiver is None:
                return self._lost(f"nobody that the model knows has {nexthop} on {network.name}",
                                  certain=network.is_tunnel or nexthop == self.destination)
            if network.network_type == "local" and not self._on_one_host(sender, receiver):
                return self._lost(f"network {network.name} does not leave its host")
            self.steps.append(Leg(network, sender, receiver, self.source, self.destination, nexthop))
            out = self._arrive(receiver)
            sender = receiver
            if out and isinstance(self.steps[-1], Crossing):
                sender = Station(ROUTER, self.steps[-1].route.port, receiver.router)
        return self._lost("goes round in circles")

    def _lost(self, why, certain=True):
        return Way(self.steps, lost=why, certain=certain)

    def _ends(self, station):
        return Way(self.steps, end=station, seen=(self.source, self.destination))

    def _on_one_host(self, sender, receiver):
        hosts = self.topology.host_of(sender), self.topology.host_of(receiver)
        return None in hosts or hosts[0] is hosts[1]

    def _first(self):
        """(network, next hop) of the packet's first leg; a Way where there is none."""
        if self.origin.kind == WORLD:
            return self._from_world()
        if self.origin.kind == ROUTER:
            return self._routed(self.topology.router_routes(self.origin.router))
        return self._routed(self.topology.instance_routes(self.origin.port))

    def _routed(self, routes):
        route = lookup(routes, self.destination)
        if route is None:
            return self._lost(f"{self.origin.name} has no route to {self.destination}")
        return route.port.network, route.nexthop or self.destination

    def _from_world(self):
        """The world routes to what is on external networks; what else it was told to is in no model."""
        network = self.topology.on_external_network(self.destination)
        if network:
            return network, self.destination
        return self._lost(f"the world outside has no route to {self.destination}", certain=False)

    def _arrive(self, receiver):
        """(network, next hop) of the next leg, or the Way that ends here."""
        if receiver.kind == ROUTER:
            return self._cross(receiver)
        if receiver.kind == WORLD:
            return self._meet_world(receiver)
        if self.destination in self.topology.addresses(receiver.port):
            return self._ends(receiver)
        return self._lost(f"{receiver.name} is not known to route", certain=False)

    def _meet_world(self, world):
        """What no network of the site has is outside. Private networks the world does not know."""
        network = self.topology.on_external_network(self.destination)
        if network and self.topology.stations[network][self.destination] != world:
            return network, self.destination
        holders = self.topology.holders.get(self.destination, ())
        if holders and not network:
            return self._lost(f"the world outside has no route to {self.destination}",
                              certain=all(self._is_hidden(port) for port in holders))
        return self._ends(world)

    def _is_hidden(self, port):
        """Whether nobody outside is told to route to a port: source NAT speaks for it, or its addresses are local."""
        if self.destination.version == 6:
            return not self.destination.is_global
        routers = [router for router in self.topology.site.routers
                   if any(own.network is port.network for own in router.interfaces)]
        return all(not router.gateway or is_translated(router, port.network) for router in routers)

    def _cross(self, station):
        """Through a router, or to its own addresses."""
        router, packet = station.router, (self.source, self.destination)
        undone = self._undone(router)
        if undone is None and self.topology.owns(router, self.destination):
            return self._ends(station)
        if self.crossings is None:
            crossed = cross(self.topology, station, packet, self.origin.port and self.origin.port.host)
        else:
            crossed = cross_back(self.topology, station, packet, undone or packet)
        if isinstance(crossed, str):
            return self._lost(crossed)
        self.source, self.destination = crossed.after
        self.steps.append(crossed)
        return crossed.route.port.network, crossed.route.nexthop or self.destination

    def _undone(self, router):
        """(source, destination) of an answer as the router gives it back, by what it did on the way there."""
        for crossing in self.crossings or ():
            if crossing.router is router and crossing.after == (self.destination, self.source):
                source, destination = crossing.before
                return destination, source
        return None


def instance(port):
    """The Station of an instance's port."""
    return Station(INSTANCE, port)


OUTSIDE = Station(WORLD)
