# SPDX-License-Identifier: GPL-3.0-or-later
"""Forget the connections of an address that moved away. PRIVATE to the collection.

Rules decide for a connection's first packet only. Without this, connections
through a removed floating IP would live on, translated by their conntrack entry.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.command import find, run

TOOL = PACKAGE = "conntrack"
_NO_ENTRY = 1  # conntrack -D: status when nothing matched


def require():
    """Raise MissingTool now rather than after the change."""
    find(TOOL, PACKAGE)


def forget(*addresses):
    """Delete the entries of these addresses in the current namespace, as Neutron does.

    An entry goes when its original destination (a connection that came in through
    the address) or its reply's destination (one that went out through it) is the
    address. Of many addresses only those that the table shows are deleted: a
    listing costs one process, deleting two per address.
    """
    if len(addresses) > 1:
        addresses = sorted(set(addresses) & _destinations())
    for address in addresses:
        for side in ("-d", "-q"):
            run([TOOL, "-D", *_family(address), side, address], package=PACKAGE, ok=(0, _NO_ENTRY))


def _family(address):
    return ["-f", "ipv6" if ":" in address else "ipv4"]


def _destinations():
    """The destinations, original and reply, of every entry of the current namespace."""
    listing = "".join(run([TOOL, "-L", "-f", family], package=PACKAGE) for family in ("ipv4", "ipv6"))
    return {word[4:] for word in listing.split() if word.startswith("dst=")}
