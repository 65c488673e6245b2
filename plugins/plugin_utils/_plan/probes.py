# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be reachable, by the model: the questions that verify asks (module probe). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import first_of_version, stand_ins
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import instance_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.reachability import (
    Packet,
    converses,
    open_tcp_port,
    ping,
)

#: TCP port on which the world outside answers.
OUTSIDE_PORT = 7777


def probes(view):
    """The probes that this host asks, items of the module probe's `probes`.

    From each instance: its gateways, and the world outside, which must see it as
    its floating IP, its router's gateway or itself. From a host of group outside_world:
    every floating IP. All of it as far as the instance's security groups allow it.
    """
    found = []
    if view.instances:
        ways = _Ways(view)
        found += [probe for port in stand_ins(view) for probe in ways.probes(port)]
    if "outside_world" in view.host.groups:
        found += [probe for floating_ip in view.site.floating_ips if _is_answered(floating_ip)
                  for probe in _from_outside(view, floating_ip)]
    return found


def listeners(view):
    """Where this host answers the TCP probes, items of the module probe's `listen`."""
    found = [{"port": OUTSIDE_PORT}] if "outside_world" in view.host.groups else []
    here = {floating_ip.port for floating_ip in view.site.floating_ips
            if _is_answered(floating_ip) and floating_ip.port.host is view.host}
    ports = {port: open_tcp_port(view.security, port) for port in stand_ins(view) if port in here}
    return found + [{"namespace": instance_namespace(port), "port": number} for port, number in ports.items() if number]


def _is_answered(floating_ip):
    """Whether it leads to an instance of which we know that it answers."""
    return floating_ip.router and floating_ip.port.vif == "namespace"


def _from_outside(view, floating_ip):
    """From where in the world is not known: only what is open to everybody is asked."""
    port, address = floating_ip.port, view.allocated.floating_address(floating_ip)
    name = f"outside to floating IP of {port.name}"
    tcp_port = open_tcp_port(view.security, port)
    found = [_ping(name, None, address)] if converses(view.security, port, ping("ingress", 4)) else []
    return found + ([_tcp(name, None, address, tcp_port)] if tcp_port else [])


class _Ways:
    """The ways out of a host's instances."""

    def __init__(self, view):
        self.view, self.internet = view, view.site.verify_internet
        self.gateways, self.floating = view.allocated.gateway_routers, view.allocated.floating_ip_of

    def probes(self, port):
        """The probes of one instance."""
        namespace, found = instance_namespace(port), []
        for subnet in first_of_version(port):
            if subnet in self.gateways:
                if self._may(port, ping("egress", subnet.version, subnet.gateway_ip)):
                    found.append(_probe(f"{port.name} to its gateway", namespace, "ping", subnet.gateway_ip))
                if self.internet is not None and self.internet.version == subnet.version:
                    found += self._out(port, subnet, namespace)
        return found

    def _may(self, port, packet):
        return converses(self.view.security, port, packet)

    def _out(self, port, subnet, namespace):
        router = self.gateways[subnet]
        if not router.gateway:
            return []
        fixed = next(fixed for fixed in port.fixed_ips if fixed.subnet is subnet)
        name, source, version = f"{port.name} to the world outside", self._source(fixed, router), subnet.version
        found = []
        if self._may(port, ping("egress", version, self.internet)):
            found.append(_ping(name, namespace, self.internet, source))
        if self._may(port, Packet("egress", version, "tcp", OUTSIDE_PORT, self.internet)):
            found.append(_tcp(name, namespace, self.internet, OUTSIDE_PORT, source))
        return found

    def _source(self, fixed, router):
        """The address as which the far end sees an instance."""
        allocated = self.view.allocated
        if fixed in self.floating:
            return allocated.floating_address(self.floating[fixed])
        if fixed.subnet.version == 4 and router.enable_snat:
            return next((allocated.address(own) for own in router.gateway.fixed_ips if own.subnet.version == 4), None)
        return allocated.address(fixed)


def _ping(name, namespace, address, source=None):
    return _probe(f"{name} (ping)", namespace, "ping", address, source)


def _tcp(name, namespace, address, port, source=None):
    return {**_probe(f"{name} (tcp)", namespace, "tcp", address, source), "port": port}


def _probe(name, namespace, kind, address, source=None):
    return {
        "name": name,
        "namespace": namespace,
        "kind": kind,
        "address": str(address),
        "expect_source": None if source is None else str(source),
    }
