# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is meant by the words of an operator. PRIVATE to the collection."""

from __future__ import annotations

import difflib
from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.way import OUTSIDE, instance
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError

OUTSIDE_NAME, INTERNET = "outside", "internet"


def find_origin(site, text):
    """The Station that `source` means. Raises SiteError."""
    if text == OUTSIDE_NAME:
        return OUTSIDE
    return instance(_port(site, "source", text, [OUTSIDE_NAME]))


def find_destination(allocated, origin, text):
    """The address that `destination` means: an address, or that of an instance in a family that origin has, too.

    Raises SiteError.
    """
    site = allocated.site
    if text == INTERNET:
        if site.verify_internet is None:
            raise SiteError([f"destination: {text}: needs dataplane_verify_internet, or give an address"])
        return site.verify_internet
    try:
        return ip_address(text)
    except ValueError:
        port = _port(site, "destination", text, [INTERNET])
    versions = {fixed.subnet.version for fixed in origin.port.fixed_ips} if origin.port else {4, 6}
    addresses = [allocated.address(fixed) for fixed in port.fixed_ips if fixed.subnet.version in versions]
    if not addresses:
        raise SiteError([f"destination: {text}: has no address of a family that the source has, too"])
    return addresses[0]


def _port(site, option, text, others):
    ports = {port.name: port for port in site.ports}
    if text in ports:
        return ports[text]
    near = difflib.get_close_matches(text, [*ports, *others], n=1)
    hint = f": did you mean {near[0]}?" if near else f"; there are {', '.join([*ports, *others][:20])}"
    raise SiteError([f"{option}: {text}: is no port of an instance{hint}"])
