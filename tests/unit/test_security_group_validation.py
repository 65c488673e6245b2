# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups as the Networking API means them, and every fault in them named by path, value and rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site import protocols
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import HOSTS, REMOVE, SITE, changed

ID = "5a9f2c1e-1111-2222-3333-444444444444"
GROUPS, PORT = "dataplane_security_groups", "dataplane_ports[0]"
RULE = f"{GROUPS}[1].rules[0]"


def rule(**keys):
    return {"direction": "ingress", **keys}


def group(*rules, name="web", **keys):
    """A change that adds a group to the small cloud, as its second."""
    return f"{GROUPS}[1]", {"name": name, "rules": list(rules), **keys}


def problems(*changes, hosts=()):
    with pytest.raises(SiteError) as caught:
        load(changed(SITE, *changes), changed(HOSTS, *hosts))
    return caught.value.problems


def groups(*changes):
    return {each.name: each for each in load(changed(SITE, *changes), HOSTS).security_groups}


def told(each):
    return (each.direction, each.ethertype, each.protocol, each.remote_group and each.remote_group.name)


# What groups start with

FREE_EGRESS = [("egress", "IPv4", None, None), ("egress", "IPv6", None, None)]


def test_a_group_starts_with_free_egress_and_default_also_with_its_own_members():
    found = groups((GROUPS, [{"name": "web"}]))
    assert [told(each) for each in found["web"].rules] == FREE_EGRESS
    assert [told(each) for each in found["default"].rules] == [
        *FREE_EGRESS, ("ingress", "IPv4", None, "default"), ("ingress", "IPv6", None, "default")]


def test_default_exists_also_where_nobody_declares_a_group():
    assert list(groups((GROUPS, REMOVE))) == ["default"]


def test_listed_rules_come_on_top_or_alone():
    listed = rule(protocol="tcp", port_range_min=80, port_range_max=80)
    assert [told(each) for each in groups(group(listed))["web"].rules] == [
        *FREE_EGRESS, ("ingress", "IPv4", "tcp", None)]
    assert len(groups(group(listed, default_rules=False))["web"].rules) == 1
    assert groups((f"{GROUPS}[0]", {"name": "default", "default_rules": False}))["default"].rules == []


@pytest.mark.parametrize(("change", "expected"), [
    (("name", "web"), ["default"]),
    (("security_groups", []), []),
    (("security_groups", ["web", "default"]), ["web", "default"]),
    (("port_security_enabled", False), []),
])
def test_a_port_is_in_default_unless_it_says_otherwise(change, expected):
    site = load(changed(SITE, group(), (f"{PORT}.{change[0]}", change[1])), HOSTS)
    assert [each.name for each in site.ports[0].security_groups] == expected


def test_a_rule_may_name_a_later_group_and_its_own():
    found = groups((GROUPS, [{"name": "a", "rules": [rule(remote_group="b"), rule(remote_group="a")]}, {"name": "b"}]))
    assert [each.remote_group.name for each in found["a"].rules[2:]] == ["b", "a"]


# Protocols and ethertypes

@pytest.mark.parametrize(("keys", "ethertype", "protocol"), [
    ({}, "IPv4", None),
    ({"protocol": "any"}, "IPv4", None),
    ({"protocol": 0}, "IPv4", None),
    ({"protocol": "TCP"}, "IPv4", "tcp"),
    ({"protocol": 6}, "IPv4", "tcp"),
    ({"protocol": "17"}, "IPv4", "udp"),
    ({"protocol": 200}, "IPv4", "200"),
    ({"protocol": "icmpv6"}, "IPv6", "ipv6-icmp"),
    ({"protocol": 58}, "IPv6", "ipv6-icmp"),
    ({"protocol": "icmp", "ethertype": "IPv6"}, "IPv6", "ipv6-icmp"),
    ({"protocol": 1, "remote_ip_prefix": "fd00::/8"}, "IPv6", "ipv6-icmp"),
    ({"remote_ip_prefix": "fd00::1"}, "IPv6", None),
    ({"protocol": "tcp", "ethertype": "IPv6"}, "IPv6", "tcp"),
])
def test_protocol_and_ethertype_follow_from_what_is_said(keys, ethertype, protocol):
    parsed = groups(group(rule(**keys)))["web"].rules[-1]
    assert (parsed.ethertype, parsed.protocol) == (ethertype, protocol)


