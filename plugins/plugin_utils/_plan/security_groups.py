# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups of a host's instances, and their hybrid plug (reference 7.1, 7.2). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.mtu import network_mtu


def security_groups(view):
    """{"config": groups, "ports": ports} as module security_group takes them; empty lists with driver noop.

    Groups: those that a port here is in, and those that one of their rules names as remote.
    """
    ports = view.instances if view.host.hybrid_plug else []
    used = {group for port in ports for group in port.security_groups}
    remote = {rule.remote_group for group in used for rule in group.rules if rule.remote_group}
    groups = [group for group in view.site.security_groups if group in used or group in remote]
    return {
        "config": [_group(view.security, group, group in used, group in remote) for group in groups],
        "ports": [_port(view, port) for port in ports],
    }


def _group(security, group, is_used, is_remote):
    item = {"id": group.id, "rules": security.rules(group) if is_used else []}
    return {**item, "addresses": security.addresses(group)} if is_remote else item


def _port(view, port):
    item = {
        "port_id": port.id,
        "mac_address": view.allocated.mac(port),
        "fixed_ips": [str(view.allocated.address(fixed)) for fixed in port.fixed_ips],
        "allowed_address_pairs": port.allowed_address_pairs,
        "port_security_enabled": port.port_security_enabled,
        "stateful": all(group.stateful for group in port.security_groups),
        "security_groups": [group.id for group in port.security_groups],
        "mtu": network_mtu(view.site, port.network),
        "ra_sources": view.security.ra_sources(port.network),
        "tap": port.vif == "namespace",  # else a hypervisor makes it, when it likes
    }
    return {**item, "zone": view.allocated.conntrack_zone(view.host, port)} if port.port_security_enabled else item
