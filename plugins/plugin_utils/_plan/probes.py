# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be reachable, by the model: the questions that verify asks (module probe). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import first_of_version
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import instance_namespace


def probes(view):
    """The probes that this host asks, items of the module probe's `probes`.

    From each instance: its gateways, and the world outside, which must see it as
    its floating IP, its router's gateway or itself. From a host of group outside_world:
    every floating IP.
    """
    found = []
    if view.instances:
        ways = _Ways(view)
        found += [probe for port in view.instances for probe in ways.probes(port)]
    if "outside_world" in view.host.groups:
        found += [probe for floating_ip in view.site.floating_ips if floating_ip.router
                  for probe in _both(f"outside to floating IP of {floating_ip.port.name}", None,
                                     view.allocated.floating_address(floating_ip))]
    return found


class _Ways:
    """The ways out of a host's instances."""

    def __init__(self, view):
        self.view, self.internet = view, view.site.verify_internet
        self.gateways = {}  # subnet -> the router that has the subnet's gateway address
        for router in view.site.routers:
            for port in router.interfaces:
                for fixed in port.fixed_ips:
                    if view.allocated.address(fixed) == fixed.subnet.gateway_ip:
                        self.gateways[fixed.subnet] = router
        self.floating = {item.fixed_ip: item for item in view.site.floating_ips if item.router}

    def probes(self, port):
        """The probes of one instance."""
        namespace, found = instance_namespace(port), []
        for subnet in first_of_version(port):
            if subnet in self.gateways:
                found.append(_probe(f"{port.name} to its gateway", namespace, "ping", subnet.gateway_ip))
                if self.internet is not None and self.internet.version == subnet.version:
                    found += self._out(port, subnet, namespace)
        return found

    def _out(self, port, subnet, namespace):
        router = self.gateways[subnet]
        if not router.gateway:
            return []
        fixed = next(fixed for fixed in port.fixed_ips if fixed.subnet is subnet)
        return _both(f"{port.name} to the world outside", namespace, self.internet, self._source(fixed, router))

    def _source(self, fixed, router):
        """The address as which the far end sees an instance."""
        allocated = self.view.allocated
        if fixed in self.floating:
            return allocated.floating_address(self.floating[fixed])
        if fixed.subnet.version == 4 and router.enable_snat:
            return next((allocated.address(own) for own in router.gateway.fixed_ips if own.subnet.version == 4), None)
        return allocated.address(fixed)


def _both(name, namespace, address, source=None):
    return [_probe(f"{name} ({kind})", namespace, kind, address, source) for kind in ("ping", "tcp")]


def _probe(name, namespace, kind, address, source=None):
    return {
        "name": name,
        "namespace": namespace,
        "kind": kind,
        "address": str(address),
        "expect_source": None if source is None else str(source),
    }
