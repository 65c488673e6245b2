# SPDX-License-Identifier: GPL-3.0-or-later
"""A withdrawn rule takes the connections with it that only it allowed, and no others; teardown takes everything."""

from __future__ import annotations

import copy
import json

import pytest

from tests.lab import Ping, Stream

ECHO = 8051  # of the range 8000 to 8100


@pytest.fixture
def site(lab):
    known = ("dataplane_ports", "dataplane_security_groups")
    return {name: copy.deepcopy(lab.site()[name]) for name in known}


def by_name(items, name):
    return next(item for item in items if item["name"] == name)


def converge(lab, site):
    return lab.play("site.yml", "--extra-vars", json.dumps(site))


def stream(lab, source, target, address, port):
    hosts = {"1": "compute1", "2": "compute2"}
    return Stream(lab, hosts[source[-1]], hosts[target[-1]], f"vm-{target}", address, port, f"vm-{source}")


def test_full_size_packets_pass(instances, model):
    address, address6 = model.address("plain2", 4), model.address("plain2", 6)
    instances["plain1"].ping(address, size=1450 - 28)
    instances["plain1"].ping(address6, size=1450 - 48)


def test_a_withdrawn_rule_cuts_its_connections_only(lab, site):
    cut = stream(lab, "client1", "web2", "10.1.0.5", ECHO)
    others = [
        stream(lab, "client2", "web1", "10.1.0.4", 80),  # another rule of the same group
        stream(lab, "plain1", "web2", "10.1.0.5", 8052),  # allowed by this rule and by group default, too
        Ping(lab, "compute1", "vm-client1", "10.1.0.5"),
    ]
    web = by_name(site["dataplane_security_groups"], "web")
    web["rules"] = [rule for rule in web["rules"] if rule.get("port_range_min") != 8000]
    run = converge(lab, site)

    cut.assert_cut()
    for each in others:
        each.assert_unbroken()
    for _host, change in run.placed():
        assert "8000" in json.dumps(change), change
    assert lab.play("site.yml").objects(), "the rule is back"


def test_who_leaves_a_group_loses_what_only_its_members_may(lab, site):
    cut = stream(lab, "plain1", "plain2", "10.1.0.3", ECHO)
    others = [
        stream(lab, "web2", "plain1", "10.1.0.2", 8053),  # plain1 is left in no group that would let it in ...
        stream(lab, "client2", "web1", "10.1.0.4", 80),
        Ping(lab, "compute2", "vm-web2", "10.1.0.3"),
    ]
    by_name(site["dataplane_ports"], "plain1")["security_groups"] = ["clients"]
    converge(lab, site)

    cut.assert_cut()
    others[0].assert_cut()  # ... so this one goes as well
    for each in others[1:]:
        each.assert_unbroken()
    lab.play("site.yml")


@pytest.mark.parametrize("host", ["compute1", "compute2"])
def test_rules_set_by_hand_are_put_right_and_nothing_else(lab, host):
    lab.sh(host, "iptables -D neutron-openvswi-sg-chain 1; ip6tables -F neutron-openvswi-FORWARD; ipset flush")
    predicted, healed = lab.play("site.yml", "--check", "--limit", host), lab.play("site.yml", "--limit", host)
    assert healed.objects()
    assert predicted.objects() == healed.objects()
    assert lab.play("site.yml", "--limit", host).changes() == {}
