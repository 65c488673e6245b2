# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock: everything that was ever chosen and is still used, as plain data. PRIVATE to the collection.

    version: 1
    addresses:        {subnet name: {"port web": "10.0.0.2", "router r1 gateway": ..., "floating_ip web": ...}}
    mac_addresses:    {"port web": "fa:16:3e:..."}
    segmentation_ids: {network name: 101}
    router_hosts:     {router name: host name}
    local_vlans:      {host name: {network name: 1}}

Pinned values are not in it: they stand in the site.
"""

from __future__ import annotations

from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import Problems

NAME = "dataplane_allocations"
VERSION = 1


def empty():
    """A lock in which nothing is allocated."""
    return {
        "version": VERSION,
        "addresses": {},
        "mac_addresses": {},
        "segmentation_ids": {},
        "router_hosts": {},
        "local_vlans": {},
    }


def checked(lock):
    """A lock that was read from a file a person may have edited or merged. Raises SiteError."""
    problems = Problems()
    if not isinstance(lock, dict) or lock.get("version") != VERSION:
        problems.add(NAME, lock, f"must be allocations of version {VERSION}")
        problems.refuse()
    full = {**empty(), **lock}
    for section in ("addresses", "local_vlans"):
        for group, values in _mapping(full, section, NAME, problems).items():
            _values(_mapping(full[section], group, f"{NAME}.{section}", problems), section,
                    f"{NAME}.{section}.{group}", problems)
    for section in ("mac_addresses", "segmentation_ids", "router_hosts"):
        values = _mapping(full, section, NAME, problems)
        _values(values, section, f"{NAME}.{section}", problems, unique=section == "mac_addresses")
    problems.refuse()
    return full


def _mapping(parent, key, path, problems):
    if not isinstance(parent[key], dict):
        problems.add(f"{path}.{key}", parent[key], "must be a mapping")
        return {}
    return parent[key]


def _values(values, section, path, problems, unique=True):
    """Right types, and (after a merge of two branches) no value twice."""
    met = {}
    for key, value in values.items():
        if not _sound(section, value):
            problems.add(f"{path}.{key}", value, f"is no value for {section}: remove the line, and another is chosen")
        elif unique and met.setdefault(value, key) != key and section != "router_hosts":
            problems.add(f"{path}.{key}", value, f"is also allocated to {met[value]}: remove one line, and another is chosen")


def _sound(section, value):
    if section in ("local_vlans", "segmentation_ids"):
        return isinstance(value, int) and not isinstance(value, bool)
    if section == "addresses":
        try:
            return ip_address(value) is not None and isinstance(value, str)
        except ValueError:
            return False
    return isinstance(value, str)
