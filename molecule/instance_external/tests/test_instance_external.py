# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances on VLANs 100 and 101 reach an external network through source NAT (reference 11.4)."""

from __future__ import annotations

import json
import time

from tests.lab import Ping, Stream
from tests.wire import Overhearing

#: Floating IPs that are not in the inventory, for cirros-vm2 and then for both.
ONE = [{"floating_network": "ext_net", "floating_ip_address": "10.10.10.52", "port": "cirros-vm2"}]
TWO = [*ONE, {"floating_network": "ext_net", "floating_ip_address": "10.10.10.53", "port": "cirros-vm3"}]
HOSTS = ("network1", "compute1")  # the controller tells an instance its floating IP, too
ROUTER_DEVICES = {"qr-d568ba1a-74", "qr-e17162c5-00", "qg-b8b32a88-03"}


def router(lab):
    (name,) = [each for each in lab.sh("network1", "ls /run/netns").split() if each.startswith("qrouter-")]
    return name


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


def test_devices_are_named_as_in_the_seed_and_plugged_with_veths(lab):
    devices = lab.sh("network1", f"ip -n {router(lab)} -brief link").split("\n")
    assert {line.split("@")[0] for line in devices if "@" in line} == ROUTER_DEVICES
    assert "tapb8b32a88-03" in lab.sh("network1", "ovs-vsctl list-ports br-int").split()


def test_instances_beside_routers_are_filtered_too(lab):
    chains = lab.sh("network1", "iptables -S").splitlines()
    assert any("--dport 22 -j RETURN" in rule for rule in chains)
    assert len([device for device in lab.sh("network1", "ls /sys/class/net").split() if device.startswith("qbr")]) == 1


def test_the_default_route_is_the_external_gateway(lab):
    assert "via 10.10.10.1" in lab.sh("network1", f"ip -n {router(lab)} route show default")


def test_every_probe_of_the_model_is_answered(lab):
    assert "all answered as the model says" in lab.play("verify.yml").output


def test_the_gateway_is_two_hops_away(lab):
    hops = lab.sh("compute1", "ip netns exec vm-cirros-vm3 traceroute -n -I -w 2 10.10.10.1").splitlines()[1:]
    assert [hop.split()[1] for hop in hops] == ["172.16.101.1", "10.10.10.1"]


def test_the_source_address_changes_between_the_inner_and_the_outer_device(lab):
    inside, outside = (
        Overhearing(lab, "network1", "icmp", device, router(lab), count=4)
        for device in ("qr-e17162c5-00", "qg-b8b32a88-03")
    )
    with inside, outside:
        lab.sh("compute1", "ip netns exec vm-cirros-vm3 ping -c 2 -W 2 10.10.10.1")
    assert "172.16.101.3 > 10.10.10.1" in inside.text
    assert "10.10.10.2 > 10.10.10.1" in outside.text
    assert "172.16.101.3" not in outside.text


def test_nobody_outside_opens_a_connection_to_an_instance(lab):
    """As in Neutron it is the world that has no route to a tenant's addresses; the router filters nothing here."""
    assert lab.host("outside").run("ping -c 2 -W 1 172.16.101.3").rc != 0


def with_floating_ips(lab, floating_ips):
    return lab.play("site.yml", "--extra-vars", json.dumps({"dataplane_floating_ips": floating_ips}))


def test_running_traffic_loses_nothing_while_runs_change_nothing_or_something_else(lab):
    with_floating_ips(lab, ONE)
    ping = Ping(lab, "compute1", "vm-cirros-vm3", "198.51.100.10")
    stream = Stream(lab, "outside", "network1", "vm-cirros-vm2", "10.10.10.52", port=22)
    time.sleep(1)
    assert with_floating_ips(lab, ONE).changes() == {}
    objects = with_floating_ips(lab, TWO).objects(*HOSTS)
    assert objects, "the second floating IP was built"
    assert all("10.10.10.53" in each for each in objects)
    ping.assert_unbroken()
    stream.assert_unbroken()
    assert lab.play("site.yml").objects(), "both floating IPs went"
