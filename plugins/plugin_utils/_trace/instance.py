# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet leaves an instance, or arrives there: its device, its Linux bridge (reference 7.1). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import instance_device
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    INSTANCE_DEVICE,
    hybrid_bridge,
    hybrid_inner,
    hybrid_outer,
    instance_namespace,
    tap_device,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace import guard
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.hop import (
    Hop,
    device,
    enslaved,
    neighbour,
    route,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.switching import End


class Guest:
    """An instance at an end of a path."""

    def __init__(self, view, security, port, headers):
        self._view, self._security, self._port, self._headers = view, security, port, headers
        self._mac = view.allocated.mac(port)
        self.end = End(view, instance_device(port), self._mac)

    def leave(self, packet, nexthop, receiver_mac):
        """(Hops, whether it gets out). packet: (source, destination). nexthop: whom the frame is for."""
        via = f" through {nexthop}" if nexthop != packet[1] else ""
        does = f"{self._headers.words} from {packet[0]} to {packet[1]}{via}: frame to {_named(receiver_mac)}"
        hops = [Hop(self._host, self._place, does, self._left(packet, nexthop, receiver_mac))]
        passed = self._filter("egress", packet, packet[1])
        return hops + passed[0], passed[1]

    def arrive(self, packet):
        """(Hops, whether it gets in)."""
        hops, passes = self._filter("ingress", packet, packet[0])
        if passes:
            address = device(self._namespace, INSTANCE_DEVICE, self._mac, packet[1]) if self._namespace else None
            hops.append(Hop(self._host, self._place, f"{self._port.name} gets it, from {packet[0]}",
                            [address] if address else []))
        return hops, passes

    @property
    def _host(self):
        return self._view.host.name

    @property
    def _namespace(self):
        return instance_namespace(self._port) if self._port.vif == "namespace" else None

    @property
    def _place(self):
        return f"{INSTANCE_DEVICE} in {self._namespace}" if self._namespace else f"instance {self._port.name}"

    def _left(self, packet, nexthop, mac):
        if not self._namespace:
            return []
        via = nexthop if nexthop != packet[1] else None
        known = [neighbour(self._namespace, INSTANCE_DEVICE, nexthop, mac)] if mac else []
        return [device(self._namespace, INSTANCE_DEVICE, self._mac, packet[0]),
                route(self._namespace, packet, via=via, leaves=INSTANCE_DEVICE), *known]

    def _filter(self, direction, packet, remote):
        """(the Hop of the Linux bridge, whether the packet passes)."""
        port = self._port
        if not port.host.hybrid_plug:
            return [], True
        plugged = [hybrid_inner(port), tap_device(port)]
        place = f"{tap_device(port)}, {hybrid_inner(port)} in {hybrid_bridge(port)}"
        end = f"; {hybrid_inner(port)} to {hybrid_outer(port)}" if direction == "egress" else ""
        if not port.host.filters(port):
            does = f"nothing is filtered: port_security_enabled is false{end}"
            return [Hop(self._host, place, does, [enslaved(hybrid_bridge(port), plugged)])], True
        judged = self._headers.packet(direction, packet[1].version, remote)
        passes, why = guard.verdict(self._security, port, judged)
        zone = self._view.allocated.conntrack_zone(self._view.host, port)
        does = (f"security groups, chain {guard.chain(port, direction)}, zone {zone}: "
                + (f"passes ({why}){end}" if passes else f"DROPPED ({why})"))
        check = {"kind": "guard", "port_id": port.id, "direction": direction, "passes": passes,
                 **self._headers.connection(*packet)}
        return [Hop(self._host, place, does, [enslaved(hybrid_bridge(port), plugged), check])], passes


def _named(mac):
    return mac or "the MAC that ARP finds"
