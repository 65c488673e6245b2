# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids and MAC addresses that follow from names. PRIVATE to the collection."""

from __future__ import annotations

import hashlib
import uuid

_ROOT = uuid.uuid5(uuid.NAMESPACE_DNS, "dataplane.cloudnet")


def derived_id(site, kind, name):
    """The UUID of an object whose `id` is not pinned: uuid5 of site, kind and name."""
    return str(uuid.uuid5(_ROOT, f"{site}/{kind}/{name}"))


#: Neutron's base_mac and dvr_base_mac (reference 1.5), as far as they are fixed.
_BASE_MAC, DVR_BASE_MAC = "fa:16:3e", "fa:16:3f"


def derived_mac(port_id, attempt=0, base=_BASE_MAC):
    """A MAC address that starts with base, a hash of the id of a port or host.

    attempt: 0, and one more each time that the address turns out to be taken.
    """
    digest = hashlib.sha256(f"{port_id}/{attempt}".encode()).hexdigest()
    return f"{base}:{digest[0:2]}:{digest[2:4]}:{digest[4:6]}"
