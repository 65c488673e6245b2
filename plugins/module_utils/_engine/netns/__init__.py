# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces and what is inside them. PRIVATE to the collection.

parse    the config, checked and normalised
observe  what the host has, in the same shapes
far_ends which ends of veths between two namespaces belong together
target   pure: what the host should have, given both
steps    pure: how to get from one state to another, and how a step reads in a report
apply    writes steps to the kernel
backend  the five verbs that converge() runs

One namespace, in every file here:
  {"namespace": {"owner", "lo_up"},
   "sysctls":    {key: value},
   "links":      {name: {"plug", "peer", "peer_namespace", "mac_address", "mtu", "up", "tx_checksumming",
                         "owner", "peer_mtu", "peer_up", "peer_sysctls", "orphan"}},
   "addresses":  {(device, "10.0.0.1/24"): {"broadcast", "kernel", "connected"}},
   "routes":     {(family, table, destination, metric): {"protocol", "scope", "type", "source", "nexthops"}},
   "rules":      {(family, priority, from, to, iif, oif, fwmark, fwmask, table): True},
   "neighbours": {(device, address): MAC address}}
A namespace that does not exist is None. peer_namespace is None for a peer in the root
namespace, which is part of its link: peer_mtu, peer_up and peer_sysctls
({key: value}) are its. A peer in another
namespace is a link of its own there.
"""
