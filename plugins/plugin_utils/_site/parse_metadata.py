# SPDX-License-Identifier: GPL-3.0-or-later
"""What instances are told about themselves, and who tells them. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import Guest, Keypair, MetadataService

KEYPAIRS = "dataplane_keypairs"

_VARIABLES = ("dataplane_nova_metadata_host", "dataplane_metadata_proxy_shared_secret")

#: The installation guides' example, known to everybody: what a lab signs with that has no secret of its own.
EXAMPLE_SECRET = "METADATA_SECRET"


class MetadataParser:
    """Parses what concerns metadata, for a Parser."""

    def __init__(self, parser, raw):
        self.parser, self.raw = parser, raw

    def keypairs(self):
        """Register the keypairs, for ports to find."""
        for index, item in enumerate(self.parser.clean.get(KEYPAIRS, [])):
            if item:
                path = f"{KEYPAIRS}[{index}]"
                self.parser.keypairs.add(Keypair(item["name"], item["public_key"], path), f"{path}.name")

    def guest(self, item, path):
        """The Guest of an item of dataplane_ports."""
        name = item.get("key_name")
        return Guest(
            hostname=item.get("hostname"),
            project_id=item.get("project_id"),
            keypair=self.parser.keypairs.find(name, f"{path}.key_name") if name else None,
            metadata=item.get("metadata"),
            user_data=item.get("user_data"),
        )

    def service(self, site):
        """The MetadataService of a site; None where no instance is there to ask, or nobody is to answer."""
        clean = self.parser.clean
        at_fault = any(self.raw.get(name) is not None and name not in clean for name in _VARIABLES)
        if at_fault or not (site.enable_metadata_proxy and site.ports):
            return None
        return MetadataService(
            host=clean.get("dataplane_nova_metadata_host", ""),
            port=clean.get("dataplane_nova_metadata_port", 8775),
            served=clean.get("dataplane_metadata_api", True),
            secret=clean.get("dataplane_metadata_proxy_shared_secret") or (EXAMPLE_SECRET if site.lab else ""),
            vendor_data=clean.get("dataplane_vendor_data", {}),
        )
