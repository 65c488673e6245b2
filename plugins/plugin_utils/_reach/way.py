# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a packet through networks and routers, and of what answers it. PRIVATE to the collection.

Routing and address translation of reference 2.4, 2.5 and 11.3, which are the same for centralised and
distributed routers: where a router does its work is the affair of who draws the way in devices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.scopes import is_translated, scope_of
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


#: Why a Crossing translates
FLOATING_IP, SOURCE_NAT, HAIRPIN, ANSWER = "floating IP", "source NAT", "hairpin", "answer"


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


def _leaves_scope(crossing, version):
    """Whether a packet leaves an address scope untranslated, which routers do not let it (reference 2.5)."""
    router, out = crossing.router, crossing.route.port
    if crossing.translated_to or crossing.translated_from or (version == 4 and out is router.gateway
                                                              and router.enable_snat):
        return False
    return scope_of(crossing.entered.network, version) != scope_of(out.network, version)


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
        """The world routes to what is on external networks, and to what spoke to it as itself."""
        network = self.topology.on_external_network(self.destination)
        if network:
            return network, self.destination
        if self.crossings:
            gateway = self.crossings[-1].route.port
            address = next((address for address in self.topology.addresses(gateway)
                            if address.version == self.destination.version), None)
            return gateway.network, address
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
        """Through a router: translate the destination, route, translate the source."""
        router, before = station.router, (self.source, self.destination)
        undone = self._undone(router)
        destination, translated_to = self.destination, None
        if undone:
            source, destination = undone
            translated_to = ANSWER if destination != self.destination else None
        elif self.crossings is None:
            fixed = self.topology.behind(router, destination)
            destination, translated_to = fixed or destination, FLOATING_IP if fixed else None
        if translated_to is None and self.topology.owns(router, destination):
            return self._ends(station)
        route = lookup(self.topology.router_routes(router), destination)
        if route is None:
            return self._lost(f"router {router.name} has no route to {destination}")
        if undone:
            translated_from = ANSWER if source != self.source else None
        else:
            source, translated_from = self._translate_source(router, station.port, route, translated_to)
        crossing = Crossing(router, station.port, route, before, (source, destination), translated_to, translated_from)
        if self.crossings is None and _leaves_scope(crossing, destination.version):
            return self._lost(f"router {router.name} keeps the address scopes of {station.port.network.name} and "
                              f"{route.port.network.name} apart")
        self.source, self.destination = source, destination
        self.steps.append(crossing)
        return route.port.network, route.nexthop or destination

    def _undone(self, router):
        """(source, destination) of an answer as the router gives it back, by what it did on the way there."""
        for crossing in self.crossings or ():
            if crossing.router is router and crossing.after == (self.destination, self.source):
                source, destination = crossing.before
                return destination, source
        return None

    def _translate_source(self, router, entered, route, translated_to):
        """(source, why) as the router's chains of POSTROUTING have it (reference 2.5).

        To a floating IP that a distributed router has with its instance, packets go as to the outside (reference 3.5).
        """
        turned = translated_to and entered is not router.gateway
        outward = route.port is router.gateway or (turned and self.topology.is_distributed(router, self.destination))
        if self.source.version == 6 or self.crossings is not None or not (outward or translated_to):
            return self.source, None
        floating = self.topology.in_front_of(router, self.source)
        if floating:
            return floating, FLOATING_IP
        gateway = self.topology.source_nat(router)
        if outward:
            return (gateway, SOURCE_NAT) if gateway and is_translated(router, entered.network) else (self.source, None)
        return (gateway, HAIRPIN) if turned and gateway else (self.source, None)


def instance(port):
    """The Station of an instance's port."""
    return Station(INSTANCE, port)


OUTSIDE = Station(WORLD)
