# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, by the model: layer 3 of a site without a packet. PRIVATE to the collection.

topology: who is on a network, who routes what.  crossing: a packet at one router.  way: all of its way, and its
answer's.  verdict: what security groups let pass on it.  sample: which pairs of a big site to ask.  questions: the
probes of all hosts.  report, matrix: what they answered, for people and for machines.
"""
