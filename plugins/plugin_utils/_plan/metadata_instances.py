# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances behind the ports, as the metadata service knows them (reference 6.3). PRIVATE to the collection."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.ids import derived_id


@dataclass(eq=False)
class Instance:
    """One instance. signature: proves to the metadata API that our proxy speaks of this instance."""

    id: str
    ports: list
    name: str
    hostname: str
    project_id: str
    signature: str
    keypair: Any = None
    metadata: dict | None = None
    user_data: str | None = None


def instances(site):
    """{instance id: Instance} of a site with a metadata service: the ports that have one device_id are one's."""
    ports_of = {}
    for port in site.ports:
        ports_of.setdefault(port.device_id, []).append(port)
    default_project = derived_id(site.name, "project", site.name).replace("-", "")
    return {key: _instance(site, key, ports, default_project) for key, ports in ports_of.items()}


def _instance(site, instance_id, ports, default_project):
    name = ports[0].name
    return Instance(
        id=instance_id,
        ports=ports,
        name=name,
        hostname=_told(ports, "hostname") or default_hostname(name, instance_id),
        project_id=_told(ports, "project_id") or default_project,
        signature=signature(site.metadata.secret, instance_id),
        keypair=_told(ports, "keypair"),
        metadata=_told(ports, "metadata"),
        user_data=_told(ports, "user_data"),
    )


def _told(ports, key):
    """What the first port that says something says; the others say the same (check_metadata)."""
    return next((value for value in (getattr(port.guest, key) for port in ports) if value is not None), None)


def signature(secret, instance_id):
    """X-Instance-ID-Signature, as Neutron's agent makes it and Nova checks it."""
    return hmac.new(secret.encode(), instance_id.encode(), hashlib.sha256).hexdigest()


def default_hostname(name, instance_id):
    """A host name made of a port's name, as Nova makes one of an instance's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].rstrip("-") or f"server-{instance_id}"
