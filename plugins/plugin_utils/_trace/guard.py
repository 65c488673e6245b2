# SPDX-License-Identifier: GPL-3.0-or-later
"""What the security groups of a port say to a packet, and why. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.reachability import allows, passes

#: Names of the chains to the instance and from it, and the ids of ports in them (reference 1.6).
_CHAINS = {"ingress": "neutron-openvswi-i", "egress": "neutron-openvswi-o"}
_ID_LENGTH = 10


def verdict(security, port, packet):
    """(whether it passes, why, in words)."""
    allowed = passes(security, port, packet)
    for group in port.security_groups:
        for rule in group.rules:
            if allows(security, rule, packet):
                return allowed, f"group {group.name}: {_words(rule)}"
    return allowed, "ICMPv6 may always leave" if allowed else "no rule of " + (
        ", ".join(group.name for group in port.security_groups) or "no group at all")


def chain(port, direction):
    """The chain of a port for a direction."""
    return _CHAINS[direction] + port.id[:_ID_LENGTH]


def _words(rule):
    what = rule.protocol or "anything"
    if rule.port_range_min is not None:
        last = rule.port_range_max if rule.port_range_max not in (None, rule.port_range_min) else None
        what += f" {rule.port_range_min}" + (f" to {last}" if last is not None else "")
    side = "from" if rule.direction == "ingress" else "to"
    if rule.remote_group:
        return f"{what} {side} members of {rule.remote_group.name}"
    return f"{what} {side} {rule.remote_ip_prefix or 'everybody'}"
