# SPDX-License-Identifier: GPL-3.0-or-later
"""The config of the module netns, checked and normalised. PRIVATE to the collection. Pure."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import deaf, fields, sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns import parse_routing
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet

ITEM = ("name", "sysctls", "links", "routes", "rules", "neighbours", "keep_floating_ips", "keep_addresses")
LINK = (
    "name", "plug", "peer", "peer_namespace", "mac_address", "mtu", "peer_mtu", "keep_mtu", "tx_checksumming",
    "addresses",
)  # fmt: skip
MTU = fields.integer(68, 65535)
NEIGHBOUR = ("device", "address", "mac_address")


def parse(config):
    """{name: namespace} as the package describes it, plus what purge keeps. Raises BadInput with every problem.

    In links, None for mac_address and tx_checksumming leaves them as they are, and keep_mtu
    the mtu of a link that is there; in a route's nexthops, None for a gateway's device lets
    the kernel find it.
    """
    problems, wanted, seen, far = [], {}, {}, []
    for index, data in enumerate(config):
        item = fields.Fields(data, f"config[{index}]", problems, ITEM)
        name = item.get("name", _namespace_name, required=True)
        namespace = _namespace(item, seen, far)
        if name is not None and _first(seen, ("namespace", name), item, ".name", name):
            wanted[name] = namespace
    for link, device, end in far:
        _check_far_end(link, device, end, wanted)
    if problems:
        raise BadInput(problems)
    return wanted


def parse_names(config):
    """The names alone, for state absent."""
    problems, names = [], {}
    for index, data in enumerate(config):
        item = fields.Fields(data, f"config[{index}]", problems, ITEM)
        name = item.get("name", _namespace_name, required=True)
        if name in names:
            item.problem(".name", name, f"is already given by {names[name]}")
        names[name] = item.path
    if problems:
        raise BadInput(problems)
    return list(names)


def _namespace_name(value):
    name = fields.string(value)
    if "/" in name or name in (".", "..") or len(name.encode()) > 255:
        raise ValueError("is not a name for a file in /run/netns")
    return name


def _first(seen, key, item, suffix, value):
    """Whether nothing earlier had this key; otherwise a problem that names both places. A value of None is no value."""
    if value is None:
        return False
    earlier = seen.setdefault(key, f"{item.path}{suffix}")
    if earlier != f"{item.path}{suffix}":
        item.problem(suffix, value, f"is already given by {earlier}")
        return False
    return True


def _check_far_end(link, device, end, wanted):
    """A veth between two namespaces is a link of both. link: its Fields; end: what was read from them."""
    peer, other = end["peer"], end["peer_namespace"]
    if other not in wanted:
        link.problem(".peer_namespace", other, "is not an item of this call, as both namespaces of a veth must be")
        return
    own = next((name for name, namespace in wanted.items() if namespace["links"].get(device) is end), None)
    twin = wanted[other]["links"].get(peer)
    if own == other:
        link.problem(".peer_namespace", other, "is the namespace itself")
    elif own and peer and (twin is None or (twin["peer"], twin["peer_namespace"]) != (device, own)):
        link.problem(".peer", peer, f"must be a link of {other} with peer {device} and peer_namespace {own}")


def _namespace(item, seen, far):
    namespace = {
        "sysctls": _sysctls(item),
        "links": {},
        "addresses": {},
        "neighbours": {},
        "keep_floating_ips": item.get("keep_floating_ips", fields.boolean, False),
        "keep_addresses": item.get("keep_addresses", fields.boolean, False),
    }
    for suffix, data in item.items("links"):
        link = item.below(suffix, data, LINK)
        name = link.get("name", fields.device, required=True)
        namespace["links"][name] = _link(link, name, seen)
        if namespace["links"][name]["peer_namespace"]:
            far.append((link, name, namespace["links"][name]))
        _first(seen, (item.path, "link", name), link, ".name", name)
        namespace["addresses"].update(_addresses(link, name, seen))
    for suffix, data in item.items("neighbours"):
        key, mac = _neighbour(item.below(suffix, data, NEIGHBOUR))
        if _first(seen, (item.path, "neighbour", key), item, suffix, " ".join(map(str, key))):
            namespace["neighbours"][key] = mac
    for kind, read in (("routes", parse_routing.route), ("rules", parse_routing.rule)):
        namespace[kind] = {}
        for suffix, data in item.items(kind):
            key, value = read(item.below(suffix, data, parse_routing.KEYS[kind]))
            if key and _first(seen, (item.path, kind, key), item, suffix, parse_routing.describe(key)):
                namespace[kind][key] = value
    return namespace


def _sysctls(item):
    wanted = {}
    for key, value in item.mapping("sysctls").items():
        if not sysctl.valid_key(str(key)) or not key.startswith("net."):
            item.problem(f".sysctls.{key}", value, "is not a sysctl of a network namespace (net.part.part)")
        elif not isinstance(value, (int, str)) or not sysctl.value_text(value):
            item.problem(f".sysctls.{key}", value, "must be a number or text")
        else:
            wanted[key] = sysctl.value_text(value)
    return wanted


def _link(link, name, seen):
    plug = link.get("plug", fields.choice("veth", "internal"), required=True)
    veth = plug == "veth"
    peer = link.get("peer", fields.device, required=veth)
    other = link.get("peer_namespace", _namespace_name)
    mtu, peer_mtu = link.get("mtu", MTU, 1500), link.get("peer_mtu", MTU)
    for key, value in (("peer", peer), ("peer_namespace", other), ("peer_mtu", peer_mtu)):
        if value and not veth:
            link.problem(f".{key}", value, "only a link with plug veth has a peer")
    if peer_mtu and other:
        link.problem(".peer_mtu", peer_mtu, f"the peer is a link of {other}, which has its own mtu")
    # All these names stand side by side in the root namespace, at least until they are moved.
    if (peer and not other) or plug == "internal":
        _first(seen, ("root device", peer or name), link, ".peer" if peer else ".name", peer or name)
    return {
        "plug": plug,
        "peer": peer,
        "peer_namespace": other,
        "mac_address": link.get("mac_address", fields.mac_address),
        "mtu": mtu,
        "keep_mtu": link.get("keep_mtu", fields.boolean, False),
        "up": True,
        "tx_checksumming": link.get("tx_checksumming", fields.boolean),
        "peer_mtu": (peer_mtu or mtu) if veth and not other else None,
        "peer_up": True if veth and not other else None,
        "peer_sysctls": deaf.sysctls(peer) if veth and peer and not other else None,
        "orphan": False,
    }


def _addresses(link, device, seen):
    found = {}
    for suffix, value in link.items("addresses"):
        try:
            prefix = fields.interface_address(value)
        except ValueError as error:
            link.problem(suffix, value, error)
            continue
        _first(seen, (link.path, "address", prefix.partition("/")[0]), link, suffix, value)
        found[device, prefix] = {"broadcast": _broadcast(prefix), "kernel": False, "connected": True}
    return found


def _broadcast(prefix):
    """The broadcast address that goes with an address. A /31 has none (RFC 3021); a /32's is itself, as Neutron's."""
    _family, data, length = inet.pack_prefix(prefix)
    if len(data) == 16 or length == 31:
        return None
    return inet.unpack(inet.broadcast(data, length))


def _neighbour(neighbour):
    key = (
        neighbour.get("device", fields.device, required=True),
        neighbour.get("address", fields.address, required=True),
    )
    return key, neighbour.get("mac_address", fields.mac_address, required=True)
