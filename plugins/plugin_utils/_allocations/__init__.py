# SPDX-License-Identifier: GPL-3.0-or-later
"""Allocations: what the operator left open, chosen once and kept. PRIVATE to the collection.

`allocate.allocate(site, lock)` is a pure function to a new lock. Adding or
removing an object never changes what another one has; what a removed object had
is free again. `lockfile` is the only file here that touches the disk.
"""
