# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata: who answers, the secret that is shared with them, and one story per instance. PRIVATE to the collection."""

from __future__ import annotations

from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_metadata import EXAMPLE_SECRET

_OR_NONE = "(or set dataplane_enable_metadata_proxy: false)"
_KEYS = ("hostname", "project_id", "keypair", "metadata", "user_data")


def check(site, problems):
    """The metadata service, and the ports that belong to one instance."""
    if site.metadata:
        _service(site, problems)
    _instances(site, problems)


def _service(site, problems):
    if not site.metadata.host:
        problems.add("dataplane_nova_metadata_host", "(missing)",
                     f"is required: where hosts reach the controller, or Nova {_OR_NONE}")
    path, secret = "dataplane_metadata_proxy_shared_secret", site.metadata.secret
    if not secret:
        problems.add(path, "(missing)", f"is required outside a lab {_OR_NONE}")
    elif secret == EXAMPLE_SECRET and not site.lab:
        problems.add(path, "(hidden)", "must not be the example's value outside a lab (dataplane_lab: true)")


def _instances(site, problems):
    """Ports with one device_id are one instance's: two of them must not tell two stories."""
    ports_of = defaultdict(list)
    for port in site.ports:
        ports_of[port.device_id].append(port)
    for ports in ports_of.values():
        for key in _KEYS:
            told = [(port, getattr(port.guest, key)) for port in ports if getattr(port.guest, key) is not None]
            for port, value in told[1:]:
                if value != told[0][1]:
                    name = "key_name" if key == "keypair" else key
                    problems.add(f"{port.path}.{name}", "(hidden)" if key == "user_data" else _shown(value),
                                 f"must be as in {told[0][0].path}, which is of the same instance (device_id)")


def _shown(value):
    return getattr(value, "name", value)
