# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant network over GRE: the devices, addresses and ways of the recorded cloud (reference 11.2)."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.instances import Serving, instances_of
from tests.wire import Capture

ROUTER = "qrouter-a7bf0605-3474-4f5c-bcbd-98a11bd175d4"
VM1, QG, QR, QR6 = "7c7ae61e-05", "qg-5d13ee78-0a", "qr-c36567ef-4d", "qr-2e4c72e5-5f"
SSH, CLOSED = 22, 23


@pytest.fixture(scope="module")
def instances(lab):
    return instances_of(lab)


def in_router(lab, command):
    return lab.sh("network1", f"ip netns exec {ROUTER} {command}")


def ports(lab, host, bridge):
    return set(lab.sh(host, f"ovs-vsctl list-ports {bridge}").split())


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


def test_the_bridges_hold_the_ports_of_the_recording(lab):
    assert ports(lab, "network1", "br-tun") == {"patch-int", "gre-0a00011f"}
    assert {QR, QR6, "patch-tun"} <= ports(lab, "network1", "br-int")
    tags = {lab.sh("network1", f"ovs-vsctl get port {port} tag") for port in (QR, QR6)}
    assert len(tags) == 1, "both are in the tenant's network"
    assert lab.sh("network1", "ovs-vsctl get bridge br-tun fail_mode") == "secure"


def test_the_instance_is_plugged_and_tunnelled_as_in_the_recording(lab):
    assert ports(lab, "compute1", "br-tun") == {"patch-int", "gre-0a000115"}
    assert f"qvo{VM1}" in ports(lab, "compute1", "br-int")
    assert set(lab.sh("compute1", f"ls /sys/class/net/qbr{VM1}/brif").split()) == {f"qvb{VM1}", f"tap{VM1}"}
    (options,) = json.loads(
        lab.sh("compute1", "ovs-vsctl --format=json --columns=options find interface name=gre-0a000115")
    )["data"][0]
    assert {"remote_ip": "10.0.1.21", "local_ip": "10.0.1.31", "in_key": "flow"}.items() <= dict(options[1]).items()


@pytest.mark.parametrize("device", [f"{kind}{VM1}" for kind in ("tap", "qbr", "qvb", "qvo")])
def test_gre_leaves_1458_bytes_to_every_device(lab, device):
    assert lab.host("compute1").file(f"/sys/class/net/{device}/mtu").content_string.strip() == "1458"


def test_the_router_has_the_devices_and_addresses_of_the_recording(lab):
    links = {link["ifname"]: link for link in json.loads(in_router(lab, "ip -j address"))}
    found = {
        name: (links[name]["address"], {f"{each['local']}/{each['prefixlen']}" for each in links[name]["addr_info"]
                                        if each["scope"] == "global"})
        for name in (QG, QR, QR6)
    }  # fmt: skip
    assert found == {
        QG: ("fa:16:3e:37:7c:95", {"172.24.4.2/24", "2001:db8::1/64"}),
        QR: ("fa:16:3e:54:fa:80", {"10.0.0.1/24"}),
        QR6: ("fa:16:3e:cd:92:ad", {"fdf8:e668:72e6::1/64"}),
    }


def test_the_router_routes_as_in_the_recording(lab):
    routes = {line.split(" proto")[0].strip() for line in in_router(lab, "ip route").splitlines()}
    assert routes == {f"default via 172.24.4.1 dev {QG}", f"10.0.0.0/24 dev {QR}", f"172.24.4.0/24 dev {QG}"}


def test_source_nat_and_security_groups_are_in_their_chains(lab):
    nat = in_router(lab, "iptables-save -t nat").splitlines()
    assert f"-A neutron-l3-agent-snat -o {QG} -j SNAT --to-source 172.24.4.2 --random-fully" in nat
    chain = lab.sh("compute1", f"iptables -S neutron-openvswi-i{VM1[:10]}").splitlines()
    assert f"-A neutron-openvswi-i{VM1[:10]} -p tcp -m tcp --dport 22 -j RETURN" in chain
    assert f"-A neutron-openvswi-i{VM1[:10]} -p icmp -j RETURN" in chain


