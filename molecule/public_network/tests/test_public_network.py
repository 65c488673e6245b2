# SPDX-License-Identifier: GPL-3.0-or-later
"""A public network on VLAN 1002, two tenant networks, source NAT and a floating IP (reference 11.1)."""

from __future__ import annotations

import json
import time

import pytest

from tests.lab import Ping, Stream
from tests.wire import Overhearing

HOSTS = ("network1", "compute1")  # the controller tells an instance its floating IP, too
ROUTER = "qrouter-fce64ebe-47f0-4846-b3af-9cf764f1ff11"
SECOND_FLOATING_IP = [
    {
        "id": "25facce9-c840-4607-83f5-d477eaceba61",
        "floating_network": "my-public",
        "floating_ip_address": "180.180.180.3",
        "port": "vm20",
    },
    {"floating_network": "my-public", "floating_ip_address": "180.180.180.4", "port": "vm10"},
]


def in_router(lab, command):
    return lab.sh("network1", f"ip netns exec {ROUTER} {command}")


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


def test_the_runs_came_in_over_ssh_as_a_user_who_becomes_root(lab):
    for host in ("network1", "compute1"):
        assert "Accepted publickey for operator" in lab.sh(host, "journalctl -u ssh --no-pager")


def test_the_router_has_the_devices_and_addresses_of_the_seed(lab):
    addresses = {link["ifname"]: link for link in json.loads(in_router(lab, "ip -j addr"))}
    assert addresses["qg-c08b8179-3b"]["address"] == "fa:16:3e:a4:58:40"
    assert addresses["qg-c08b8179-3b"]["mtu"] == 1500
    ipv4 = [each for each in addresses["qg-c08b8179-3b"]["addr_info"] if each["family"] == "inet"]
    assert [(each["local"], each["prefixlen"], each["broadcast"]) for each in ipv4] == [
        ("180.180.180.2", 24, "180.180.180.255"),
        ("180.180.180.3", 32, "180.180.180.3"),
    ]
    assert addresses["qr-15ea2dd1-65"]["addr_info"][0]["local"] == "10.10.10.1"
    assert addresses["qr-dc290da0-0a"]["addr_info"][0]["local"] == "20.20.20.1"


def test_the_router_routes_as_in_the_seed(lab):
    routes = in_router(lab, "ip route").splitlines()
    assert routes[0].startswith("default via 180.180.180.1 dev qg-c08b8179-3b")
    assert {route.split()[0] for route in routes} == {"default", "10.10.10.0/24", "20.20.20.0/24", "180.180.180.0/24"}
    assert in_router(lab, "sysctl -n net.ipv4.ip_forward") == "1"


def test_the_floating_ip_is_three_rules_and_an_address(lab):
    nat = in_router(lab, "iptables-save -t nat").splitlines()
    assert "-A neutron-l3-agent-OUTPUT -d 180.180.180.3/32 -j DNAT --to-destination 20.20.20.2" in nat
    assert "-A neutron-l3-agent-PREROUTING -d 180.180.180.3/32 -j DNAT --to-destination 20.20.20.2" in nat
    assert "-A neutron-l3-agent-float-snat -s 20.20.20.2/32 -j SNAT --to-source 180.180.180.3 --random-fully" in nat
    assert "-A neutron-l3-agent-snat -o qg-c08b8179-3b -j SNAT --to-source 180.180.180.2 --random-fully" in nat


def test_every_probe_of_the_model_is_answered(lab):
    assert "all answered as the model says" in lab.play("verify.yml").output


def test_the_instances_are_filtered_on_bridges_of_their_own(lab):
    devices = lab.sh("compute1", "ls /sys/class/net").split()
    in_bridge = set(lab.sh("compute1", "ovs-vsctl list-ports br-int").split())
    bridges = [device for device in devices if device.startswith("qbr")]
    assert len(bridges) == 2
    for bridge in bridges:
        tap, qvb, qvo = (bridge.replace("qbr", prefix) for prefix in ("tap", "qvb", "qvo"))
        assert lab.sh("compute1", f"ls /sys/class/net/{bridge}/brif").split() == sorted([qvb, tap])
        assert qvo in in_bridge
        assert tap not in in_bridge


def test_the_world_reaches_what_the_default_group_opens_and_nothing_else(lab):
    for port in (22, 80):
        listening = f"timeout 10 sh -c 'until ip netns exec vm-vm20 ss -ltn | grep -q :{port}; do sleep 0.05; done'"
        lab.sh("compute1", f"ip netns exec vm-vm20 timeout 30 nc -l {port} >/dev/null 2>&1 & {listening}")
    lab.sh("outside", "ping -c 1 -W 2 180.180.180.3")
    lab.sh("outside", "nc -z -w 3 180.180.180.3 22")
    assert lab.host("outside").run("nc -z -w 2 180.180.180.3 80").rc != 0


def test_the_internet_sees_the_gateway_address_and_the_public_vlan(lab):
    with Overhearing(lab, "outside", "icmp", "eth3", count=2) as overhearing:
        lab.sh("compute1", "ip netns exec vm-vm10 ping -c 3 -W 2 198.51.100.10")
    assert "180.180.180.2 > 198.51.100.10" in overhearing.text
    assert "vlan 1002" in overhearing.text
    assert "10.10.10.2" not in overhearing.text


@pytest.fixture
def traffic(lab):
    """A ping through source NAT and a TCP stream through the floating IP, running."""
    ping = Ping(lab, "compute1", "vm-vm10", "198.51.100.10")
    stream = Stream(lab, "outside", "compute1", "vm-vm20", "180.180.180.3", port=22)
    time.sleep(1)
    return ping, stream


def test_running_traffic_loses_nothing_while_runs_change_nothing_or_something_else(lab, traffic):
    assert lab.play("site.yml").changes() == {}
    more = lab.play("site.yml", "--extra-vars", json.dumps({"dataplane_floating_ips": SECOND_FLOATING_IP}))
    assert more.objects(*HOSTS), "the second floating IP was built"
    assert all("180.180.180.4" in each for each in more.objects(*HOSTS))
    less = lab.play("site.yml")
    assert all("180.180.180.4" in each for each in less.objects(*HOSTS))

    for each in traffic:
        each.assert_unbroken()


def test_one_host_alone_is_converged_with_limit(lab):
    lab.sh("network1", f"ip netns exec {ROUTER} ip addr del 180.180.180.3/32 dev qg-c08b8179-3b")
    run = lab.play("site.yml", "--limit", "network1")
    assert {task["host"] for task in run.tasks} == {"network1"}
    assert run.objects() != []
    assert lab.play("site.yml").changes() == {}
