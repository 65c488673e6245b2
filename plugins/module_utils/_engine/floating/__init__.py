# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating IPs: an address, three NAT rules, and the connections that end with them. PRIVATE to the collection.

rules.py knows the rules, addresses.py the address, routing.py what a distributed router
has instead of it, items.py what the caller wants; plan.py compares, backend.py writes.
"""