def test_every_probe_of_the_model_is_answered_and_reported(lab, tmp_path):
    run = lab.play("verify.yml", "--extra-vars", f"verify_report_dir={tmp_path}")
    assert "all answered as the model says" in run.output
    report = json.loads((tmp_path / "reachability.json").read_text())
    assert (report["site"], report["disagreements"]) == ("gre-liberty", 0)
    by_name = {each["name"]: each for each in report["results"]}
    assert by_name["vm1 to the world outside (tcp 7777)"]["source"] == "172.24.4.2"
    assert by_name["vm2 to vm1 (tcp 22, IPv6)"]["answered_by"] == "vm1"
    suites = ElementTree.parse(tmp_path / "reachability.xml").getroot()
    assert {suite.get("name") for suite in suites} == {"network1", "compute1", "vm1", "vm2", "outside"}
    assert suites.get("failures") == "0"


def trace(lab, source, destination, **options):
    """The Run of a live trace; with succeeds=False of one that finds something broken."""
    ends = [f"--extra-vars=source={source}", f"--extra-vars=destination={destination}"]
    return lab.play("trace.yml", *ends, "--extra-vars=live=true", **options)


@pytest.mark.parametrize(
    ("source", "destination", "hops"), [("vm1", "internet", 12), ("vm2", "vm1", 5), ("outside", "172.24.4.2", 4)]
)
def test_the_hosts_confirm_every_hop(lab, source, destination, hops):
    assert f"{hops} hops, all as the model says" in trace(lab, source, destination).output


#: host, what breaks it, what verify says of it, which hop the trace names and what its host says
DAMAGES = [
    ("network1", "ovs-ofctl del-flows br-tun table=3", "vm1 to its gateway (ping), 10.0.0.1: expected an answer",
     ("br-tun on network1", "drops it in table 3 (no match)")),
    ("compute1", f"iptables -D neutron-openvswi-o{VM1[:10]} -j RETURN", "vm1 to the world outside (ping)",
     (f"in qbr{VM1} on compute1", f"the rules of neutron-openvswi-o{VM1[:10]} drop it")),
    ("network1", f"ip netns exec {ROUTER} iptables -t nat -D neutron-l3-agent-snat -o {QG} -j SNAT "
     "--to-source 172.24.4.2 --random-fully", "vm1 to the world outside (tcp 7777)",
     (f"{ROUTER} on network1", "has no rule with -o qg-5d13ee78-0a")),
]  # fmt: skip


@pytest.mark.parametrize(("host", "damage", "verified", "traced"), DAMAGES)
def test_what_is_broken_is_reported_and_the_hop_is_named(lab, tmp_path, host, damage, verified, traced):
    lab.sh(host, damage)
    try:
        (failure, *_) = lab.play(
            "verify.yml", "--extra-vars", f"verify_report_dir={tmp_path}", succeeds=False
        ).failures()  # fmt: skip
        assert failure.startswith("Not as the model says: ")
        assert verified in failure
        assert ElementTree.parse(tmp_path / "reachability.xml").getroot().get("failures") != "0"
        (failure, *_) = trace(lab, "vm1", "internet", succeeds=False).failures()
        assert all(words in failure for words in traced), failure
    finally:
        lab.play("site.yml")


def test_packets_to_the_router_travel_in_gre_at_full_size(lab, instances):
    capture = Capture(lab, "tunnel")
    instances["vm1"].ping("10.0.0.1", size=1458 - 28)
    tunnelled = [each for each in capture.tunnelled() if each.frame[12:14] == b"\x08\x00"]
    assert {(each.kind, each.key) for each in tunnelled} == {("gre", 1)}, "the lowest free id"
    assert {(each.source, each.destination) for each in tunnelled} == {
        ("10.0.1.31", "10.0.1.21"), ("10.0.1.21", "10.0.1.31")
    }  # fmt: skip


def test_the_world_sees_the_router(lab, instances):
    capture = Capture(lab, "external")
    instances["vm1"].ping("172.24.4.1")
    sources = {frame[26:30] for frame in capture.stop() if frame[12:14] == b"\x08\x00" and frame[23] == 1}
    assert sources == {bytes([172, 24, 4, 2]), bytes([172, 24, 4, 1])}


def test_instances_answer_ping_and_ssh_to_everybody_and_all_to_each_other(lab, instances):
    with Serving(instances.values(), [SSH, CLOSED]):
        questions = [[protocol, "10.0.0.3", port] for protocol, port in (("icmp", 0), ("tcp", SSH), ("tcp", CLOSED))]
        assert instances["vm2"].ask(questions) == ["reply", "vm1", "vm1"]
        assert "open" in in_router(lab, f"sh -c 'nc -z -w 2 10.0.0.3 {SSH} && echo open'")
        assert "shut" in in_router(lab, f"sh -c 'nc -z -w 2 10.0.0.3 {CLOSED} || echo shut'")
