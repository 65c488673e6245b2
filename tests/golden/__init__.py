# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of what the real Neutron L3 agent makes (cases/README.md), and how ours is held against them."""
