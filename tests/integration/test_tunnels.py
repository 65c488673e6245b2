# SPDX-License-Identifier: GPL-3.0-or-later
"""The planned br-tun of one host, converged: Open vSwitch takes every tunnel and flow, and leads packets as meant."""

from __future__ import annotations

import re

import pytest

from tests.unit.test_tunnels import BLUE, V6, network, plan, port
from tests.unit.test_tunnels import HOSTS as V4

from .conftest import run
from .test_ovs_flow import dump

OWNER = {"owner": "test", "purge": True}

#: A network of each type; the second instance of each is elsewhere.
SITE = {
    **BLUE,
    "dataplane_networks": [network("blue"), network("green", "gre", 101), network("grey", "geneve", 102)],
    "dataplane_ports": [
        *BLUE["dataplane_ports"],
        port("near", "blue", "compute1", "192.168.1.13"),
        *(port(f"{name}{host}", name, f"compute{host}") for name in ("green", "grey") for host in (1, 3)),
    ],
}


@pytest.fixture(params=[V4, V6], ids=["IPv4", "IPv6"])
def planned(request, bridge):
    """{module: options} of what concerns br-tun of compute1, whose bridges are there."""
    compute1 = plan(SITE, request.param)["compute1"]
    bridge("br-int"), bridge("br-tun")
    return {
        "ovs_port": {"config": [item for item in compute1["ports"]
                                if item["bridge"] == "br-tun" or item["name"] == "patch-tun"], **OWNER},
        "ovs_flow": {"config": [item for item in compute1["flows"] if item["bridge"] == "br-tun"], **OWNER},
    }


def test_check_predicts_the_first_run_and_the_second_changes_nothing(module, planned):
    virgin = module("ovs_flow", check=True, **planned["ovs_flow"])
    for name, options in planned.items():
        predicted = module(name, check=True, **options)
        done = module(name, **options)
        assert done["changes"] == predicted["changes"] and done["diff"] == predicted["diff"]
    assert done["changes"] == virgin["changes"], "check mode needs no tunnel"
    assert len(dump("br-tun")) == len(planned["ovs_flow"]["config"][0]["flows"])
    before = dump("br-tun")
    assert not any(module(name, **options)["changed"] for name, options in planned.items())
    assert dump("br-tun") == before


@pytest.mark.parametrize(("planned", "gre"), [(V4, "gre"), (V6, "ip6gre")], ids=["IPv4", "IPv6"], indirect=["planned"])
def test_every_tunnel_is_made(module, planned, gre):
    module("ovs_port", **planned["ovs_port"])
    ports = module("ovs_port_info", bridge=["br-tun"])["ports"]
    made = [(item["type"], item["error"]) for item in ports if "remote_ip" in item["options"]]
    assert sorted(made) == [("geneve", None), (gre, None), ("vxlan", None), ("vxlan", None)]


def leads_to(flow):
    """The ports of br-tun that a packet leaves through, by Open vSwitch's own account."""
    text = run("ovs-appctl", "ofproto/trace", "--names", "br-tun", flow)
    pipeline = text.partition("\nFinal flow:")[0]
    assert 'bridge("br-tun")' in pipeline
    return sorted(set(re.findall(r"^ +(?:output:)?\"?((?:vxlan|gre|geneve|patch)-\w+|IN_PORT)\"?$", pipeline, re.M)))


def arp(target, sender="192.168.1.11", mac="fa:16:3e:00:00:0b"):
    return (f"in_port=patch-int,dl_vlan=1,arp,arp_op=1,dl_src={mac},dl_dst=ff:ff:ff:ff:ff:ff,arp_sha={mac},"
            f"arp_tha=00:00:00:00:00:00,arp_spa={sender},arp_tpa={target}")


def unicast(mac):
    return f"in_port=patch-int,dl_vlan=1,udp,dl_src=fa:16:3e:00:00:0b,dl_dst={mac}"


@pytest.mark.parametrize("planned", [V4], ids=["IPv4"], indirect=True)
def test_packets_go_where_their_destination_is(module, planned):
    for name, options in planned.items():
        module(name, **options)
    everyone = ["vxlan-0a000115", "vxlan-0a000120"]
    assert leads_to(unicast("fa:16:3e:00:00:0c")) == ["vxlan-0a000120"]
    assert leads_to(unicast("fa:16:3e:00:00:01")) == ["vxlan-0a000115"]
    assert leads_to(unicast("fa:16:3e:00:00:0d")) == [], "on this host"
    assert leads_to(unicast("00:00:5e:00:01:01")) == everyone, "in no model"
    assert leads_to(arp("192.168.1.12")) == ["IN_PORT"], "answered"
    assert leads_to(arp("192.168.1.13")) == [], "asked on this host"
    assert leads_to(arp("192.168.1.11")) == everyone, "announced"
    assert leads_to(arp("192.168.1.11", sender="0.0.0.0")) == everyone, "probed by its owner"
    assert leads_to(arp("192.168.1.13", sender="0.0.0.0")) == [], "probed by another"
    assert leads_to(arp("192.168.1.99")) == everyone, "in no model"
    assert leads_to("in_port=patch-int,dl_vlan=1,udp,dl_dst=ff:ff:ff:ff:ff:ff") == everyone
    assert leads_to("in_port=patch-int,dl_vlan=2,udp,dl_dst=ff:ff:ff:ff:ff:ff") == ["gre-0a000121"]
    assert leads_to("in_port=patch-int,dl_vlan=9,udp,dl_dst=ff:ff:ff:ff:ff:ff") == []
    inward = "tun_src=10.0.1.32,tun_dst=10.0.1.31,udp,dl_src=00:00:5e:00:01:01,dl_dst=fa:16:3e:00:00:0b"
    assert leads_to(f"in_port=vxlan-0a000120,tun_id=0x64,{inward}") == ["patch-int"]
    assert leads_to(f"in_port=vxlan-0a000120,tun_id=0x65,{inward}") == [], "another type's id"


@pytest.mark.parametrize("planned", [V4], ids=["IPv4"], indirect=True)
def test_what_comes_out_of_a_tunnel_is_learnt(module, planned):
    for name, options in planned.items():
        module(name, **options)
    run("ovs-appctl", "ofproto/trace", "br-tun", "-generate",
        "in_port=vxlan-0a000120,tun_id=0x64,tun_src=10.0.1.32,tun_dst=10.0.1.31,"
        "udp,dl_src=00:00:5e:00:01:01,dl_dst=fa:16:3e:00:00:0b")
    assert leads_to(unicast("00:00:5e:00:01:01")) == ["vxlan-0a000120"]
    before = dump("br-tun")
    assert module("ovs_flow", **planned["ovs_flow"])["changed"] is False
    assert dump("br-tun") == before
