# SPDX-License-Identifier: GPL-3.0-or-later
"""The hybrid plug: a Linux bridge between an instance and br-int, where iptables can filter. PRIVATE to the collection.

As os-vif makes it (reference 7.1), all in the root namespace:

  instance - tap<P11> - [qbr<P11>] - qvb<P11> === qvo<P11> - [br-int]

names    the four names of a port
observe  what the host has
diff     pure: what the host should have, and the steps that lead there
write    writes steps to the kernel
backend  the five verbs that converge() runs

A link, in every file here: a mapping with "kind" and what is compared.
  bridge  {"owner", "up", "stp_state", "forward_delay", "ageing_time", "mcast_snooping", "sysctls": {key: value}}
  veth    {"owner", "up", "promisc", "mtu", "peer", and of a qvb the name of its "bridge"}
  other   {"bridge"}: a tap, or whatever else is a port of a qbr
"""
