# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's part of a distributed router, converged: where Open vSwitch leads its frames, over every type of network."""

from __future__ import annotations

import re

import pytest

from tests import sandbox
from tests.golden.converge import converge
from tests.unit.distributed import HOSTS, SITE, planned

from .conftest import clean, run

OWN, OTHER = "fa:16:3f:00:00:31", "fa:16:3f:00:00:32"
TG1, TG2, ONE, TWO, THREE = (f"fa:16:3e:00:{last}" for last in ("01:01", "02:01", "01:0b", "02:0c", "02:0d"))
TAP_ONE, TAP_TWO, QR1, QR2 = "tap0000000b-00", "tap0000000c-00", "tapb1a894fd-00", "tapb2a894fd-00"
EVERYBODY = "ff:ff:ff:ff:ff:ff"
KINDS = ("vxlan", "gre", "geneve", "vlan", "flat")


def site(kind):
    """Changes that make blue and red networks of a kind."""
    for index in (1, 2):
        network = {**SITE["dataplane_networks"][index], "network_type": kind}
        if kind in ("vlan", "flat"):
            network["physical_network"] = {1: "vlan", 2: "other"}[index] if kind == "flat" else "vlan"
        if kind == "flat":
            del network["segmentation_id"]
        yield f"dataplane_networks[{index}]", network


class Wire:
    """The way from other hosts to br-int, and back."""

    def __init__(self, kind):
        self.kind = kind

    def from_compute2(self, frame, network):
        """The flow of a frame as it arrives. network: 1 (blue) or 2 (red)."""
        if self.kind in ("vxlan", "gre", "geneve"):
            return "br-tun", f"in_port={self.kind}-0a000120,tun_id={99 + network},tun_src=10.0.1.32," \
                             f"tun_dst=10.0.1.31,{frame}"
        if self.kind == "vlan":
            bridge, vlan = "br-vlan", f"dl_vlan={99 + network},"
        else:
            bridge, vlan = ("br-vlan", "br-other")[network - 1], ""
        return bridge, f"in_port=wire-{bridge[3:]},{vlan}{frame}"

    def is_outside(self, port):
        """Whether a port leads to other hosts."""
        return port.startswith(("vxlan-", "gre-", "geneve-", "wire-"))


class Trace:
    """A frame's way, by Open vSwitch's own account. ports: where it leaves. sources: {port: its source MAC there}."""

    def __init__(self, bridge, flow):
        text = run("ovs-appctl", "ofproto/trace", "--names", bridge, flow)
        tunnels = re.findall(r'output:"((?:vxlan|gre|geneve)-\w+)"', text)
        self.sources = dict.fromkeys(tunnels, (re.findall(r"set_field:([\w:]+)->eth_src", text) or [None])[-1])
        source = re.search(r"dl_src=([\w:]+)", flow)[1]
        actions = text.rpartition("Datapath actions: ")[2]
        for action in re.findall(r"set\(eth\([^)]*\)\)|[\w.]+-[\w.-]+", actions):
            changed = re.search(r"src=([\w:]+)", action)
            if action.startswith("set"):
                source = changed[1] if changed else source
            else:
                self.sources[action] = source
        self.ports = set(self.sources)


@pytest.fixture(scope="module", params=KINDS)
def wire(request):
    """The wires of compute1, which is converged with networks of a kind."""
    mappings = {"external": "br-ex", "vlan": "br-vlan", "other": "br-other"}
    hosts = {name: {**host, "dataplane_bridge_mappings": mappings} for name, host in HOSTS.items()}
    converge(sandbox.run_module, planned(*site(request.param), hosts=hosts)["compute1"])
    for bridge in ("br-vlan", "br-other"):
        run("ip", "link", "add", f"wire-{bridge[3:]}", "type", "veth", "peer", "name", f"far-{bridge[3:]}")
        run("ovs-vsctl", "add-port", bridge, f"wire-{bridge[3:]}")
    yield Wire(request.param)
    for bridge in ("br-vlan", "br-other"):
        run("ip", "link", "delete", f"wire-{bridge[3:]}")
    clean()


