# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts are up and wired, also the one that was rebooted."""

from __future__ import annotations

import pytest

HOSTS = {"one": "10.0.0.11", "two": "10.0.0.52", "gateway": "10.0.0.13"}


@pytest.mark.parametrize("name", HOSTS)
def test_services_run(lab, name):
    for service in ("openvswitch-switch", "ssh"):
        assert lab.host(name).service(service).is_running


@pytest.mark.parametrize("name", HOSTS)
def test_cards_are_up(lab, name):
    cards = lab.host(name).check_output("ip -brief link show up type veth").splitlines()
    assert [card.split("@")[0] for card in cards] == ["eth0", "eth1", "eth2", "eth3"]


@pytest.mark.parametrize("name", HOSTS)
def test_management_network_reaches_everybody(lab, name):
    for address in (*HOSTS.values(), "10.0.0.254"):
        lab.host(name).run_expect([0], f"ping -c 1 -W 2 {address}")


@pytest.fixture
def tagged(lab):
    """Host one with 203.0.113.5 on VLAN 1002 of its external card."""
    one = lab.host("one")
    one.check_output(
        "ovs-vsctl add-br ext -- set bridge ext datapath_type=netdev -- add-port ext eth3"
        " -- add-port ext probe tag=1002 -- set interface probe type=internal"
    )
    one.check_output("ethtool -K probe tx off && ip address add 203.0.113.5/24 dev probe && ip link set probe up")
    yield one
    one.check_output("ovs-vsctl del-br ext")


def test_the_outside_answers_public_addresses_on_its_vlan(tagged):
    tagged.run_expect([0], "ping -c 3 -W 2 203.0.113.1")
    tagged.check_output("ip route add default via 203.0.113.1")
    tagged.run_expect([0], "ping -c 1 -W 2 198.51.100.10")
    tagged.run_expect([0], "nc -z -w 3 198.51.100.10 22")
    tagged.check_output("ip address add 192.168.7.7/32 dev lo")
    tagged.run_expect([1], "ping -c 1 -W 1 -I 192.168.7.7 198.51.100.10")


ENDPOINTS = {"one": ("br-phy", "10.0.1.11", "10.0.1.12"), "two": ("eth1", "10.0.1.12", "10.0.1.11")}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_tunnel_endpoints_reach_each_other(lab, name):
    device, own, other = ENDPOINTS[name]
    assert lab.host(name).interface(device).addresses[0] == own
    lab.host(name).run_expect([0], f"ping -c 1 -W 2 {other}")


@pytest.mark.parametrize("name", HOSTS)
def test_tools_of_the_image_do_not_run_by_themselves(lab, name):
    running = lab.host(name).check_output("systemctl list-units --type=service --state=active,failed --no-legend")
    for service in ("haproxy", "nginx", "radvd", "dnsmasq", "cloud-"):
        assert service not in running
