# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that are asked about connections answer as the rules that they were made of, and only what is lost is lost."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import (
    lost,
    names,
    parse,
    protocols,
    render,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.connections import Entry
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.verdict import Connection, Rules, read

GROUPS = [f"{number}a9f2c1e-1111-2222-3333-444444444444" for number in range(3)]
PORT = "7c7ae61e-05aa-4e3c-9f42-0f1f2c3d4e5f"
KEY = names.device_id(PORT)
OWN = {"IPv4": "10.0.0.3", "IPv6": "fd00::3"}
REMOTES = {"IPv4": ["10.0.0.9", "10.0.1.1", "192.0.2.7"], "IPv6": ["fd00::9", "fd00:0:0:1::1", "2001:db8::7"]}
PREFIXES = {"IPv4": ["10.0.0.0/23", "10.0.1.1/32", "192.0.2.0/24", "0.0.0.0/0"],
            "IPv6": ["fd00::/64", "fd00:0:0:1::/64", "2001:db8::7/128", "::/0"]}
PROTOCOL_NAMES = protocols.printed()

ETHERTYPES = st.sampled_from(["IPv4", "IPv6"])
DIRECTIONS = st.sampled_from(["ingress", "egress"])
PORTS = st.sampled_from([21, 22, 23, 80, 90])


@st.composite
def rules(draw):
    ethertype = draw(ETHERTYPES)
    rule = {"direction": draw(DIRECTIONS), "ethertype": ethertype}
    protocol = draw(st.sampled_from([None, "tcp", "udp", "sctp", "udplite", "icmp", 112]))
    if protocol:
        rule["protocol"] = protocol
    if protocol == "icmp" and draw(st.booleans()):
        rule["port_range_min"] = draw(st.sampled_from([8, 128, 13]))
        if draw(st.booleans()):
            rule["port_range_max"] = draw(st.sampled_from([0, 1]))
    elif protocol not in (None, "icmp", 112) and draw(st.booleans()):
        rule["port_range_min"], rule["port_range_max"] = sorted([draw(PORTS), draw(PORTS)])
    remote = draw(st.sampled_from(["anybody", "prefix", "group"]))
    if remote == "prefix":
        rule["remote_ip_prefix"] = draw(st.sampled_from(PREFIXES[ethertype]))
    elif remote == "group":
        rule["remote_group_id"] = draw(st.sampled_from(GROUPS))
    return rule


ADDRESSES = st.lists(st.sampled_from([prefix for each in PREFIXES.values() for prefix in each[:3]]), unique=True)


@st.composite
def worlds(draw):
    """A config of groups, and the groups of the port."""
    config = [{"id": group, "rules": draw(st.lists(rules(), max_size=4)), "addresses": draw(ADDRESSES)}
              for group in GROUPS]
    return config, draw(st.lists(st.sampled_from(GROUPS), unique=True, max_size=3))


@st.composite
def connections(draw):
    """(direction, ethertype, Connection)"""
    direction, ethertype = draw(DIRECTIONS), draw(ETHERTYPES)
    ends = [ip_address(OWN[ethertype]).packed, ip_address(draw(st.sampled_from(REMOTES[ethertype]))).packed]
    source, target = ends if direction == "egress" else ends[::-1]
    protocol = draw(st.sampled_from([6, 17, 132, 136, 112, 1 if ethertype == "IPv4" else 58]))
    if protocol in (1, 58):
        kind = draw(st.sampled_from([8, 128, 13])), draw(st.sampled_from([0, 1]))
        return direction, ethertype, Connection(protocol, source, target, kind=kind)
    if protocol == 112:
        return direction, ethertype, Connection(protocol, source, target)
    return direction, ethertype, Connection(protocol, source, target, 40000, draw(PORTS))


def allowed(world, direction, ethertype, connection):
    """The same question to the rules as the API describes them."""
    config, member_of = world
    members = {group["id"]: group["addresses"] for group in config}
    if ethertype == "IPv6" and direction == "egress" and connection.protocol == 58:
        return True  # neighbour discovery and more: every port may
    return any(
        _allows(rule, members, connection, connection.source if direction == "ingress" else connection.target)
        for group in config if group["id"] in member_of
        for rule in group["rules"]
        if (rule["direction"], rule["ethertype"]) == (direction, ethertype)
    )


