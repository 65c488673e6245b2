# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of a packet, hop by hop, in the names of devices (reference 11.3). Pure. PRIVATE to the collection.

A Way (package _reach) says which networks and routers a packet crosses; here it is drawn in bridges, ports,
namespaces, tables and rules of hosts.

path: the whole of it.  instance, switching, router, distributed: its parts.  guard: security groups.
headers: the packet as flows see it.  hop: one step, and what a host is asked to confirm it (module trace_check).
report: the text, with what the hosts said.
"""
