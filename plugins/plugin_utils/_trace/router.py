# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet in a namespace of a router: translated, routed, translated (reference 2.4, 2.5). PRIVATE."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_integration_flows import device_of
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import router_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_iptables import wrapped
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import devices
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.crossing import FLOATING_IP, HAIRPIN, SOURCE_NAT
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.hop import Hop, device, neighbour, route, rule
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.switching import End

#: Chain of table nat, and what tells its rule, for each reason to translate a source.
_SOURCE_RULES = {
    FLOATING_IP: ("float-snat", "-s {source}/32"),
    SOURCE_NAT: ("snat", "-o {device}"),
    HAIRPIN: ("snat", "--ctstate DNAT"),
}


class Namespace(NamedTuple):
    """Where a router, or a part of it, works. title: whose it is, for people."""

    view: Any
    name: str
    title: str

    def hop(self, does, *checks, routes=False):
        """A Hop here."""
        return Hop(self.view.host.name, self.name, does, list(checks), routes)

    def enter(self, name, mac=None):
        """A packet comes in through a device."""
        return self.hop(f"{name}: {self.title} gets it", device(self.name, name, mac))

    def unwrap(self, floating, fixed, *conditions):
        """A floating IP becomes what is behind it. conditions: what else is in the rule."""
        chain = wrapped("PREROUTING")
        return self.hop(f"nat {chain}: floating IP {floating} becomes {fixed}",
                        rule(self.name, "nat", chain, f"-d {floating}/32", f"--to-destination {fixed}", *conditions))

    def lead(self, packet, entered, leaves, nexthop=None, by="table main", checks=()):
        """A packet is routed. entered, leaves: names of devices. nexthop: None: on-link. checks: what comes before."""
        via = f"through {nexthop}" if nexthop else "on-link"
        return self.hop(f"{by}: {packet[1]} is reached {via}, on {leaves}", *checks,
                        route(self.name, packet, entered, nexthop, leaves), routes=True)

    def hide(self, why, source, seen, leaves):
        """The Hops of a source that becomes another; none if it stays. why: of way.py. leaves: name of a device."""
        if why not in _SOURCE_RULES:
            return []
        name, condition = _SOURCE_RULES[why]
        condition = condition.format(source=source, device=leaves)
        return [self.hop(f"nat {wrapped(name)}: source {source} becomes {seen} ({why})",
                         rule(self.name, "nat", wrapped(name), condition, f"--to-source {seen}"))]

    def knows(self, leaves, address, mac, permanent=False):
        """The check of a neighbour, in a list; none of one whose MAC is in no model."""
        return [neighbour(self.name, leaves, address, mac, permanent)] if mac else []


class Central:
    """A centralised router on a path."""

    def __init__(self, allocated, views, router, _headers):
        self._view = views[allocated.host_of(router).name]
        self._namespace = Namespace(self._view, router_namespace(router), f"router {router.name}")
        self._devices = dict(devices(router))

    def mac(self, leg):
        """The MAC that a Leg's frame is for."""
        return self._view.allocated.mac(leg.receiver.port)

    def entry(self, leg, _sender):
        """The End at which it gets what a Leg carries."""
        return self._end(leg.receiver.port)

    def _end(self, port):
        return End(self._view, device_of(self._view, port), self._view.allocated.mac(port))

    def cross(self, crossing, _entry, nexthop_mac):
        """(Hops, the End at which the packet leaves). nexthop_mac: of whom it goes on to, or None."""
        entered, left = self._devices[crossing.entered], self._devices[crossing.route.port]
        (source, destination), (seen, target) = crossing.before, crossing.after
        here, port = self._namespace, crossing.entered
        hops = [here.enter(entered, self._view.allocated.mac(port))]
        if crossing.translated_to == FLOATING_IP:
            hops.append(here.unwrap(destination, target))
        known = here.knows(left, crossing.route.nexthop or target, nexthop_mac)
        hops.append(here.lead((source, target), entered, left, crossing.route.nexthop, checks=known))
        return hops + here.hide(crossing.translated_from, source, seen, left), self._end(crossing.route.port)

    def answer(self, leg, _entry):
        """Hops of a packet that is for the router itself."""
        name = self._devices[leg.receiver.port]
        own = device(self._namespace.name, name, self._view.allocated.mac(leg.receiver.port))
        return [self._namespace.hop(f"{name}: router {leg.receiver.name} answers for {leg.destination}", own)]