def _allows(rule, members, connection, remote):
    protocol = protocols.number(rule.get("protocol", 0))
    protocol = 58 if (protocol, rule["ethertype"]) == (1, "IPv6") else protocol
    prefixes = [rule["remote_ip_prefix"]] if "remote_ip_prefix" in rule else members.get(rule.get("remote_group_id"))
    if protocol and protocol != connection.protocol:
        return False
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    if low is not None and protocol in (1, 58):
        if connection.kind[0] != low or high not in (None, connection.kind[1]):
            return False
    elif low is not None and not low <= connection.target_port <= high:
        return False
    return prefixes is None or any(ip_address(remote) in ip_network(prefix) for prefix in prefixes)


def filter_of(world, zone=4097, fixed_ips=("10.0.0.3", "fd00::3")):
    """The Filter of a host with that one port."""
    config, member_of = world
    port = {"port_id": PORT, "mac_address": "fa:16:3e:00:00:03", "fixed_ips": list(fixed_ips),
            "security_groups": member_of, "zone": zone, "mtu": 1450}
    groups, ports, _plugs = parse.parse(config, [port])
    members = {names.ipset(group.id, ethertype): [a for a in group.addresses if (":" in a) == (ethertype == "IPv6")]
               for group in groups.values() for ethertype in OWN}
    found = {family: {KEY: render.Renderer(family, groups, PROTOCOL_NAMES).chains(ports[KEY])}
             for family in names.ETHERTYPES}
    return lost.Filter(found, members, PROTOCOL_NAMES)


NOBODY = lost.Filter({"ipv4": {}, "ipv6": {}}, {}, PROTOCOL_NAMES)


@given(worlds(), connections())
def test_the_text_of_rules_answers_as_the_rules_do(world, connection):
    direction, ethertype, first = connection
    inward, outward = direction == "ingress", direction == "egress"
    assert filter_of(world).allows(KEY, ethertype.lower(), first, inward, outward) == allowed(world, *connection)


@given(worlds(), worlds(), st.lists(connections(), max_size=6))
def test_lost_is_what_was_allowed_and_is_not(before, after, met):
    found = [Entry(4097, connection, b"") for _direction, _ethertype, connection in met]
    one, other = filter_of(before), filter_of(after)
    held = lost.zones(one, other)
    gone = lost.entries([entry for entry in found if entry.zone in held], held, one, other)
    assert gone == [
        entry for entry, asked in zip(found, met) if allowed(before, *asked) and not allowed(after, *asked)]


@given(worlds(), st.lists(connections(), min_size=1, max_size=6))
def test_a_zone_that_nobody_has_any_more_is_emptied_and_a_new_one_holds_only_what_is_allowed(world, met):
    found = [Entry(4097, connection, b"") for _direction, _ethertype, connection in met]
    port = filter_of(world)
    assert lost.entries(found, lost.zones(port, NOBODY), port, NOBODY) == found
    assert lost.entries(found, lost.zones(NOBODY, port), NOBODY, port) == [
        entry for entry, asked in zip(found, met) if not allowed(world, *asked)]


@given(worlds())
def test_where_nothing_changes_no_connection_is_looked_at(world):
    assert lost.zones(filter_of(world), filter_of(world)) == {}


@given(worlds())
def test_a_zone_that_another_number_takes_over_is_emptied(world):
    assert lost.zones(filter_of(world, 4097), filter_of(world, 4098)) == {4097: None, 4098: KEY}


def test_what_spoke_from_an_address_that_is_the_ports_no_more_is_lost():
    everything = [{"direction": "ingress"}, {"direction": "egress"}]
    world = [{"id": GROUPS[0], "rules": everything, "addresses": []}], [GROUPS[0]]
    before, after = filter_of(world), filter_of(world, fixed_ips=["10.0.0.4"])
    entry = Entry(4097, Connection(6, ip_address("10.0.0.3").packed, ip_address("192.0.2.7").packed, 40000, 80), b"")
    assert lost.entries([entry], lost.zones(before, after), before, after) == [entry]


def test_a_rule_of_unknown_words_may_have_let_in_and_has_not_dropped_what_is_there():
    rules_of = {"in": ["-m ttl --ttl-eq 64 -j DROP", "-p tcp -m ttl --ttl-eq 64 -j RETURN", "-j DROP"]}
    text = Rules(rules_of, {}, {6: "tcp", 17: "udp"})
    ends = ip_address("10.0.0.9").packed, ip_address("10.0.0.3").packed
    assert text.allow("in", Connection(6, *ends, 1, 2))
    assert not text.allow("in", Connection(17, *ends, 1, 2))


def test_a_rule_is_read_with_its_comment_and_numbers():
    found = read('-s 10.0.0.0/8 -p 113 -m comment --comment "-j not here" -j RETURN', {})
    assert (found.jump, found.protocol, found.unread) == ("RETURN", 113, False)
