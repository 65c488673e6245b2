# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host has of the distributed router (reference 3.3 to 3.5, 11.3)."""

from __future__ import annotations

import json

import pytest

ROUTER, EXTERNAL = "635660ae-a254-4feb-8993-295aa9ec6418", "893aebb9-1c1e-48be-8908-6b947f3237b3"
QROUTER, SNAT, FIP = f"qrouter-{ROUTER}", f"snat-{ROUTER}", f"fip-{EXTERNAL}"
QR, QG, RFP, FPR = "qr-b1a894fd-ae", "qg-ff5f93c6-37", "rfp-635660ae-a", "fpr-635660ae-a"
QDHCP = "qdhcp-ac108952-6096-4243-adf4-bb6615b3de28"
HOSTS = ("network1", "compute1", "compute2")
FG_ADDRESS = {"compute1": "203.0.113.103/24", "compute2": "203.0.113.104/24", "network1": "203.0.113.105/24"}


def inside(lab, host, namespace, command):
    return lab.sh(host, f"ip netns exec {namespace} {command}")


def addresses(lab, host, namespace):
    links = json.loads(inside(lab, host, namespace, "ip -j -4 address"))
    return {link["ifname"]: [f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]] for link in links}


def lines(text):
    return {" ".join(line.split()) for line in text.splitlines()}


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


@pytest.mark.parametrize(
    ("host", "namespaces"),
    [
        ("network1", {QROUTER, SNAT, FIP, QDHCP}),
        ("compute1", {QROUTER, FIP, "vm-demo-instance1", "vm-demo-instance2"}),
        ("compute2", {QROUTER, FIP, "vm-demo-instance3"}),
    ],
)
def test_every_host_has_its_namespaces(lab, host, namespaces):
    found = {line.split()[0] for line in lab.sh(host, "ip netns").splitlines()}
    assert found - {name for name in found if name.startswith("qdhcp-")} == namespaces - {QDHCP}
    assert (QDHCP in found) == (QDHCP in namespaces)


@pytest.mark.parametrize(
    ("host", "tunnels"),
    [
        ("network1", {"vxlan-0a00011f", "vxlan-0a000120"}),
        ("compute1", {"vxlan-0a000115", "vxlan-0a000120"}),
        ("compute2", {"vxlan-0a000115", "vxlan-0a00011f"}),
    ],
)
def test_every_host_has_its_ports(lab, host, tunnels):
    assert set(lab.sh(host, "ovs-vsctl list-ports br-tun").split()) == {"patch-int", *tunnels}
    ports = set(lab.sh(host, "ovs-vsctl list-ports br-int").split())
    assert {QR, "patch-tun", "int-br-ex", "int-br-vlan"} <= ports
    assert sum(port.startswith("fg-") for port in ports) == 1
    of_gateway = {port[:3] for port in ports if port.startswith(("qg-", "sg-"))}
    assert of_gateway == ({"qg-", "sg-"} if host == "network1" else set())
    assert set(lab.sh(host, "ovs-vsctl list-ports br-ex").split()) == {"eth3", "phy-br-ex"}


@pytest.mark.parametrize("host", HOSTS)
def test_the_router_is_the_same_everywhere(lab, host):
    links = {link["ifname"]: link for link in json.loads(inside(lab, host, QROUTER, "ip -j link"))}
    assert links[QR]["address"] == "fa:16:3e:c1:20:55"
    found = addresses(lab, host, QROUTER)
    assert found[QR] == ["192.168.1.1/24"]
    assert found[RFP] == ["169.254.64.0/31"]
    assert "default" not in inside(lab, host, QROUTER, "ip -4 route")
    assert {"3232235777: from 192.168.1.1/24 lookup 3232235777", "3232236033: from 192.168.2.1/24 lookup 3232236033"} \
        <= lines(inside(lab, host, QROUTER, "ip rule"))
    assert inside(lab, host, QROUTER, "ip route show table 3232235777").strip() \
        == f"default via 192.168.1.2 dev {QR} proto static"
    assert inside(lab, host, QROUTER, "ip route show table 16").strip() \
        == f"default via 169.254.64.1 dev {RFP} proto static"
    known = inside(lab, host, QROUTER, "ip neigh show nud permanent")
    assert {line.split()[0] for line in known.splitlines()} == {
        "192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.11", "192.168.2.2", "192.168.2.3", "192.168.2.11",
        "169.254.64.1",
    }  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_the_external_network_is_a_namespace_with_an_address_of_the_host(lab, host):
    found = addresses(lab, host, FIP)
    (fg,) = (name for name in found if name.startswith("fg-"))
    assert (found[fg], found[FPR]) == ([FG_ADDRESS[host]], ["169.254.64.1/31"])
    assert f"2852012033: from all iif {FPR} lookup 2852012033" in lines(inside(lab, host, FIP, "ip rule"))
    assert inside(lab, host, FIP, "ip route show table 2852012033").strip() \
        == f"default via 203.0.113.1 dev {fg} proto static"
    assert inside(lab, host, FIP, f"sysctl -n net.ipv4.conf.{fg}.proxy_arp") == "1"
    floating = f"203.0.113.102 via 169.254.64.0 dev {FPR} proto static"
    assert (floating in lines(inside(lab, host, FIP, "ip route"))) == (host == "compute1")


def test_the_gateway_is_on_the_network_host_alone(lab):
    found = addresses(lab, "network1", SNAT)
    assert found[QG] == ["203.0.113.101/24"]
    beside = sorted(each for name, each in found.items() if name.startswith("sg-"))
    assert beside == [["192.168.1.2/24"], ["192.168.2.2/24"]]
    nat = inside(lab, "network1", SNAT, "iptables-save -t nat").splitlines()
    assert f"-A neutron-l3-agent-snat -o {QG} -j SNAT --to-source 203.0.113.101 --random-fully" in nat


def test_the_floating_ip_is_two_rules_and_a_policy_on_the_compute(lab):
    nat = inside(lab, "compute1", QROUTER, "iptables-save -t nat").splitlines()
    assert f"-A neutron-l3-agent-PREROUTING -d 203.0.113.102/32 -i {RFP} -j DNAT --to-destination 192.168.1.3" in nat
    assert "-A neutron-l3-agent-float-snat -s 192.168.1.3/32 -j SNAT --to-source 203.0.113.102 --random-fully" in nat
    assert "32768: from 192.168.1.3 lookup 16" in lines(inside(lab, "compute1", QROUTER, "ip rule"))


@pytest.mark.parametrize(("host", "forwards"), [("network1", "1"), ("compute1", "0"), ("compute2", "0")])
def test_the_node_has_its_sysctls(lab, host, forwards):
    """Reference 9."""
    keys = ["net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter"]
    assert lab.sh(host, f"sysctl -n {' '.join(keys)}").split() == [forwards, "0", "0"]
    if host != "network1":
        calls = "net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables"
        assert lab.sh(host, f"sysctl -n {calls}").split() == ["1", "1"]
