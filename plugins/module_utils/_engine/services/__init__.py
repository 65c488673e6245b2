# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes in network namespaces as systemd units, with their files. PRIVATE to the collection.

service  what a service, its files and its process are
parse    the config, checked and normalised
unit     the unit file: rendered, and read back; it records what belongs to its service
observe  what the host has
diff     pure: the steps from there to what is wanted, and when a process must start anew or read its files again
view     pure: how a step reads in a report
apply    writes steps
undo     leads back to what was
systemd  the tools of systemd
backend  the five verbs that converge() runs

How a run that was killed is noticed without a memory: a process is older than the files that
it should have read (the time of its start, or of its unit's last reload, against theirs), or it
carries the digest of another unit in its environment, or systemd says that the unit file has
changed since it was loaded.
"""
