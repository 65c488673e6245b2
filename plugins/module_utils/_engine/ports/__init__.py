# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of Open vSwitch bridges. PRIVATE to the collection.

port.py says what a port is, parse.py what the caller wants, observe.py what the
database and the host have, diff.py compares, write.py turns differences into OVSDB
operations, backend.py runs them.
"""
