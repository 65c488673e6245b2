# SPDX-License-Identifier: GPL-3.0-or-later
"""What is added goes in beside what runs: no ping and no stream loses anything, and only what is new is touched."""

from __future__ import annotations

import copy
import json

import pytest

from tests.lab import Ping, Stream

SSH = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
WHITE = {
    "name": "white",
    "network_type": "vxlan",
    "segmentation_id": 300,
    "subnets": [{"name": "white-subnet", "cidr": "10.0.6.0/24", "gateway_ip": None, "enable_dhcp": False}],
}
RELOADED = {"state": "running", "by": "reload"}


def port(name, network, host, address):
    return {
        "name": name,
        "network": network,
        "binding_host_id": host,
        "fixed_ips": [{"subnet": f"{network}-subnet", "ip_address": address}],
    }


#: Of some thousand packets. Whenever a link of the host comes or goes, the userspace datapath of Open vSwitch 3.1 reads
#: its routes anew (route-table.c, name_table_change), and for a fraction of a millisecond finds no way for a tunnel.
TUNNELS_LOSE_AT_MOST = 10


@pytest.fixture(scope="module")
def traffic(lab):
    """Pings, twenty a second, and streams over networks of every type. They must come through unharmed."""
    tunnelled = [
        Ping(lab, "compute1", "vm-blue1", "10.0.0.2"),
        Stream(lab, "compute1", "compute2", "vm-green2", "10.0.3.2", client_namespace="vm-green1"),
        Stream(lab, "compute3", "compute2", "vm-gold2", "10.0.4.2", client_namespace="vm-gold3"),
    ]
    others = [
        Ping(lab, "compute3", "vm-grey3", "10.0.5.1"),
        Stream(lab, "compute1", "compute1", "vm-blue4", "10.0.0.4", client_namespace="vm-blue1"),
    ]
    yield
    for each in others:
        each.assert_unbroken()
    for each in tunnelled:
        each.assert_unbroken(TUNNELS_LOSE_AT_MOST)


@pytest.fixture(scope="module")
def site(lab):
    """The site's variables, which grow from test to test."""
    known = ("dataplane_networks", "dataplane_ports", "dataplane_security_groups")
    return {name: copy.deepcopy(lab.site().get(name, [])) for name in known}


def converge(lab, site):
    return lab.play("site.yml", "--extra-vars", json.dumps(site))


def assert_only_adds(run):
    """What is there already stays as it is; lists only grow, and a DHCP server reads its own again."""
    for _host, change in run.placed():
        if change["action"] != "create" and change["after"] != RELOADED:
            assert grows(change["before"], change["after"]), change


def grows(before, after):
    """Whether after is before and more: a tunnel appended to a flow, a member to a group, a rule to a chain."""
    if isinstance(before, dict):
        return all(grows(value, after[key]) for key, value in before.items())
    if isinstance(before, list):
        return [each for each in after if each in before] == before
    return before is None or before == after or (isinstance(before, str) and after.startswith(before))


def test_a_network(lab, traffic, site):
    site["dataplane_networks"].append(WHITE)
    site["dataplane_ports"] += [
        port("white1", "white", "compute1", "10.0.6.1"),
        port("white2", "white", "compute2", "10.0.6.2"),
    ]
    run = converge(lab, site)
    assert_only_adds(run)
    elsewhere = [change["object"] for host, change in run.placed() if host == "compute3"]
    assert all(each.startswith("ipset ") for each in elsewhere), "they are members of group default, nothing else"
    lab.sh("compute1", "ip netns exec vm-white1 ping -c 3 -i 0.2 -W 2 10.0.6.2")


def test_a_port_that_takes_its_network_to_another_host(lab, traffic, site):
    site["dataplane_ports"].append(port("green3", "green", "compute3", "10.0.3.3"))
    run = converge(lab, site)
    assert_only_adds(run)
    assert any("gre-0a000121" in change["object"] for _host, change in run.placed()), "a tunnel to compute3"
    lab.sh("compute3", "ip netns exec vm-green3 ping -c 3 -i 0.2 -W 2 10.0.3.1")


def test_a_security_group_rule(lab, traffic, site):
    site["dataplane_security_groups"] = [{"name": "default", "rules": [SSH]}]
    run = converge(lab, site)
    assert_only_adds(run)
    assert {host for host, _change in run.placed()} == {"compute1", "compute2", "compute3"}
    assert all("22" in json.dumps(change) for _host, change in run.placed())


def test_taking_all_of_that_away_again(lab, traffic):
    assert lab.play("site.yml").objects(), "something was taken away"
