# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata proxies of a host (reference 6). PRIVATE to the collection.

In every router and isolated network a haproxy listens where instances ask, notes
which router or network they are in, and hands the request over a unix socket to one
haproxy of the host. That one, in Neutron the metadata agent, looks up which instance
it is that asks, signs for it, and asks Nova.
"""

from __future__ import annotations

from ipaddress import IPv6Address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan import haproxy
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.anti_spoofing import link_local
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import dhcp_namespace, router_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_iptables import METADATA_PORT
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import INSTANCE_OWNER

_PROXIES = "/var/lib/neutron/ns-metadata-proxy"
_AGENT = "/var/lib/neutron/metadata-agent"


def metadata_services(view, networks):
    """The proxies and the agent, items of netns_service's `config`; none where nobody can ask.

    networks: {network: tap device} of those whose metadata are served in their DHCP namespace here.
    """
    if not view.site.metadata:
        return []
    routers = [router for router in [*view.routers, *view.parts] if router.interfaces]
    if not (routers or networks):
        return []
    sources = {**_router_sources(view, routers), **_network_sources(view, networks)}
    return [
        _agent(view.site.metadata, sources),
        *(_router_proxy(router) for router in routers),
        *(_network_proxy(network, device) for network, device in networks.items()),
    ]


def _agent(service, sources):
    config, sources_file = f"{_AGENT}/haproxy.cfg", f"{_AGENT}/instances.map"
    nova = f"[{service.host}]:{service.port}" if ":" in service.host else f"{service.host}:{service.port}"
    return {
        "name": "metadata-agent",
        "description": "Metadata of the instances on this host, from Nova",
        # The master stays and starts a new worker for what it reads again: no request is lost
        "command": [haproxy.PROGRAM, "-W", "-db", "-f", config],
        "reload_signal": "USR2",
        "directories": [{"path": _AGENT, "mode": "0755"}],
        "files": [
            {"path": config, "content": haproxy.agent(nova, sources_file), "mode": "0644", "change": "reload"},
            {"path": sources_file, "content": _lines(sources), "mode": "0600", "change": "reload", "secret": True},
        ],
    }


def _router_proxy(router):
    # Redirected requests come to an address of the router, of either family
    binds = [f"0.0.0.0:{METADATA_PORT}", f":::{METADATA_PORT} v6only"]
    config = haproxy.proxy("Router", router.id, binds)
    return _proxy(router.id, router_namespace(router), config, f"Metadata proxy of router {router.name}")


def _network_proxy(network, device):
    # transparent: an address may still be checked for duplicates when the proxy starts
    binds = ["169.254.169.254:80 transparent", f"[fe80::a9fe:a9fe]:80 interface {device} transparent"]
    config = haproxy.proxy("Network", network.id, binds)
    return _proxy(network.id, dhcp_namespace(network), config, f"Metadata proxy of network {network.name}")


def _proxy(resource_id, namespace, config, description):
    path = f"{_PROXIES}/{resource_id}.conf"
    return {
        "name": f"metadata-proxy-{resource_id}",
        "namespace": namespace,
        "description": description,
        "command": [haproxy.PROGRAM, "-db", "-f", path],
        "files": [{"path": path, "content": config, "mode": "0644"}],
    }


def _router_sources(view, routers):
    """{(router's id, address): Instance}: who asks through a router. Of a distributed one the host's own instances."""
    found = {}
    for router in routers:
        host = view.host.name if router.distributed else None
        for network in dict.fromkeys(port.network for port in router.interfaces):
            found.update(_sources(view, router.id, network, router.subnets, host))
    return found


def _network_sources(view, networks):
    """{(network's id, address): Instance}: who asks in an isolated network."""
    found = {}
    for network in networks:
        found.update(_sources(view, network.id, network, set(network.subnets)))
    return found


def _sources(view, resource_id, network, subnets, host=None):
    """Instances are known by their fixed IPs, and by the link-local address that follows from their MAC.

    host: the name of the only host whose instances count.
    """
    by_host = view.presence.by_network[network]
    for ports in [by_host.get(host, [])] if host else by_host.values():
        for port in ports:
            if port.device_owner != INSTANCE_OWNER:
                continue
            instance = view.guests[port.device_id]
            yield (resource_id, str(IPv6Address(link_local(view.allocated.mac(port))))), instance
            for fixed in port.fixed_ips:
                if fixed.subnet in subnets:
                    yield (resource_id, str(view.allocated.address(fixed))), instance


def _lines(sources):
    return "".join(haproxy.source(*where, instance) for where, instance in sources.items())
