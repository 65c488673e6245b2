# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: a site with its allocations -> one plan per host. PRIVATE to the collection.

Pure, and the only place that knows Neutron's design; one file per feature. What
comes out is plain data in the vocabulary of the modules. Numbers in parentheses
("reference 2.5") are chapters of the project's collection of facts about
Neutron, release 2026.1, whose rendering this is.
"""
