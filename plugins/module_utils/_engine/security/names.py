# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of chains and ipsets (reference 1.6). Pure. PRIVATE to the collection."""

from __future__ import annotations

WRAP = "neutron-openvswi"
#: Shared by all of Neutron's agents of one network stack.
TOP = "neutron-filter-top"
#: How the names of our chains in the root namespace begin.
PREFIXES = (f"{WRAP}-", TOP)

#: ethertype of a rule for each family of iptables.
ETHERTYPES = {"ipv4": "IPv4", "ipv6": "IPv6"}

_DEVICE_ID, _CHAIN_ID, _SET = 11, 10, 29


def wrapped(name):
    """A chain of the agent."""
    return f"{WRAP}-{name}"


def device_id(port_id):
    """What the names of a port's devices end with, and the key of a port wherever only its rules are known."""
    return port_id[:_DEVICE_ID]


def tap(key):
    """The instance's device of the port with this key."""
    return f"tap{key}"


def qvb(key):
    """The other port of its bridge."""
    return f"qvb{key}"


def port_chains(key):
    """The chains of the port with this key: to the instance, from it, and the addresses that it may use."""
    return tuple(wrapped(f"{direction}{key[:_CHAIN_ID]}") for direction in "ios")


def ipset(group_id, ethertype):
    """The set of a group's addresses of one ethertype, IPv4 or IPv6."""
    return f"N{ethertype}{group_id}"[:_SET]
