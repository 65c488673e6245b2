# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups of a host's instances, as Neutron's hybrid iptables driver has them. PRIVATE to the collection.

parse and parse_rule read what the caller wrote, protocols knows numbers and names,
names the chains and sets, render writes the rules of one port, tables puts all ports
together, sets compares and writes ipsets, report tells what changes per port.
verdict asks rules about a connection, lost finds those that no rule allows any more,
connections reads and deletes them. backend is what converge() runs.
"""
