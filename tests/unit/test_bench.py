# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own arithmetic: what it extrapolates, what it calls met, what it hands to the tools."""

from __future__ import annotations

import pytest

from tests import remote
from tests.bench import planning, raw, report, routers, security_groups, services


def test_the_stock_play_grows_linearly():
    assert report.stock_at({1: 8.0, 10: 17.0}, 100) == (107.0, "extrapolated from 1 and 10")


def test_a_measured_stock_play_is_not_extrapolated():
    assert report.stock_at({1: 8.0, 10: 17.0, 100: 120.0}, 100) == (120.0, "measured")


@pytest.mark.parametrize(("figure", "at_least", "met"), [(1.5, False, True), (1.6, False, False), (49, True, False)])
def test_an_aim_is_a_limit_from_either_side(figure, at_least, met):
    assert report.Aim("speed", figure, 50 if at_least else 1.5, at_least=at_least).met is met


def test_names_of_devices_fit_the_kernel_and_differ():
    cloud = routers.cloud(50, 2, "veth")
    names = [name for space in cloud["namespaces"] for link in space["links"] for name in (link["name"], link["peer"])]
    assert len(set(names)) == 300
    assert max(map(len, names)) <= 15


def test_by_hand_every_floating_ip_has_its_three_rules():
    cloud = routers.cloud(1, 10, "internal")
    text = raw.restore(cloud["nat_rules"][0], cloud["floating_ips"])
    assert text.count("-j DNAT --to-destination 10.0.1.") == 20
    assert text.count("-j SNAT --to-source 172.17.0.") == 10


def test_pairs_are_what_each_port_is_to_others():
    ports = [("a", "one"), ("a", "one"), ("a", "two"), ("b", "one"), ("b", "three")]
    site = {"dataplane_ports": [{"network": network, "binding_host_id": host} for network, host in ports]}
    assert planning.pairs(site) == 3 * 1 + 2 * 1


def test_a_small_site_is_planned_and_planned_again():
    row = planning.measure(3, 2, 10)
    assert row["ports"] == 10 and set(row["first"]) == {"read", "validate", "allocate", "compile", "write"}


def test_growth_is_judged_by_ports_and_pairs():
    def row(scale, seconds):
        return {"hosts": 1, "networks": 1, "ports": 100 * scale, "pairs": 900 * scale,
                "first": {"compile": seconds}, "memory": 9}

    (linear,) = report.aims({"planning": [row(1, 2.0), row(4, 8.0)], "routers": [], "play": {}, "stock": {}})
    (worse,) = report.aims({"planning": [row(1, 2.0), row(4, 32.0)], "routers": [], "play": {}, "stock": {}})
    assert (linear.figure, linear.met) == (1.0, True)
    assert (worse.figure, worse.met) == (4.0, False)


def test_the_filtered_ports_of_the_bench_have_twenty_rules_in_both_families():
    wanted = security_groups.host(50, plug=False)
    assert {len(group["rules"]) for group in wanted["config"]} == {20}
    assert len({port["zone"] for port in wanted["ports"]}) == 50
    assert all(port["security_groups"][0] in {group["id"] for group in wanted["config"]} for port in wanted["ports"])


def test_the_loop_starts_what_the_services_are_but_in_the_background():
    (service,) = remote.dhcp_services(1)
    script = services.loop([service])
    assert "printf 'fa:16:3e:00:00:11,host-10-0-0-3,10.0.0.3\n' >/var/lib/neutron/dhcp/many-0/host" in script
    words = script.splitlines()[-1].split()
    assert words[:4] == ["ip", "netns", "exec", service["namespace"]]
    assert set(service["command"]) - set(words) == {"--keep-in-foreground", "--pid-file="}
