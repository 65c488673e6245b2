# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: observe, diff, apply, read back. PRIVATE to the collection.

Runs on the target and is the only code that touches the kernel, OVSDB, iptables
and systemd. It knows plain objects (ports, flows, namespaces, rules) and nothing
of routers or networks.
"""
