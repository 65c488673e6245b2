# SPDX-License-Identifier: GPL-3.0-or-later
"""A router with a floating IP by hand leaves what the typed commands leave (reference 11.5), and packets pass."""

from __future__ import annotations

import json
import time

import pytest
import yaml

from tests.lab import ROOT, Ping, Stream
from tests.typed_router import FILTER, NAT
from tests.wire import Overhearing

EXAMPLE = "examples/floating_ip.yml"
NETDEV = ("--extra-vars", "datapath_type=netdev")


def rules(lab, table):
    saved = lab.sh("network1", f"ip netns exec qrouter02 iptables-save -t {table}").splitlines()
    return sorted(line for line in saved if line.startswith("-A"))


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("floating_ip")


def test_the_rules_are_those_of_the_typed_commands_less_the_duplicate(lab):
    assert rules(lab, "nat") == sorted(NAT.splitlines())
    assert rules(lab, "filter") == sorted(FILTER.splitlines())


def test_addresses_and_the_default_route_are_those_of_the_typed_commands(lab):
    addresses = lab.sh("network1", "ip -n qrouter02 -o -4 addr show dev qg02")
    assert "10.255.253.11/24 brd 10.255.253.255" in addresses
    assert "10.255.253.84/24 brd 10.255.253.255 scope global secondary" in addresses
    assert "10.0.2.1/24 brd 10.0.2.255" in lab.sh("network1", "ip -n qrouter02 -o -4 addr show dev qr03")
    assert "via 10.255.253.1 dev qg02" in lab.sh("network1", "ip -n qrouter02 route show default")
    assert lab.sh("network1", "ip netns exec qrouter02 sysctl -n net.ipv4.ip_forward") == "1"


def test_the_ports_are_in_their_bridges(lab):
    assert lab.sh("network1", "ovs-vsctl get port qr03 tag") == "3"
    assert lab.sh("network1", "ovs-vsctl get port qg02 tag") == "[]"
    assert set(lab.sh("network1", "ovs-vsctl list-ports br-ex").split()) == {"eth3", "qg02"}


def test_the_outside_reaches_the_floating_ip(lab):
    lab.sh("outside", "ping -c 3 -W 2 10.255.253.84")


@pytest.mark.parametrize(("instance", "source"), [("vm4", "10.255.253.84"), ("vm5", "10.255.253.11")])
def test_the_outside_sees_the_floating_ip_or_the_router(lab, instance, source):
    with Overhearing(lab, "outside", "icmp", "eth3", count=2) as overhearing:
        lab.sh("network1", f"ip netns exec {instance} ping -c 3 -W 2 10.255.253.1")
    assert f"{source} > 10.255.253.1" in overhearing.text


def test_running_traffic_loses_nothing_while_runs_change_nothing_or_something_else(lab):
    floating_ips = yaml.safe_load((ROOT / "playbooks" / EXAMPLE).read_text())[0]["vars"]["floating_ips"]
    another = {**floating_ips[0], "floating_ip_address": "10.255.253.85", "fixed_ip_address": "10.0.2.85"}
    ping = Ping(lab, "network1", "vm5", "10.255.253.1")
    stream = Stream(lab, "outside", "network1", "vm4", "10.255.253.84")
    time.sleep(1)
    assert lab.play(EXAMPLE, *NETDEV).changes() == {}
    more = lab.play(EXAMPLE, *NETDEV, "--extra-vars", json.dumps({"floating_ips": [*floating_ips, another]}))
    assert more.objects(), "the second floating IP was built"
    assert all("10.255.253.85" in each for each in more.objects())
    ping.assert_unbroken()
    stream.assert_unbroken()
