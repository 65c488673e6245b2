# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/examples/floating_ip.yml makes exactly what was once typed by hand, and traffic passes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.typed_router import FILTER, NAT

from .conftest import eventually, run
from .play import ROOT, run_play

PLAYBOOK = ROOT / "playbooks" / "examples" / "floating_ip.yml"
ROUTER = "qrouter02"


@pytest.fixture
def host(clean_host):
    """eth3 leads to the outside, 10.255.253.1; both ends as the wiring of a lab makes them."""
    run("ip", "netns", "add", "outside")
    run("ip", "link", "add", "eth3", "type", "veth", "peer", "name", "eth0", "netns", "outside")
    run("ip", "-n", "outside", "address", "add", "10.255.253.1/24", "dev", "eth0")
    run("ip", "-n", "outside", "link", "set", "eth0", "up")
    run("ip", "netns", "exec", "outside", "ethtool", "-K", "eth0", "tx", "off")
    yield
    run("ip", "link", "del", "eth3")


@pytest.fixture
def play(tmp_path):
    """play(*options) runs the playbook on this host; what each task changed, {name: (changes, commands)}."""
    return lambda *options: run_play(PLAYBOOK, tmp_path, *options, "-e", '{"datapath_type": "netdev"}')


def saved(table):
    lines = run("ip", "netns", "exec", ROUTER, "iptables-save", "-t", table).splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith("-A"))


def test_the_example_makes_what_was_typed_by_hand(host, play):
    predicted = play("--check", "--diff")
    assert run("ovs-vsctl", "list-br") == ""
    assert play() == predicted
    assert len(predicted) == 6
    assert saved("filter") == FILTER
    assert saved("nat") == NAT
    devices = run("ip", "-n", ROUTER, "-4", "address", "show")
    for address in (
        "inet 10.0.2.1/24 brd 10.0.2.255 scope global qr03",
        "inet 10.255.253.11/24 brd 10.255.253.255 scope global qg02",
        "inet 10.255.253.84/24 brd 10.255.253.255 scope global secondary qg02",
    ):
        assert address in devices
    assert run("ip", "-n", ROUTER, "route", "show", "default").startswith("default via 10.255.253.1 dev qg02 ")
    assert run("ip", "netns", "exec", ROUTER, "sysctl", "-n", "net.ipv4.ip_forward") == "1\n"
    assert set(run("ovs-vsctl", "list-ports", "br-ex").split()) == {"eth3", "qg02"}
    assert run("ovs-vsctl", "list-ports", "br-int").split() == ["qr03"]
    assert run("ovs-vsctl", "get", "port", "qr03", "tag") == "3\n"
    assert run("ovs-vsctl", "get", "port", "qg02", "tag") == "[]\n"
    assert play() == {}


def instance(number):
    """An instance on VLAN 3 of br-int."""
    name = f"vm{number}"
    run("ip", "netns", "add", name)
    run("ip", "link", "add", f"tap-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "netns", "exec", name, "ethtool", "-K", "eth0", "tx", "off")
    run("ip", "-n", name, "address", "add", f"10.0.2.{number}/24", "dev", "eth0")
    run("ip", "-n", name, "link", "set", "eth0", "up")
    run("ip", "-n", name, "route", "add", "default", "via", "10.0.2.1")
    run("ip", "link", "set", f"tap-{name}", "up")
    run("ovs-vsctl", "add-port", "br-int", f"tap-{name}", "tag=3")
    return name


def seen_by_outside(name):
    """The source address that the outside sees of a TCP connection from an instance; "" while none gets through."""
    server = (
        "import socket; s = socket.create_server(('10.255.253.1', 7777)); s.settimeout(3)\n"
        "print('ready', flush=True); print(s.accept()[1][0])"
    )
    client = "import socket; socket.create_connection(('10.255.253.1', 7777), 2)"
    listening = subprocess.Popen(["ip", "netns", "exec", "outside", sys.executable, "-c", server],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    listening.stdout.readline()
    subprocess.run(["ip", "netns", "exec", name, sys.executable, "-c", client], check=False, stderr=subprocess.DEVNULL)
    return listening.communicate()[0].strip()


def test_traffic_takes_the_floating_ip(host, play):
    play()
    with_floating_ip, without = instance(84), instance(85)
    eventually(lambda: seen_by_outside(with_floating_ip) == "10.255.253.84", 20)
    eventually(lambda: seen_by_outside(without) == "10.255.253.11", 20)
