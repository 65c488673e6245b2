# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, by the model: layer 3 of a site without a packet. PRIVATE to the collection.

topology: who is on a network, who routes what.  way: the way of a packet and of its answer.
verdict: what security groups let pass on it.  sample: which pairs of a big site to ask.
questions: the probes of all hosts.  report: what they answered, for people and for machines.
"""