@given(st.integers(0, 255))
def test_a_protocol_has_one_canonical_form_whether_number_or_text(number):
    assert protocols.canonical(number) == protocols.canonical(str(number))
    name = protocols.canonical(number)
    assert protocols.canonical(name) == name


@given(st.one_of(st.integers(), st.text()))
def test_any_other_protocol_is_refused_with_a_value_error(anything):
    try:
        assert protocols.canonical(anything) is None or protocols.canonical(anything).isprintable()
    except ValueError:
        assert str(anything).lower() not in protocols.NAMES


# Faults

def ports(low=None, high=None):
    given_ports = {"port_range_min": low, "port_range_max": high}
    return {key: value for key, value in given_ports.items() if value is not None}


RULES = [
    (ports(22, 22), "port_range_min: 22: needs a protocol that has ports"),
    ({"protocol": "any", **ports(22, 22)}, "port_range_max: 22: needs a protocol that has ports"),
    ({"protocol": "gre", **ports(22, 22)}, "port_range_min: 22: is unknown to protocol gre"),
    ({"protocol": "tcp", **ports(90, 80)}, "port_range_min: 90: must not be above port_range_max, 80"),
    ({"protocol": "udp", **ports(90)}, "port_range_max: (missing): is required with port_range_min"),
    ({"protocol": "sctp", **ports(None, 90)}, "port_range_min: (missing): is required with port_range_max"),
    ({"protocol": "tcp", **ports(0, 80)}, "port_range_min: 0: must be from 1 to 65535"),
    ({"protocol": "tcp", **ports(1, 70000)}, "port_range_max: 70000: must be from 0 to 65535"),
    ({"protocol": "icmp", **ports(256)}, "port_range_min: 256: must be from 0 to 255: it is the ICMP type"),
    ({"protocol": "icmpv6", **ports(1, 256)}, "port_range_max: 256: must be from 0 to 255: it is the ICMP code"),
    ({"protocol": "icmp", **ports(None, 0)}, "port_range_min: (missing): is required with port_range_max: they are"),
    ({"remote_group": "wob"}, "remote_group: wob: is not a known security group: did you mean web?"),
    ({"remote_group": "web", "remote_ip_prefix": "10.0.0.0/8"},
     "remote_group: web: must not stand beside remote_ip_prefix"),
    ({"remote_ip_prefix": "10.0.0.7/8"}, "remote_ip_prefix: 10.0.0.7/8: must be an IP address or a network"),
    ({"remote_ip_prefix": "10.0.0.0/8", "ethertype": "IPv6"}, "remote_ip_prefix: 10.0.0.0/8: must be IPv6, as the"),
    ({"protocol": "icmpv6", "ethertype": "IPv4"}, "protocol: ipv6-icmp: must not be in a rule of ethertype IPv4"),
    ({"protocol": "ipv6-frag", "remote_ip_prefix": "10.0.0.0/8"}, "protocol: ipv6-frag: must not be in a rule of"),
    ({"protocol": "tpc"}, "protocol: tpc: is not a known protocol: did you mean tcp?"),
    ({"protocol": 256}, "protocol: 256: is not a known protocol: a name or a number from 0 to 255"),
    ({"protocol": "-1"}, "protocol: -1: is not a known protocol: a name or a number from 0 to 255"),
    ({"ethertype": "ipv4"}, "ethertype: ipv4: must be IPv4 or IPv6"),
    ({"remote_prefix": "10.0.0.1"}, "remote_prefix: 10.0.0.1: is not a known key: did you mean remote_ip_prefix?"),
]


@pytest.mark.parametrize(("keys", "expected"), RULES, ids=[expected for _keys, expected in RULES])
def test_each_fault_of_a_rule_is_named(keys, expected):
    found = problems(group(rule(**keys)))
    assert any(line.startswith(f"{RULE}.{expected}") for line in found), found


