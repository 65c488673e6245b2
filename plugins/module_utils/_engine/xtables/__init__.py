# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains and rules of iptables and ip6tables, either backend. PRIVATE to the collection.

save.py reads what iptables-save prints, chain.py edits one chain, plan.py compares a
whole family of a namespace, restore.py writes, canonical.py asks iptables how it
would print a rule. A rule is text, everything after ``-A CHAIN``, as iptables-save
prints it.
"""
