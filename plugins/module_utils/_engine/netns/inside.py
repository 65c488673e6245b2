# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the steps of one namespace, from inside it. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import errno

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, offload, sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.observe import RULE_KEY
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.target import replaced
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import (
    address,
    inet,
    link,
    neighbour,
    route,
    rule,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

#: What the kernel says to a route whose gateway nothing leads to any more.
_NO_WAY_ANY_MORE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL, errno.ENETDOWN)


def before_links(steps, root, own):
    """The mark, the settings of the whole namespace, and the links that go. own: descriptor of the root namespace."""
    requests = []
    for step in steps:
        if step.kind == "namespace" and step.before is not None:
            requests.append(link.change("lo", up=step.after["lo_up"], alias=alias_of(step.after)))
        elif step.kind == "links" and step.before and (step.after is None or replaced(step.before, step.after)):
            moves_out = step.before["plug"] == "internal" and step.key not in root
            requests.append(link.move(step.key, own) if moves_out else link.delete(step.key))
    with Netlink() as netlink:
        netlink.write(requests)
    sysctl.write_all({s.key: s.after for s in steps if s.kind == "sysctls" and not sysctl.device_of(s.key)})


def alias_of(after):
    """The mark of a namespace or link, or none: undoing an adoption takes it away again."""
    return mark.alias(after["owner"]) if after["owner"] else ""


def after_links(steps, target):
    """Everything else, when all links are there."""
    changed = {step.key: step for step in steps if step.kind == "links" and step.after}
    with Netlink() as netlink:
        netlink.write([_attributes(name, step) for name, step in changed.items()])
        for name, step in changed.items():
            if step.after["tx_checksumming"] is not None:
                offload.set_tx_checksumming(name, step.after["tx_checksumming"])
        _device_sysctls(steps, target)
        indexes = {name: found["index"] for name, found in link.dump(netlink).items()}
        requests = [link.change(name, up=step.after["up"]) for name, step in changed.items()]
        netlink.write(requests + _requests(steps, target, indexes))


def _attributes(name, step):
    """What can only be set, or is only kept, once the link is in its namespace."""
    before = step.before if step.before and not replaced(step.before, step.after) else {}
    new = {key: step.after[key] for key in ("mtu", "mac_address") if step.after[key] != before.get(key)}
    return link.change(name, alias=alias_of(step.after), **new)


def _device_sysctls(steps, target):
    """A setting of the whole namespace changes those of the devices with it, so then all of these are written."""
    settings = [step for step in steps if step.kind == "sysctls"]
    if any(not sysctl.device_of(step.key) for step in settings):
        keys = [key for key, value in target["sysctls"].items() if sysctl.device_of(key) and value is not None]
    else:
        keys = [step.key for step in settings]
    sysctl.write_all({key: target["sysctls"][key] for key in keys})


def _requests(steps, target, indexes):
    """Requests for addresses, routes, rules and neighbours.

    New IPv4 addresses come before old ones go: with its last IPv4 address a device
    loses its routes. IPv6 goes the other way: there an address exists once on a device,
    whatever its prefix length.
    """
    gone, new = ({kind: [] for kind in ("addresses", "routes", "rules", "neighbours")} for dummy in range(2))
    for step in steps:
        if step.kind in gone:
            (new if step.after is not None else gone)[step.kind].append(step)
    # A neighbour or address without its device is gone already.
    requests = [neighbour.delete(indexes[s.key[0]], s.key[1]) for s in gone["neighbours"] if s.key[0] in indexes]
    requests += [rule.delete(_rule(step.key)) for step in gone["rules"]]
    requests += [route.delete(_route(step.key, step.before, indexes)) for step in gone["routes"]]
    requests += _addresses(gone["addresses"], new["addresses"], indexes)
    requests += _taken_along(steps, target, indexes)
    # Routes without a gateway first: over them gateways outside the device's subnet are reached.
    for step in sorted(new["routes"], key=lambda step: any(hop["gateway"] for hop in step.after["nexthops"])):
        write = route.create if step.before is None else route.replace
        requests.append(write(_route(step.key, step.after, indexes)))
    requests += [rule.create(_rule(step.key)) for step in new["rules"]]
    for step in new["neighbours"]:
        index = _index(indexes, step.key[0], f"neighbour {step.key[1]}")
        requests.append(neighbour.replace(index, step.key[1], step.after))
    return requests


def _addresses(gone, new, indexes):
    deletions = [(s.key[1], address.delete(indexes[s.key[0]], s.key[1])) for s in gone if s.key[0] in indexes]
    # Another broadcast address: the kernel changes none in place.
    requests = [address.delete(indexes[step.key[0]], step.key[1]) for step in new if step.before is not None]
    requests += [request for prefix, request in deletions if ":" in prefix]
    requests += [_create_address(step.key, step.after, indexes) for step in new]
    return requests + [request for prefix, request in deletions if ":" not in prefix]


def _taken_along(steps, target, indexes):
    """Write again what the kernel may take along when an IPv4 address goes or a MAC address changes.

    With the first address of a subnet go the others of it (unless promote_secondaries is
    set), with the last address of a device its routes and neighbours, and with any
    address the routes that prefer it as their source. A device with another MAC address
    has no neighbours, not even permanent ones.
    """
    gone = [step.key for step in steps if step.kind == "addresses" and step.before and ":" not in step.key[1]]
    renamed = {step.key for step in steps if step.kind == "links" and _changes_mac(step)}
    if not gone and not renamed:
        return []
    subnets = {(device, inet.subnet(prefix)) for device, prefix in gone}
    devices = {device for device, _prefix in gone}
    sources = {prefix.partition("/")[0] for _device, prefix in gone}
    changed = {step.key for step in steps}
    requests = [
        _create_address(key, value, indexes)
        for key, value in target["addresses"].items()
        if key[0] in devices and ":" not in key[1] and (key[0], inet.subnet(key[1])) in subnets
    ]
    for key, value in target["routes"].items():
        hit = value["source"] in sources or any(hop["device"] in devices for hop in value["nexthops"])
        if hit and key[0] == "ipv4" and key not in changed:
            requests.append(route.replace(_route(key, value, indexes)))
    for key, value in target["neighbours"].items():
        hit = key[0] in renamed or (key[0] in devices and ":" not in key[1])
        if hit and key not in changed:
            requests.append(neighbour.replace(_index(indexes, key[0], f"neighbour {key[1]}"), key[1], value))
    # What is listed and did not come back is found when the namespace is read again.
    return [dataclasses.replace(request, tolerate=_NO_WAY_ANY_MORE) for request in requests]


def _changes_mac(step):
    return step.before and step.after and step.before["mac_address"] != step.after["mac_address"]


def _index(indexes, device, what):
    try:
        return indexes[device]
    except KeyError:
        raise EngineError(f"{what} needs the device {device}, which is not in the namespace")


def _create_address(key, value, indexes):
    return address.create(_index(indexes, key[0], f"address {key[1]}"), key[1], value["broadcast"], replace=True)


def _route(key, value, indexes):
    family, table, destination, metric = key
    hops = [
        {**hop, "device": hop["device"] and _index(indexes, hop["device"], f"route {destination}")}
        for hop in value["nexthops"]
    ]
    head = {"family": family, "table": table, "destination": destination, "metric": metric}
    return {**head, **value, "nexthops": hops}


def _rule(key):
    """A rule as Neutron makes it, without saying by whom."""
    return {**dict(zip(RULE_KEY, key)), "protocol": rule.UNSPECIFIED}