@pytest.mark.parametrize(("first", "second", "shown"), [
    (rule(protocol="tcp", **ports(80, 80)), rule(protocol=6, **ports(80, 80)), "ingress IPv4 tcp 80-80"),
    (rule(remote_ip_prefix="0.0.0.0/0"), rule(), "ingress IPv4"),
    (rule(remote_group="web"), rule(remote_group="web", description="again"), "ingress IPv4 web"),
])
def test_a_rule_that_says_the_same_as_another_is_refused(first, second, shown):
    assert problems(group(first, second)) == [
        f"{GROUPS}[1].rules[1]: {shown}: must be unique, and is also {GROUPS}[1].rules[0]"]


def test_a_rule_that_the_group_starts_with_is_refused():
    assert problems(group({"direction": "egress"})) == [
        f"{RULE}: egress IPv4: must be unique, and is also a rule that {GROUPS}[1] has by default"]


PORTS = [
    ([(f"{PORT}.security_groups", ["web", "webs"])],
     f"{PORT}.security_groups[1]: webs: is not a known security group: did you mean web?"),
    ([(f"{PORT}.security_groups", ["web", "web"])],
     f"{PORT}.security_groups[1]: web: must be unique, and is also {PORT}.security_groups[0]"),
    ([(f"{PORT}.security_groups", ["web"]), (f"{PORT}.port_security_enabled", False)],
     f'{PORT}.security_groups: ["web"]: must be empty with port_security_enabled: false'),
    ([(f"{PORT}.allowed_address_pairs", [{"ip_address": "10.0.0.9"}]), (f"{PORT}.port_security_enabled", False)],
     f"{PORT}.allowed_address_pairs: "),
    ([(f"{PORT}.allowed_address_pairs", [{"ip_address": "fa:16:3e:00:00:01"}])],
     f"{PORT}.allowed_address_pairs[0].ip_address: fa:16:3e:00:00:01: must be an IP address or a network"),
    ([(f"{PORT}.security_groups", ["web", "default"]), (f"{GROUPS}[1].stateful", False)],
     f'{PORT}.security_groups: ["web", "default"]: must be all stateful or all stateless'),
    ([("dataplane_ports[0].id", ID), ("dataplane_ports[1].id", ID[:10] + "0" + ID[11:])],
     f"dataplane_ports[1].id: {ID[:10]}0{ID[11:]}: must differ from the id of dataplane_ports[0].id in the first 10"),
    ([(f"{GROUPS}[0].id", ID), (f"{GROUPS}[1].id", ID[:-1] + "0")],
     f"{GROUPS}[1].id: {ID[:-1]}0: must differ from the id of {GROUPS}[0].id in the first 24 characters"),
    ([(f"{GROUPS}[1].name", "default")],
     f"{GROUPS}[1].name: default: must be unique, and is also the name of {GROUPS}[0]"),
]


@pytest.mark.parametrize(("changes", "expected"), PORTS, ids=[expected for _changes, expected in PORTS])
def test_each_fault_of_ports_and_groups_is_named(changes, expected):
    found = problems(group(), *changes)
    assert any(line.startswith(expected) for line in found), found


def test_only_a_host_that_makes_bridges_takes_a_hypervisors_tap():
    load(changed(SITE, (f"{PORT}.vif", "bridge")), HOSTS)
    found = problems((f"{PORT}.vif", "bridge"), hosts=[("compute1.dataplane_firewall_driver", "noop")])
    assert len(found) == 1
    assert found[0].startswith(f"{PORT}.vif: bridge: needs dataplane_firewall_driver iptables_hybrid on compute1")


def test_a_group_at_fault_causes_no_further_faults():
    """The bad group is refused once; ports and rules that refer to it are not."""
    referring = [(f"{PORT}.security_groups", ["web"]), (f"{GROUPS}[2]", {"name": "b", "rules": [rule(
        remote_group="web")]})]
    assert len(problems(group(colour="blue"), *referring)) == 1
