# SPDX-License-Identifier: GPL-3.0-or-later
"""A data plane that comes back by itself: after a boot, after Open vSwitch has started anew. PRIVATE to the collection.

On the host there is the plan that was applied last, this engine as one file, and systemd units that run it.

document   what is kept of a plan: as bytes with a checksum, and read back
store      where the documents are: written at once and for good, believed only when root's and whole
archive    the engine as a zipapp, made of the very modules that run
units      the units of systemd: pure
kept       what a host should keep, and what it has
backend    the five verbs that converge() runs
paths      where all of it is

main       the program that the units run
run        bring a host back to its plan, as often as that takes
vswitchd   whether Open vSwitch answers, and whether it is still the same
stamp      what a run leaves behind for the next one, until the next boot
report     what a run says: to the journal, to Prometheus
"""
