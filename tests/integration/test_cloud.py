# SPDX-License-Identifier: GPL-3.0-or-later
"""A planned cloud on one host carries packets: instances, router, source NAT, floating IP, the world outside."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.questions import questions
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.report import disagreements
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden.converge import converge
from tests.unit.cloud import HOSTS, SITE, changed
from tests.unit.reach import TENANT

from .conftest import eventually, run

INTERNET = "198.51.100.10"
V6 = [
    ("dataplane_networks[1].subnets[1]", {"name": "blue6", "cidr": "fd00:b::/64"}),
    ("dataplane_networks[2].subnets[1]", {"name": "red6", "cidr": "fd00:c::/64"}),
    ("dataplane_ports[1].fixed_ips[1]", {"subnet": "red6"}),
    ("dataplane_routers[0].interfaces[2]", {"subnet": "blue6"}),
    ("dataplane_routers[0].interfaces[3]", {"subnet": "red6"}),
]


#: Another tenant, whose instance eve has an address that blue's ann has, too.
OVERLAP = [*TENANT, ("dataplane_ports[3]", {"name": "ann", "network": "blue", "binding_host_id": "compute1",
                                            "fixed_ips": [{"subnet": "blue4", "ip_address": "10.0.0.9"}]})]


def allocated(plug, firewall_driver, *changes):
    """The Allocated site with everything on compute1."""
    host = changed(HOSTS["network1"], ("groups", ["network", "compute"]), ("dataplane_bridge_interfaces", {}),
                   ("dataplane_interface_plug", plug), ("dataplane_firewall_driver", firewall_driver))
    hosts = {"compute1": host, "outside": HOSTS["outside"]}
    site = load(changed(SITE, ("dataplane_verify_internet", INTERNET), *V6, *changes), hosts)
    return Allocated(site, allocate(site, empty()))


def plans_of(*choices):
    site = allocated(*choices)
    return compile_site(site.site, site.lock)


@pytest.fixture(params=[("veth", "iptables_hybrid"), ("internal", "iptables_hybrid"), ("veth", "noop")], ids="-".join)
def site(request):
    return allocated(*request.param, *OVERLAP)


@pytest.fixture
def plans(site):
    return compile_site(site.site, site.lock)


@pytest.fixture
def cloud(clean_host, module, plans):
    converge(module, plans["compute1"])
    _world_outside()
    yield plans
    run("ip", "link", "delete", "tap-outside")  # the kernel itself takes it a while after its namespace


def _world_outside():
    """A namespace on br-ex that has the external gateway's address, and one behind it."""
    run("ip", "netns", "add", "outside")
    run("ip", "link", "add", "tap-outside", "type", "veth", "peer", "name", "eth0", "netns", "outside")
    run("ip", "link", "set", "tap-outside", "up")
    run("ovs-vsctl", "add-port", "br-ex", "tap-outside")
    inside = ("ip", "-n", "outside")
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "link", "set", "eth0", "up")
    run(*inside, "address", "add", "203.0.113.1/24", "dev", "eth0")
    run(*inside, "address", "add", f"{INTERNET}/32", "dev", "lo")
    run("ip", "netns", "exec", "outside", "ethtool", "-K", "eth0", "tx", "off")


def test_every_probe_is_answered_as_the_model_says(cloud, site, module):
    asked = questions(site, SiteSecurity(site), 1000)
    outside = {key: [{**each, "namespace": "outside"} for each in items] for key, items in asked["outside"].items()}
    probes = asked["compute1"]["probes"] + outside["probes"]
    from_ann = {"origin": "web", "address": "10.0.0.9", "expect_answered_by": "ann"}
    assert any(from_ann.items() <= probe.items() for probe in probes)
    assert {probe["expect"] for probe in probes} == {"reached", "unreached"}
    _settle()
    module("probe", listen=asked["compute1"]["listeners"] + outside["listeners"], seconds=60)
    results = module("probe", probes=probes)["results"]
    module("probe", listen=[])
    assert disagreements(results) == []


def _settle():
    """IPv6 addresses are usable once duplicate address detection has passed."""
    names = os.listdir("/run/netns")
    eventually(lambda: not any("tentative" in run("ip", "-n", name, "-6", "address") for name in names))


def _answers(namespace, *address):
    inside = ("ip", "netns", "exec", namespace)
    return subprocess.run([*inside, "ping", "-c1", "-W1", *address], capture_output=True, check=False).returncode == 0


def test_an_instance_reaches_the_other_network_in_both_families(cloud):
    _settle()
    eventually(lambda: _answers("vm-web", "10.0.1.9"))
    eventually(lambda: _answers("vm-web", "fd00:c::2"))


def test_an_instance_with_another_address_or_mac_is_not_heard(cloud):
    _settle()
    eventually(lambda: _answers("vm-db", "10.0.1.1"))
    run("ip", "-n", "vm-db", "address", "add", "10.0.1.77/24", "dev", "eth0")
    assert not _answers("vm-db", "-I", "10.0.1.77", "10.0.1.1")
    run("ip", "-n", "vm-db", "link", "set", "eth0", "address", "fa:16:3e:99:99:99")
    assert not _answers("vm-db", "10.0.1.1")


def _opens(port, namespace, address):
    command = ("ip", "netns", "exec", namespace, "nc", "-z", "-w1", address, str(port))
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_world_reaches_what_the_rules_open_and_with_noop_everything(cloud, module):
    module("probe", listen=[{"namespace": "vm-web", "port": port} for port in (22, 80)], seconds=20)
    _settle()
    eventually(lambda: _opens(22, "outside", "203.0.113.105"))
    assert _opens(80, "outside", "203.0.113.105") is not bool(cloud["compute1"]["security_groups"]["ports"])
    module("probe", listen=[])


def test_a_host_may_change_its_firewall_driver(clean_host, module):
    for driver in ("noop", "iptables_hybrid", "noop"):
        plan = plans_of("veth", driver)["compute1"]
        converge(module, plan)
        assert not any(result["changed"] for result in converge(module, plan).values()), driver
        _settle()
        eventually(lambda: _answers("vm-web", "10.0.0.1"))
        bridged = [link for link in run("ip", "-o", "link").splitlines() if " qbr" in link]
        assert bool(bridged) == (driver == "iptables_hybrid")


def test_a_hypervisor_brings_its_tap_and_is_filtered(clean_host, module):
    plan = plans_of("veth", "iptables_hybrid", ("dataplane_ports[0].vif", "bridge"))["compute1"]
    converge(module, plan)
    port = next(port for port in plan["security_groups"]["ports"] if not port["tap"])
    bridge, tap = ((prefix + port["port_id"])[:14] for prefix in ("qbr", "tap"))
    run("ip", "netns", "add", "guest")
    run("ip", "link", "add", tap, "type", "veth", "peer", "name", "eth0", "netns", "guest")
    run("ip", "link", "set", tap, "up", "master", bridge)
    inside = ("ip", "-n", "guest")
    run(*inside, "link", "set", "eth0", "up", "address", port["mac_address"])
    run(*inside, "address", "add", f"{port['fixed_ips'][0]}/24", "dev", "eth0")
    run("ip", "netns", "exec", "guest", "ethtool", "-K", "eth0", "tx", "off")

    eventually(lambda: _answers("guest", "10.0.0.1"))
    run(*inside, "address", "add", "10.0.0.77/24", "dev", "eth0")
    assert not _answers("guest", "-I", "10.0.0.77", "10.0.0.1")
    assert not any(result["changed"] for result in converge(module, plan).values())
