# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata API that Nova would be: files behind an nginx on the controllers (reference 6.3). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan import nginx
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_documents import common, documents

#: What may hold secrets of the operator's.
_SECRET = ("user_data", "vendor_data.json", "vendor_data2.json")


def api_services(view):
    """The API, an item of netns_service's `config`, on hosts of group controller."""
    service = view.site.metadata
    if not (service and service.served and "controller" in view.host.groups):
        return []
    name = f"metadata-api-{view.site.name}"
    settings, root = f"/etc/cloudnet/{name}", f"/var/lib/cloudnet/{name}"
    config, signatures = f"{settings}/nginx.conf", f"{settings}/signatures.map"
    listen = f"[::]:{service.port}" if ":" in service.host else f"{service.port}"
    text = nginx.config(listen, root, signatures, f"/run/cloudnet-{name}.pid")
    lines = "".join(nginx.signature(instance) for instance in view.guests.values())
    return [{
        "name": name,
        "description": f"Metadata API of site {view.site.name}",
        "command": [nginx.PROGRAM, "-c", config, "-g", "daemon off;"],
        "reload_signal": "HUP",
        "directories": [
            {"path": settings, "mode": "0700"},
            {"path": root, "mode": "0750", "group": "www-data"},
        ],
        "files": [
            {"path": config, "content": text, "mode": "0600", "change": "reload"},
            {"path": signatures, "content": lines, "mode": "0600", "change": "reload", "secret": True},
            *_documents(view, root),
        ],
    }]


def _documents(view, root):
    """The files; nginx reads them anew for every request."""
    floating = {item.fixed_ip: item for item in view.site.floating_ips if item.router}
    trees = {nginx.COMMON: common(view.site)}
    for instance in view.guests.values():
        trees[instance.id] = documents(view.allocated, instance, floating)
    for owner, tree in trees.items():
        for path, text in tree.items():
            file = {"path": f"{root}/{owner}/{path}", "content": text, "mode": "0640", "group": "www-data",
                    "change": "none"}
            yield {**file, "secret": True} if path.endswith(_SECRET) else file
