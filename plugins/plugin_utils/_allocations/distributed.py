# SPDX-License-Identifier: GPL-3.0-or-later
"""What distributed routing needs on hosts: their MACs, link-local pairs, rule priorities (reference 3.2). PRIVATE."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import count

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.numbers import numbers
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.pool import Pool
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.ids import DVR_BASE_MAC, derived_id, derived_mac

_LINK_LOCALS = ip_network("169.254.64.0/18")  # of which each router on a host has a /31
_PAIRS = _LINK_LOCALS.num_addresses // 2

#: Priorities of the policy rules of floating IPs: behind table main.
PRIORITY_MIN, PRIORITY_MAX = 32768, 72767


def allocate_host_macs(site, lock, problems):
    """{host name: MAC} of every host that may have parts of distributed routers, if the site has any such router."""
    if not site.distributed_routers:
        return {}
    pool, macs = Pool(problems), {}
    hosts = [host for host in site.hosts.values() if host.routes_distributed]
    for host in hosts:
        if host.dvr_mac_address:
            pool.pin(host.dvr_mac_address, f"{host.path}.dataplane_dvr_mac_address")
    wanted = [host for host in hosts if not host.dvr_mac_address]
    for host in wanted:
        held = lock["dvr_mac_addresses"].get(host.name)
        if held:
            pool.keep(held, f"host {host.name}", held)
            macs[host.name] = held
    for host in wanted:
        if host.name not in macs:
            own = derived_id(site.name, "dvr_host", host.name)
            macs[host.name] = pool.new_of(derived_mac(own, attempt, DVR_BASE_MAC) for attempt in count())
    return {host.name: macs[host.name] for host in wanted}


def allocate_link_locals(presence, lock, problems):
    """{host name: {router name: "169.254.64.0/31"}} of the routers whose floating IPs are on the host."""
    found = {}
    for host, routers in _outside(presence):
        if len(routers) > _PAIRS:
            problems.add(f"hostvars.{host.name}", f"{len(routers)} distributed routers",
                         f"has parts of more than {_PAIRS}, and there are no more link-local pairs in {_LINK_LOCALS}")
        elif routers:
            held = {name: _index(text) for name, text in lock["link_locals"].get(host.name, {}).items()}
            chosen = numbers([router.name for router in routers], held, 0, _PAIRS - 1)
            found[host.name] = {name: f"{_LINK_LOCALS[2 * index]}/31" for name, index in chosen.items()}
    return found


def _index(text):
    """Which pair of the pool it is; -1: none."""
    address = ip_network(text, strict=False).network_address
    return (int(address) - int(_LINK_LOCALS[0])) // 2 if address in _LINK_LOCALS else -1


def _outside(presence):
    """(host, [routers of which it has a part and the way outside])"""
    for name, routers in presence.distributed.items():
        host = presence.allocated.site.hosts[name]
        yield host, [router for router in routers if router.gateway] if host.leads_outside else []


def allocate_rule_priorities(site, lock, problems):
    """{host name: {floating IP's key: priority}} of the floating IPs that are on the host of their instance."""
    keys = {}
    for floating_ip in site.floating_ips:
        if floating_ip.is_distributed:
            keys.setdefault(floating_ip.port.host.name, []).append(floating_ip.key)
    found, room = {}, PRIORITY_MAX + 1 - PRIORITY_MIN
    for host, own in keys.items():
        if len(own) > room:
            problems.add(f"hostvars.{host}", f"{len(own)} floating IPs",
                         f"has more floating IPs than the {room} priorities of their rules")
        else:
            held = lock["floating_ip_priorities"].get(host, {})
            found[host] = numbers(own, held, PRIORITY_MIN, PRIORITY_MAX)
    return found
