# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows of Open vSwitch bridges. PRIVATE to the collection.

flow.py says what a flow is and compares, names.py turns port names into OpenFlow
numbers and back, parse.py checks what the caller wants, ofctl.py speaks to a bridge
through ovs-ofctl, bridges.py reads bridges from OVSDB, backend.py brings them together.

Two flows are the same flow when table, priority and match are. Whether they are can
only be told from the way Open vSwitch itself writes them, so the wanted flows go
through `ovs-ofctl parse-flows` before they are compared with what a bridge has.
"""
