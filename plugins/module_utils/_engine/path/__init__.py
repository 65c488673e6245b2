# SPDX-License-Identifier: GPL-3.0-or-later
"""Does this host do with a packet what a plan says? Reads only. PRIVATE to the collection.

check: one answer for every question.  inside: devices, routes, neighbours, rules of a namespace.
switch: what Open vSwitch would do.  filters: security groups.
"""
