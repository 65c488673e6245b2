# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that run on a host, and the Debian packages that they come from. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan import haproxy, nginx
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata import metadata_services
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_api import api_services

_PACKAGES = {haproxy.PROGRAM: "haproxy", nginx.PROGRAM: "nginx-light"}


def services(view):
    """Items of netns_service's `config`."""
    return api_services(view) + metadata_services(view, {})


def packages(items):
    """Debian packages of the programs that services run."""
    return sorted({_PACKAGES[item["command"][0]] for item in items})
