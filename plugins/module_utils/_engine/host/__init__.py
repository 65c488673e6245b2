# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's whole plan, section by section. PRIVATE to the collection.

A plan is the plain document that the controller compiles for one host. sections.py says what
it consists of and in which order; converge.py brings the host there, or predicts what that takes.
"""
