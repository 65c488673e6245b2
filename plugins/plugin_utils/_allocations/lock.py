# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock: everything that was ever chosen and is still used, as plain data. PRIVATE to the collection.

    version: 1
    addresses:        {subnet name: {"port web": "10.0.0.2", "router r1 gateway": ..., "floating_ip web": ...}}
    mac_addresses:    {"port web": "fa:16:3e:..."}
    segmentation_ids: {network name: 101}
    router_hosts:     {router name: host name}
    dhcp_hosts:       {"dhcp blue": host name, "dhcp blue (2)": ...}
    local_vlans:      {host name: {network name: 1}}
    conntrack_zones:  {host name: {"port web": 4097}}
    dvr_mac_addresses:      {host name: "fa:16:3f:..."}
    link_locals:            {host name: {router name: "169.254.64.0/31"}}
    floating_ip_priorities: {host name: {"floating_ip web": 32768}}

The last three are of distributed routers. Beside "router r1 gateway" they have addresses and MACs under
"router r1 snat blue4" (its port beside the interface in blue4) and "agent gateway ext compute1" (the host's
port in the external network ext). The sections are absent until there is something in them.

Pinned values are not in it: they stand in the site.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

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
        "dhcp_hosts": {},
        "local_vlans": {},
        "conntrack_zones": {},
        "dvr_mac_addresses": {},
        "link_locals": {},
        "floating_ip_priorities": {},
    }


def checked(lock):
    """A lock that was read from a file a person may have edited or merged. Raises SiteError."""
    problems = Problems()
    if not isinstance(lock, dict) or lock.get("version") != VERSION:
        problems.add(NAME, lock, f"must be allocations of version {VERSION}")
        problems.refuse()
    full = {**empty(), **lock}
    for section, sound in _SOUND.items():
        scopes = {section: full[section]}
        if section in _SCOPED:
            scopes = _mapping(full[section], f"{NAME}.{section}", problems)
            scopes = {f"{section}.{scope}": values for scope, values in scopes.items()}
        for scope, values in scopes.items():
            _check_values(values, sound, f"{NAME}.{scope}", problems, unique=section in _UNIQUE)
    problems.refuse()
    return full


def _check_values(values, sound, path, problems, unique):
    """Right types, and (after a merge of two branches) no value twice."""
    met = {}
    for key, value in _mapping(values, path, problems).items():
        if not sound(value):
            problems.add(f"{path}.{key}", value, "must be a sound value: remove the line, and another is chosen")
        elif unique and met.setdefault(value, key) != key:
            problems.add(f"{path}.{key}", value, f"is {met[value]}'s, too: remove one line, and another is chosen")


def _mapping(value, path, problems):
    if isinstance(value, dict):
        return value
    problems.add(path, value, "must be a mapping")
    return {}


def _is_address(value):
    try:
        return isinstance(value, str) and ip_address(value) is not None
    except ValueError:
        return False


def _is_pair(value):
    try:
        return isinstance(value, str) and ip_network(value).prefixlen == 31
    except ValueError:
        return False


def _is_text(value):
    return isinstance(value, str)


def _is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


#: section -> what a value of it must be
_SOUND = {
    "addresses": _is_address,
    "conntrack_zones": _is_number,
    "local_vlans": _is_number,
    "mac_addresses": _is_text,
    "segmentation_ids": _is_number,
    "router_hosts": _is_text,
    "dhcp_hosts": _is_text,
    "dvr_mac_addresses": _is_text,
    "link_locals": _is_pair,
    "floating_ip_priorities": _is_number,
}
#: Sections whose values are grouped, by subnet or host
_SCOPED = ("addresses", "local_vlans", "conntrack_zones", "link_locals", "floating_ip_priorities")
_UNIQUE = (*_SCOPED, "mac_addresses", "dvr_mac_addresses")
