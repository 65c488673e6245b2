# SPDX-License-Identifier: GPL-3.0-or-later
"""The three ways of a packet (reference 11.3) as trace.yml tells them, confirmed by the hosts; where one is broken."""

from __future__ import annotations

import pytest

ROUTER, EXTERNAL = "635660ae-a254-4feb-8993-295aa9ec6418", "893aebb9-1c1e-48be-8908-6b947f3237b3"
QR_MAC = "fa:16:3e:c1:20:55"


def trace(lab, source, destination, packet="protocol=icmp", **options):
    ends = f"--extra-vars=source={source} destination={destination}"
    return lab.play("trace.yml", ends, f"--extra-vars={packet} live=true", **options)


@pytest.mark.parametrize(("source", "destination", "ends"), [
    ("demo-instance2", "internet", "outside gets it, from 203.0.113.101, ttl 62"),
    ("outside", "203.0.113.102", "demo-instance1 gets it, from 203.0.113.1, ttl 62"),
    ("demo-instance1", "internet", "outside gets it, from 203.0.113.102, ttl 62"),
    ("demo-instance2", "demo-instance3", "demo-instance3 gets it, from 192.168.1.11, ttl 63"),
    ("demo-instance3", "203.0.113.102", "demo-instance1 gets it, from 203.0.113.101, ttl 60"),
])  # fmt: skip
def test_the_hosts_confirm_every_hop(lab, source, destination, ends):
    output = trace(lab, source, destination).output
    assert ends in output
    assert "hops, all as the model says" in output


@pytest.mark.parametrize(("port", "ends"), [
    (22, "tcp 22: demo-instance1 gets it, from 203.0.113.1, ttl 62"),
    (21, "tcp 21: DROPPED by the security groups of demo-instance1; no answer comes"),
])  # fmt: skip
def test_ports_are_open_or_shut(lab, port, ends):
    output = trace(lab, "outside", "203.0.113.102", f"protocol=tcp destination_port={port}").output
    assert ends in output
    assert "hops, all as the model says" in output


#: host, what breaks it, from, to, the hop that is named, what its host says
DAMAGES = [
    ("compute1", "ovs-ofctl --strict del-flows br-tun "
     f"table=1,priority=1,dl_vlan=$(ovs-vsctl get port qr-b1a894fd-ae tag),dl_src={QR_MAC}",
     "demo-instance2", "internet", "br-tun on compute1", "no action has fa:16:3f:"),
    ("network1", "ovs-ofctl del-flows br-int table=1", "demo-instance2", "internet", "br-int on network1",
     "br-int drops it in table 1"),
    ("compute1", f"ip -n qrouter-{ROUTER} rule del priority 3232235777", "demo-instance2", "internet",
     f"qrouter-{ROUTER} on compute1", "there is no policy rule 3232235777"),
    ("compute1", f"ip -n fip-{EXTERNAL} route del 203.0.113.102", "outside", "203.0.113.102",
     f"fip-{EXTERNAL} on compute1", "the kernel routes it on-link, on fg-"),
]  # fmt: skip


@pytest.mark.parametrize(("host", "damage", "source", "destination", "place", "seen"), DAMAGES)
def test_the_broken_hop_is_named(lab, host, damage, source, destination, place, seen):
    lab.sh(host, damage)
    try:
        (failure, *_) = trace(lab, source, destination, succeeds=False).failures()
        assert place in failure
        assert seen in failure
    finally:
        lab.play("site.yml")
