# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a path, and what a host is asked to confirm it. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Hop:
    """host: inventory name. place: a bridge, a namespace, a device. does: what happens there, in words.

    checks: items of the option `checks` of module trace_check, without `hop`. routes: the packet's TTL goes down.
    """

    host: str
    place: str
    does: str
    checks: list = field(default_factory=list)
    routes: bool = False


def device(namespace, name, mac=None, address=None):
    """A device is in a namespace (None: the host's own), up, with this MAC and this address."""
    return {"kind": "device", "namespace": namespace, "device": name, "mac_address": mac,
            "address": address and str(address)}


def route(namespace, packet, entered=None, via=None, leaves=None):
    """A packet is routed so. packet: (source, destination). entered: device; None: the namespace itself sends it."""
    source, destination = packet
    return {"kind": "route", "namespace": namespace, "source": str(source), "destination": str(destination),
            "entered": entered, "via": via and str(via), "leaves": leaves}


def policy(namespace, priority, source=None, entered=None, table=None):
    """A policy rule leads to a table."""
    return {"kind": "policy", "namespace": namespace, "priority": priority, "source": source and str(source),
            "entered": entered, "table": table}


def neighbour(namespace, name, address, mac, permanent=False):
    """A neighbour's MAC is this, as far as it is known. permanent: it has to be."""
    return {"kind": "neighbour", "namespace": namespace, "device": name, "address": str(address),
            "mac_address": mac, "permanent": permanent}


def rule(namespace, table, chain, *parts):
    """A rule of iptables that has these parts is in a chain of IPv4."""
    return {"kind": "rule", "namespace": namespace, "table": table, "chain": chain, "parts": list(parts)}


def sysctl(namespace, key, value):
    """A kernel setting."""
    return {"kind": "sysctl", "namespace": namespace, "setting": key, "value": str(value)}


def flow(bridge, in_port, match, to_bridge=None, to_ports=(), rewrites=()):
    """A bridge hands a packet on. match: of ofproto/trace. rewrites: what has to stand in its actions."""
    return {"kind": "flow", "bridge": bridge, "in_port": in_port, "match": match, "to_bridge": to_bridge,
            "to_ports": list(to_ports), "rewrites": list(rewrites)}


def enslaved(bridge, ports):
    """A Linux bridge has these ports."""
    return {"kind": "bridge", "bridge": bridge, "ports": list(ports)}
