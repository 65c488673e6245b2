# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet in the parts of a distributed router: qrouter, fip and snat namespaces (reference 3, 11.3). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_integration_flows import device_of
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_pair import (
    external_address,
    is_paired,
    pair_mac,
    router_address,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_router import (
    FAST_EXIT_PRIORITY,
    FLOATING_TABLE,
    redirect_index,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    agent_gateway_device,
    fip_namespace,
    gateway_device,
    interface_device,
    inward_device,
    outward_device,
    router_namespace,
    snat_device,
    snat_namespace,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.scopes import exits_fast
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.crossing import FLOATING_IP
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import Route
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.hop import device, policy, sysctl
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.router import Namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.switching import End, Frame, carry

_MAIN = "table main"


class Distributed:
    """A distributed router on a path."""

    def __init__(self, allocated, views, router, headers):
        self._allocated, self._views, self._router, self._headers = allocated, views, router, headers
        self._gateway_view = views[allocated.host_of(router).name] if router.gateway else None
        self._floating = {allocated.floating_address(item): item for item in allocated.site.floating_ips
                          if item.router is router}
        self._by_fixed = {allocated.address(item.fixed_ip): item for item in self._floating.values()}

    # Where frames for it go

    def mac(self, leg):
        """The MAC that a Leg's frame is for."""
        return self._allocated.mac(self._port(leg))

    def entry(self, leg, sender):
        """The End at which it gets what a Leg carries: with the sender, the floating IP's instance, or the gateway."""
        port = self._port(leg)
        if port is leg.receiver.port and port in self._router.interfaces:
            return self._part_end(sender.view, port)
        item = self._floating.get(leg.destination)
        view = self._views[item.port.host.name] if port is not leg.receiver.port else self._gateway_view
        return self._end(view, port)

    def _port(self, leg):
        """Who gets a Leg's frame: for a floating IP that is with its instance, the agent's gateway there."""
        item = self._floating.get(leg.destination)
        if leg.receiver.port is self._router.gateway and item and item.is_distributed:
            return self._views[item.port.host.name].agent_gateways[leg.network]
        return leg.receiver.port

    def _end(self, view, port):
        return End(view, device_of(view, port), self._allocated.mac(port))

    def _part_end(self, view, port):
        return End(view, device_of(view, port), self._allocated.mac(port), part=True)

    # What it does with packets

    def cross(self, crossing, entry, nexthop_mac):
        """(Hops, the End at which the packet leaves). nexthop_mac: of whom it goes on to, or None."""
        source, destination = crossing.before
        outward = crossing.route.port is self._router.gateway
        if crossing.entered is self._router.gateway:
            return self._inward(source, destination, entry.view)
        if crossing.translated_to == FLOATING_IP:
            return self._turned(crossing, entry)
        if outward:
            return self._outward(crossing, entry.view, nexthop_mac)
        return self._between(crossing, entry.view, nexthop_mac)

    def answer(self, leg, entry):
        """Hops of a packet that is for the router itself."""
        port = leg.receiver.port
        if port in self._router.interfaces:
            here, name = self._part(entry.view), interface_device(port)
        else:
            here, name = self._gateway(), (gateway_device if port is self._router.gateway else snat_device)(port)
        own = device(here.name, name, self._allocated.mac(port))
        return [here.hop(f"{name}: router {self._router.name} answers for {leg.destination}", own)]

    def _part(self, view):
        return Namespace(view, router_namespace(self._router), f"router {self._router.name}, as it is on every host,")

    def _gateway(self):
        return Namespace(self._gateway_view, snat_namespace(self._router), f"the gateway of router {self._router.name}")

    def _external(self, view):
        network = self._router.gateway.network
        return Namespace(view, fip_namespace(network), f"network {network.name}")

    def _between(self, crossing, view, nexthop_mac):
        """East-west: routed where the sender is."""
        here, entered, left = self._part(view), crossing.entered, crossing.route.port
        nexthop, target = crossing.route.nexthop, crossing.before[1]
        known = here.knows(interface_device(left), nexthop or target, nexthop_mac, permanent=nexthop is None)
        hops = [here.enter(interface_device(entered), self._allocated.mac(entered)),
                here.lead(crossing.before, interface_device(entered), interface_device(left), nexthop, checks=known)]
        return hops, self._part_end(view, left)

    def _outward(self, crossing, view, nexthop_mac):
        """To the outside: from here where there is a floating IP for it here, else through the gateway's host."""
        item = self._by_fixed.get(crossing.before[0])
        if self._leaves_here(crossing, item, view):
            return self._through_pair(crossing, item, view, nexthop_mac)
        hops = self._to_gateway(crossing.before, crossing.entered, view)
        here, name = self._gateway(), gateway_device(self._router.gateway)
        entered = snat_device(self._router.snat_ports[crossing.entered])
        target = crossing.route.nexthop or crossing.before[1]
        hops.append(here.lead(crossing.before, entered, name, crossing.route.nexthop,
                              checks=here.knows(name, target, nexthop_mac)))
        hops += here.hide(crossing.translated_from, crossing.before[0], crossing.after[0], name)
        return hops, self._end(self._gateway_view, self._router.gateway)

    def _leaves_here(self, crossing, item, view):
        if crossing.before[0].version == 6 or not is_paired(view, self._router):
            return False
        return bool(item and item.is_distributed) or (item is None and exits_fast(self._router, crossing.entered))

    def _to_gateway(self, packet, interface, view):
        """Hops from an interface's part to the gateway's namespace, through the port beside the interface."""
        here, beside = self._part(view), self._router.snat_ports[interface]
        own = next(fixed for fixed in interface.fixed_ips if packet[0] in fixed.subnet.cidr)
        other = next(fixed for fixed in beside.fixed_ips if fixed.subnet is own.subnet)
        cidr = f"{self._allocated.address(own)}/{own.subnet.cidr.prefixlen}"
        index, name, target = redirect_index(cidr), interface_device(interface), self._allocated.address(other)
        mac = self._allocated.mac(beside)
        hops = [
            here.enter(name, self._allocated.mac(interface)),
            here.lead(packet, name, name, target, by=f"rule {index}: from {cidr}, table {index}", checks=[
                policy(here.name, index, source=cidr, table=index), *here.knows(name, target, mac, permanent=True)]),
        ]
        ends = self._part_end(view, interface), self._end(self._gateway_view, beside)
        hops += carry(Frame(interface.network, *ends, packet, self._headers))
        return [*hops, self._gateway().enter(snat_device(beside), mac)]

    def _through_pair(self, crossing, item, view, nexthop_mac):
        """Out through the host's own address in the external network (case 2 of reference 11.3)."""
        packet, agent = crossing.before, view.agent_gateways[self._router.gateway.network]
        hops = self._to_pair(crossing, item, view)
        here, name = self._external(view), agent_gateway_device(agent)
        seen = (crossing.after[0], packet[1])
        entered, nexthop = inward_device(self._router), crossing.route.nexthop
        table = redirect_index(f"{external_address(view, self._router)}/31")
        known = here.knows(name, nexthop or packet[1], nexthop_mac)
        if nexthop:
            known.append(policy(here.name, table, entered=entered, table=table))
        hops.append(here.lead(seen, entered, name, nexthop, checks=known,
                              by=f"rule {table}: from {entered}, table {table}" if nexthop else _MAIN))
        return hops, self._end(view, agent)

    def _to_pair(self, crossing, item, view):
        """Hops from an interface's part into the namespace of the external network on the same host."""
        here, interface, (source, _destination) = self._part(view), crossing.entered, crossing.before
        entered, leaves = interface_device(interface), outward_device(self._router)
        nexthop = external_address(view, self._router)
        if item:
            priority, origin = self._allocated.rule_priority(item), str(source)
        else:
            priority, origin = FAST_EXIT_PRIORITY, str(next(
                fixed.subnet.cidr for fixed in interface.fixed_ips if source in fixed.subnet.cidr))
        checks = [policy(here.name, priority, source=origin, table=FLOATING_TABLE),
                  *here.knows(leaves, nexthop, pair_mac(self._router, inward_device), permanent=True)]
        hops = [here.enter(entered, self._allocated.mac(interface)),
                here.lead(crossing.before, entered, leaves, nexthop, checks=checks,
                          by=f"rule {priority}: from {origin}, table {FLOATING_TABLE}")]
        hops += here.hide(crossing.translated_from, source, crossing.after[0], leaves)
        return [*hops, self._external(view).enter(inward_device(self._router), pair_mac(self._router, inward_device))]

    def _inward(self, source, floating, view):
        """From outside to a floating IP: with its instance, or with the gateway."""
        item = self._floating[floating]
        if not item.is_distributed:
            here, name = self._gateway(), gateway_device(self._router.gateway)
            hops = [here.enter(name, self._allocated.mac(self._router.gateway))]
            more, end = self._unwrap_at_gateway(item, source, name)
            return hops + more, end
        here, agent = self._external(view), view.agent_gateways[self._router.gateway.network]
        name = agent_gateway_device(agent)
        answers = sysctl(here.name, f"net.ipv4.conf.{name}.proxy_arp", 1)
        hops = [here.enter(name, self._allocated.mac(agent)),
                here.hop(f"{name}: no device has {floating}: the host answers ARP for it (proxy_arp)", answers)]
        more, end = self._into_part(item, source, view, name)
        return hops + more, end

    def _into_part(self, item, source, view, entered):
        """From the external network's namespace through the pair to the instance's network."""
        here, floating = self._external(view), self._allocated.floating_address(item)
        inward, outward = inward_device(self._router), outward_device(self._router)
        known = here.knows(inward, router_address(view, self._router), pair_mac(self._router, outward_device), True)
        hops = [here.lead((source, floating), entered, inward, router_address(view, self._router), checks=known)]
        here, fixed = self._part(view), self._allocated.address(item.fixed_ip)
        interface = self._interface(item)
        name, mac = interface_device(interface), self._allocated.mac(item.port)
        hops += [here.enter(outward, pair_mac(self._router, outward_device)),
                 here.unwrap(floating, fixed, f"-i {outward}"),
                 here.lead((source, fixed), outward, name, checks=here.knows(name, fixed, mac, permanent=True))]
        return hops, self._part_end(view, interface)

    def _unwrap_at_gateway(self, item, source, entered):
        here, beside = self._gateway(), self._router.snat_ports[self._interface(item)]
        floating, fixed = self._allocated.floating_address(item), self._allocated.address(item.fixed_ip)
        name = snat_device(beside)
        known = here.knows(name, fixed, self._allocated.mac(item.port))
        hops = [here.unwrap(floating, fixed), here.lead((source, fixed), entered, name, checks=known)]
        return hops, self._end(self._gateway_view, beside)

    def _interface(self, item):
        """The interface on the subnet of a floating IP's instance."""
        return next(port for port in self._router.interfaces for fixed in port.fixed_ips
                    if fixed.subnet is item.fixed_ip.subnet)

    def _turned(self, crossing, entry):
        """From inside to a floating IP of this very router: outside and in again, as far as it has to."""
        (source, floating), view = crossing.before, entry.view
        item, own = self._floating[floating], self._by_fixed.get(source)
        leaves_here = self._leaves_here(crossing, own, view)
        if leaves_here and item.is_distributed and item.port.host is view.host:
            hops = self._to_pair(crossing, own, view)
            more, end = self._into_part(item, crossing.after[0], view, inward_device(self._router))
            return hops + more, end
        if not leaves_here and not item.is_distributed:
            hops = self._to_gateway(crossing.before, crossing.entered, view)
            entered = snat_device(self._router.snat_ports[crossing.entered])
            more, end = self._unwrap_at_gateway(item, source, entered)
            return hops + more + self._gateway().hide(crossing.translated_from, source, crossing.after[0], None), end
        packet, (arriving, port) = (crossing.after[0], floating), self._far(item)
        out = crossing._replace(route=Route(None, None, self._router.gateway), after=packet)
        hops, leaving = self._outward(out, view, self._allocated.mac(port))
        hops += carry(Frame(self._router.gateway.network, leaving, arriving, packet, self._headers))
        more, end = self._inward(*packet, arriving.view)
        return hops + more, end

    def _far(self, item):
        """(End, Port) in the external network where a floating IP is."""
        network = self._router.gateway.network
        if item.is_distributed:
            view = self._views[item.port.host.name]
            port = view.agent_gateways[network]
        else:
            view, port = self._gateway_view, self._router.gateway
        return self._end(view, port), port
