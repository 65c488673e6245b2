# SPDX-License-Identifier: GPL-3.0-or-later
"""From inventory variables to a validated Site. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site import (
    check_addresses,
    check_dhcp,
    check_dvr,
    check_floating_ips,
    check_hosts,
    check_metadata,
    check_networks,
    check_routers,
    check_security_groups,
    check_tunnels,
    check_unique,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import Problems
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse import Parser
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.schema import HOST, SITE
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.structure import check_structure

CHECKS = (
    check_dhcp,
    check_unique, check_hosts, check_networks, check_tunnels, check_routers, check_security_groups, check_addresses,
    check_floating_ips, check_dvr, check_metadata,
)


def load(variables, hosts):
    """The Site that variables describe.

    variables: the site variables (schema.SITE_VARIABLES), plain data.
    hosts: {name: {"groups": [...], variables of schema.HOST_VARIABLES}}, plain data.
    Raises SiteError with every fault.
    """
    problems = Problems()
    clean = check_structure(SITE, variables, problems)
    clean_hosts = {name: _host(name, host, problems) for name, host in hosts.items()}
    site = Parser(variables, clean, clean_hosts, problems).site()
    for check in CHECKS:
        check.check(site, problems)
    problems.refuse()
    return site


def _host(name, host, problems):
    """The clean variables of a host with its groups, or None if they are at fault."""
    before = len(problems)
    own = {key: value for key, value in host.items() if key != "groups"}
    clean = check_structure(HOST, own, problems, prefix=f"hostvars.{name}.")
    return {**clean, "groups": tuple(host["groups"])} if len(problems) == before else None
