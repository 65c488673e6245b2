# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage by hand is healed by the next run, and only the damage is reported."""

from __future__ import annotations

import pytest

from tests.lab import without_namespaces

FIP = "180.180.180.3"
ROUTER_ID = "fce64ebe-47f0-4846-b3af-9cf764f1ff11"
ROUTER = f"qrouter-{ROUTER_ID}"
QG = "qg-c08b8179-3b"

#: What a hand does on network1, and what the next run must name, and nothing besides.
DAMAGE = {
    "nat flushed": (f"ip netns exec {ROUTER} iptables -t nat -F", (ROUTER,)),
    "one rule deleted": (
        f"ip netns exec {ROUTER} iptables -t nat -D neutron-l3-agent-snat 2",
        ("neutron-l3-agent-snat",),
    ),
    "one rule added": (f"ip netns exec {ROUTER} iptables -t filter -A neutron-l3-agent-INPUT -j DROP", ("INPUT",)),
    "floating address removed": (f"ip -n {ROUTER} addr del {FIP}/32 dev {QG}", (FIP,)),
    "gateway address removed": (f"ip -n {ROUTER} addr del 180.180.180.2/24 dev {QG}", ("180.180.180.2", "0.0.0.0/0")),
    "router interface down": (f"ip -n {ROUTER} link set qr-15ea2dd1-65 down", ("qr-15ea2dd1-65", "0.0.0.0/0")),
    "mtu changed": (f"ip -n {ROUTER} link set {QG} mtu 1400", (QG,)),
    "default route removed": (f"ip -n {ROUTER} route del default", ("0.0.0.0/0",)),
    "forwarding off": (f"ip netns exec {ROUTER} sysctl -qw net.ipv4.ip_forward=0", ("ip_forward",)),
    "port deleted": (f"ovs-vsctl del-port {QG}", (QG, "180.180.180", "0.0.0.0/0")),
    "port retagged": ("ovs-vsctl set port qr-15ea2dd1-65 tag=99", ("qr-15ea2dd1-65",)),
    "a flow deleted": ("ovs-ofctl --strict del-flows br-int table=60,priority=1", ("table=60",)),
    "all flows deleted": ("ovs-ofctl del-flows br-int", ("br-int",)),
    "namespace deleted": (
        f"ip netns del {ROUTER}",
        (ROUTER, "qg-c08b8179-3b", "qr-15ea2dd1-65", "qr-dc290da0-0a", f"metadata-proxy-{ROUTER_ID}"),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_healed_and_only_the_damage_reported(lab, damage):
    command, named = DAMAGE[damage]
    lab.sh("network1", command)

    predicted = lab.play("site.yml", "--check", "--limit", "network1")
    healed = lab.play("site.yml", "--limit", "network1")

    assert healed.objects(), "the damage was found"
    assert without_namespaces(named, healed.objects()) == []
    assert predicted.objects() == healed.objects()


def test_after_all_that_the_cloud_works_and_nothing_is_left_to_do(lab):
    assert lab.play("site.yml").changes() == {}
    assert "all answered as the model says" in lab.play("verify.yml").output
