# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a host's Ansible variables describe the site. PRIVATE to the collection."""

from __future__ import annotations

import difflib
import json

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.schema import HOST_VARIABLES, SITE_VARIABLES

GROUPS = ("controller", "network", "compute", "outside_world")

_PREFIX = "dataplane_"


def site_variables(names, value_of):
    """The site variables among `names`, as plain data. value_of: name -> templated value."""
    return _plain(_chosen(names, SITE_VARIABLES, HOST_VARIABLES), value_of)


def host_variables(names, value_of):
    """The variables of one host among `names`, as plain data."""
    return _plain(_chosen(names, HOST_VARIABLES, SITE_VARIABLES), value_of)


def host_groups(groups):
    """{host: [those of our groups that it is in]}. groups: Ansible's {group: [hosts]}."""
    found = {}
    for group in GROUPS:
        for host in groups.get(group, []):
            found.setdefault(str(host), []).append(group)
    return found


def _chosen(names, known, others):
    """The known variables, and those that look like a misspelt one, which validation then refuses."""
    shorts = [name[len(_PREFIX):] for name in known]
    for name in names:
        if name in known or (name.startswith(_PREFIX) and name not in others and _misspelt(name, shorts)):
            yield name


def _misspelt(name, shorts):
    return difflib.get_close_matches(name[len(_PREFIX):], shorts, n=1, cutoff=0.85)


def _plain(names, value_of):
    """Without Ansible's tags and lazy containers, which JSON Schema takes for something else."""
    return {str(name): json.loads(json.dumps(value_of(name), default=str)) for name in names}
