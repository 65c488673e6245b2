# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify asks: who must answer, who must not, on which port, and of a big site a choice of everything."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.sample import pairs

from .cloud import HOSTS, changed
from .reach import INTERNET, PORT, TENANT, V6, asked, questions_of
from .test_way import GATEWAY, NEIGHBOUR, OF_DB

GROUPS = "dataplane_security_groups"
WORLD = ("dataplane_verify_internet", INTERNET)
FIP, FIXED = "203.0.113.105", "10.0.0.2"
NOOP = changed(HOSTS, ("compute1.dataplane_firewall_driver", "noop"))


def rule(**keys):
    return {"direction": "ingress", **keys}


def tcp(low, high=None, **keys):
    return rule(protocol="tcp", port_range_min=low, port_range_max=high or low, **keys)


def default(*rules, **keys):
    """The group that everybody is in, of these rules alone."""
    return GROUPS, [{"name": "default", "rules": list(rules), **keys}]


def expected(found, origin, target):
    """{"ping" or port: whether it must be reached}"""
    return {how: probe["expect"] == "reached"
            for (one, other, how, _address), probe in found.items() if (one, other) == (origin, target)}


def test_instances_ask_gateways_and_the_world_which_sees_their_outside_address():
    found = asked(WORLD)
    assert expected(found, "web", "its gateway") == {"ping": True}
    world = "the world outside"
    assert expected(found, "web", world) == expected(found, "db", world) == {"ping": True, 7777: True}
    seen = {origin: found[origin, world, 7777, INTERNET]["expect_source"] for origin in ("web", "db")}
    assert seen == {"web": FIP, "db": "203.0.113.101"}
    assert found["web", world, 7777, INTERNET]["expect_answered_by"] == "outside"


def test_what_leaves_untranslated_is_not_asked_as_nobody_knows_who_answers_it():
    found = asked(WORLD, (f"{GATEWAY}.enable_snat", False))
    assert expected(found, "db", "the world outside") == {}
    assert expected(found, "web", "the world outside") == {"ping": True, 7777: True}, "it has a floating IP"


def test_instances_ask_each_other_in_both_families():
    found = asked(*V6)
    assert found["web", "db", 22, "10.0.1.9"]["expect_answered_by"] == "db"
    assert found["web", "db", 22, "fd00:c::2"]["expect_source"] == "fd00:b::2"
    assert ("db", "its gateway", "ping", "fd00:c::1") in found


def test_who_is_asked_listens_by_name_where_he_is_asked():
    share = questions_of()["compute1"]
    assert {"namespace": "vm-web", "port": 22, "name": "web"} in share["listeners"]
    listening = {(each["name"], each["port"]) for each in share["listeners"]}
    for probe in share["probes"]:
        if probe.get("expect_answered_by") in ("web", "db"):
            assert (probe["expect_answered_by"], probe["port"]) in listening
    assert questions_of()["outside"]["listeners"] == [{"namespace": None, "port": 7777, "name": "outside"}]


OUTSIDE = [
    ([], {"ping": False, 22: False}),
    ([rule(protocol="icmp")], {"ping": True, 22: False}),
    ([tcp(443)], {"ping": False, 443: True, 22: False}),
    ([tcp(22)], {"ping": False, 22: True, 21: False}),
    ([tcp(22, remote_ip_prefix="10.0.0.0/8")], {"ping": False, 21: False}),
    ([rule()], {"ping": True, 22: True}),
]


@pytest.mark.parametrize(("rules", "answered"), OUTSIDE)
def test_outside_asks_what_everybody_may_and_what_nobody_may(rules, answered):
    """Who asks from outside is not known: what some may and others not is not asked."""
    assert expected(asked(default(*rules)), "outside", "floating IP of web") == answered


def test_outside_asks_the_routers_and_floating_ips_that_lead_nowhere():
    spare = ("dataplane_floating_ips[1]", {"floating_network": "ext", "floating_ip_address": "203.0.113.109"})
    found = asked(spare)
    assert expected(found, "outside", "gateway of r1") == {"ping": True}
    assert expected(found, "outside", "a floating IP of nobody") == {"ping": False}