def inside(port, frame):
    """A frame that an instance or the router sends."""
    return Trace("br-int", f"in_port={port},{frame}")


def outside(wire, trace):
    return {port for port in trace.ports if wire.is_outside(port)}


def arp(source, sender, target, destination=EVERYBODY):
    return (f"arp,arp_op=1,dl_src={source},dl_dst={destination},arp_sha={source},arp_tha=00:00:00:00:00:00,"
            f"arp_spa={sender},arp_tpa={target}")


def test_what_the_router_sends_to_another_host_has_the_hosts_mac(wire):
    trace = inside(QR2, f"udp,dl_src={TG2},dl_dst={THREE}")
    left = outside(wire, trace)
    assert {trace.sources[port] for port in left} == {OWN}
    assert left == ({f"{wire.kind}-0a000120"} if wire.kind in ("vxlan", "gre", "geneve") else left)
    assert len(left) == 1


def test_what_another_part_sends_comes_as_from_this_one_to_its_destination_alone(wire):
    for mac, gateway, port, network in ((ONE, TG1, TAP_ONE, 1), (TWO, TG2, TAP_TWO, 2)):
        trace = Trace(*wire.from_compute2(f"udp,dl_src={OTHER},dl_dst={mac}", network))
        assert trace.sources == {port: gateway}


def test_what_another_part_asks_everybody_is_not_heard(wire):
    trace = Trace(*wire.from_compute2(arp(OTHER, "192.168.1.1", "192.168.1.11"), 1))
    assert trace.ports <= {"wire-vlan", "wire-other"}, "NORMAL spares only the port it came from"
    assert not trace.ports & {TAP_ONE, QR1}


def test_instances_ask_for_their_gateway_at_home(wire):
    trace = inside(TAP_ONE, arp(ONE, "192.168.1.11", "192.168.1.1"))
    assert QR1 in trace.ports
    assert outside(wire, trace) == set()
    assert QR2 not in trace.ports


def test_nobody_elsewhere_hears_the_router_announce_itself(wire):
    trace = inside(QR1, arp(TG1, "192.168.1.1", "192.168.1.1"))
    assert outside(wire, trace) == set()
    assert TAP_ONE in trace.ports


def test_frames_to_the_router_stay(wire):
    assert outside(wire, inside(TAP_ONE, f"udp,dl_src={ONE},dl_dst={TG1}")) == set()


def test_an_answer_to_the_hosts_mac_reaches_the_router(wire):
    about = f"arp_sha={THREE},arp_tha={TG2},arp_spa=192.168.2.13,arp_tpa=192.168.2.1"
    reply = f"arp,arp_op=2,dl_src={THREE},dl_dst={OWN},{about}"
    assert QR2 in Trace(*wire.from_compute2(reply, 2)).ports
    other = Trace(*wire.from_compute2(f"udp,dl_src={THREE},dl_dst={OWN}", 2))
    # A bridge that has not heard of the MAC yet asks its own device, too
    assert other.ports - {"br-vlan", "br-other"} == {QR2}


def test_an_instance_that_tags_its_frames_reaches_no_other_network(wire):
    for vlan in (1, 2, 3, 4, 100, 101):
        assert inside(TAP_ONE, f"dl_vlan={vlan},udp,dl_src={ONE},dl_dst={TWO}").ports & {TAP_TWO, QR2} == set()
    untagged = inside(TAP_ONE, f"udp,dl_src={ONE},dl_dst={TWO}")
    assert TAP_TWO not in untagged.ports


def test_instances_of_one_network_speak_as_themselves(wire):
    trace = inside(TAP_TWO, f"udp,dl_src={TWO},dl_dst={THREE}")
    assert {trace.sources[port] for port in outside(wire, trace)} <= {TWO, None}
    trace = Trace(*wire.from_compute2(f"udp,dl_src={THREE},dl_dst={TWO}", 2))
    assert trace.sources[TAP_TWO] == THREE
