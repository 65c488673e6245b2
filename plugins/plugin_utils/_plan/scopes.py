# SPDX-License-Identifier: GPL-3.0-or-later
"""Address scopes, and the marks by which a router tells them apart (reference 2.5, 3.6). PRIVATE to the collection."""

from __future__ import annotations

#: Which half of a packet's mark is its scope.
MASK = "0xffff0000"
_DEFAULT, _SHIFT = 1024, 16  # the id of addresses without a scope, which all routers have in common


def scope_of(network, version):
    """The address scope of a network's addresses of a family, None for none."""
    return next((subnet.address_scope for subnet in network.subnets if subnet.version == version), None)


def is_translated(router, network):
    """Whether the router translates what IPv4 instances of a network without floating IPs send to the outside."""
    outer = scope_of(router.gateway.network, 4)
    return router.enable_snat and (outer is None or scope_of(network, 4) != outer)


def crosses(router, floating_ip):
    """Whether a floating IP leads from one scope into another."""
    return scope_of(router.gateway.network, 4) != scope_of(floating_ip.fixed_ip.subnet.network, 4)


def exits_fast(router, interface):
    """Whether what an interface's instances send may leave their own host untranslated: IPv4 alone, in one scope."""
    inner = scope_of(interface.network, 4)
    is_ipv4 = all(fixed.subnet.version == 4 for fixed in interface.fixed_ips)
    return bool(router.gateway) and is_ipv4 and inner is not None and inner == scope_of(router.gateway.network, 4)


class ScopeMarks:
    """The marks of one router's scopes on one host, counted up as Neutron meets them.

    gateway_first: what is translated meets the gateway's scope before those of the interfaces.
    """

    def __init__(self, router, gateway_first):
        gateway = [router.gateway] if router.gateway else []
        self._ids = {}
        if gateway and gateway_first and router.enable_snat:
            self._meet(router.gateway, 4)
        for port in [*router.interfaces, *gateway]:
            for version in (4, 6):
                self._meet(port, version)

    def _meet(self, port, version):
        scope = scope_of(port.network, version)
        if scope is not None:
            self._ids.setdefault((scope, version), _DEFAULT + 1 + len(self._ids))

    def mark(self, network, version):
        """The mark, with its mask, of what comes from a network."""
        number = self._ids.get((scope_of(network, version), version), _DEFAULT)
        return f"{number << _SHIFT:#x}/{MASK}"
