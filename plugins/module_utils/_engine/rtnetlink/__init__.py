# SPDX-License-Identifier: GPL-3.0-or-later
"""A small rtnetlink codec: links, addresses, routes, rules, neighbours. PRIVATE to the collection.

Standard library only. One file per kind of object, each with `dump` (plain data of
everything the kernel has) and functions that build the Requests which Netlink.write sends.
Message layouts are those of linux/rtnetlink.h, if_link.h, if_addr.h, fib_rules.h and
neighbour.h; integers are in host order except where a comment says otherwise.
"""