def test_a_floating_ip_is_asked_from_inside_too():
    """The far end sees a gateway or a floating IP, which is in no group: only what everybody may is answered."""
    found = asked(OF_DB)
    assert expected(found, "web", "floating IP of db") == {"ping": True, 22: True, 21: False}
    assert found["web", "floating IP of db", 22, "203.0.113.106"]["expect_source"] == FIP


def test_who_may_not_leave_reaches_nobody():
    found = asked(WORLD, default(rule(protocol="udp", direction="egress"), rule(), default_rules=False))
    assert expected(found, "web", "its gateway") == {"ping": False}
    assert expected(found, "web", "the world outside") == {"ping": False, 7777: False}
    assert expected(found, "web", "db") == {"ping": False, 22: False}


def test_where_nothing_is_filtered_nothing_is_shut():
    assert expected(asked(hosts=NOOP), "outside", "floating IP of web") == {"ping": True, 22: True}


def test_another_tenant_is_not_reached_and_would_be_known():
    found = asked(*TENANT)
    assert expected(found, "eve", "db") == {"ping": False, 22: False}
    assert {"namespace": "vm-db", "port": 22, "name": "db"} in questions_of(*TENANT)["compute1"]["listeners"]


def test_of_equal_addresses_the_own_tenants_answers():
    """db, web's neighbour, and eve, of another tenant, are both 10.0.0.9."""
    found = asked(*TENANT, *NEIGHBOUR)
    assert found["web", "db", 22, "10.0.0.9"]["expect_answered_by"] == "db"
    assert ("web", "eve", 22, "10.0.0.9") not in found, "the same question"
    assert expected(found, "eve", "web") == {"ping": False, 22: False}


def test_of_equal_addresses_the_wrong_one_is_asked_where_it_would_answer():
    shut = [(f"{PORT}[1].security_groups", ["shut"]), (f"{GROUPS}[1]", {"name": "shut"})]
    opened = [(f"{PORT}[2].security_groups", ["web"]), (f"{GROUPS}[2]", {"name": "web", "rules": [tcp(80)]})]
    found = asked(*TENANT, *NEIGHBOUR, *shut, *opened)
    assert expected(found, "web", "db") == {"ping": False, 22: False}
    assert expected(found, "web", "eve") == {80: False}


def test_a_hypervisors_instance_neither_asks_nor_is_asked():
    found = asked((f"{PORT}[0].vif", "bridge"))
    assert not any("web" in (origin, target) or target == "floating IP of web"
                   for origin, target, _how, _address in found)


def test_where_nobody_knows_nothing_is_asked():
    """Without a router of ours, the gateway of a VLAN is somebody else's."""
    assert asked(WORLD, ("dataplane_routers", []), ("dataplane_floating_ips", [])) == {}


def test_a_site_without_an_outside_host_asks_the_world_for_echoes_only():
    found = asked(WORLD, hosts={name: host for name, host in HOSTS.items() if name != "outside"})
    assert expected(found, "web", "the world outside") == {"ping": True}


# Samples

class Item:
    """An instance as the sample sees it."""

    def __init__(self, number, networks, groups):
        self.number, self.network, self.group = number, number % networks, number % 7 % groups


def big(count, networks, groups):
    return [Item(number, networks, groups) for number in range(count)]


KINDS = (lambda item: item.group, lambda item: item.network)


def test_a_small_site_is_asked_everything():
    items = big(10, 3, 2)
    assert len(set(pairs(items, items, 100, KINDS))) == 90


def test_a_big_site_is_asked_so_much_and_covered_evenly():
    items = big(5000, 20, 5)
    chosen = pairs(items, items, 1000, KINDS)
    assert len(chosen) == len(set(chosen)) == 1000
    assert all(source is not target for source, target in chosen)
    assert len({(source.network, target.network) for source, target in chosen}) == 400
    assert len({(source.group, target.group) for source, target in chosen}) == 25
    assert chosen == pairs(items, items, 1000, KINDS)


def test_more_networks_than_pairs_have_each_its_turn():
    items = big(5000, 2000, 1)
    chosen = pairs(items, items, 1000, KINDS)
    assert len({source.network for source, _target in chosen}) > 990


def test_few_targets_are_asked_by_many():
    items = big(5000, 20, 5)
    chosen = pairs(items, items[:3], 100, KINDS)
    assert len(set(chosen)) == 100
    assert {target for _source, target in chosen} == set(items[:3])
