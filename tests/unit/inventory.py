# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories of the checkout, as the planner sees them."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations import lockfile
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.schema import HOST_VARIABLES, SITE_VARIABLES

INVENTORIES = Path(__file__).parents[2] / "inventories"


def allocated(name):
    """The Allocated site of an inventory, whose allocations are up to date."""
    directory = INVENTORIES / name
    variables = {}
    for file in sorted((directory / "group_vars" / "all").glob("*.yml")):
        variables.update(yaml.safe_load(file.read_text()))
    groups = yaml.safe_load((directory / "hosts.yml").read_text())["all"]["children"]
    shared = {key: value for key, value in variables.items() if key in HOST_VARIABLES}
    hosts = {name: {**shared, **(own or {}), "groups": [group]}
             for group, members in groups.items() for name, own in members["hosts"].items()}
    site = load({key: value for key, value in variables.items() if key in SITE_VARIABLES}, hosts)
    old = lockfile.read(str(directory / "allocations.yml"))
    lock = allocate(site, old)
    assert lock == old, "allocations.yml is committed"
    return Allocated(site, lock)


def plans(name):
    """The plans of an inventory."""
    cloud = allocated(name)
    return compile_site(cloud.site, cloud.lock)
