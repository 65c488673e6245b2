# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own datapath: three hosts, networks of every type, and traffic that nothing disturbs."""

from __future__ import annotations

import pytest

from tests import sandbox
from tests.kernel import hosts
from tests.kernel.hosts import Host, cable
from tests.sandbox import eventually, run
from tests.unit.test_tunnels import network, plan

UNDERLAY = {"network1": "10.0.1.21", "compute1": "10.0.1.31", "compute2": "10.0.1.32"}
HOSTS = {
    name: {
        "groups": [name[:-1]],
        "dataplane_local_ip": address,
        "dataplane_datapath_type": "system",
        "dataplane_bridge_mappings": {"vlan": "br-vlan"},
        "dataplane_bridge_interfaces": {"br-vlan": ["eth2"]},
    }
    for name, address in UNDERLAY.items()
}
TYPES = ("vxlan", "gre", "geneve", "vlan")


def on_both_computes(name, kind, segment, third):
    """A network, and an instance in it on each compute host."""
    physical = {"physical_network": "vlan"} if kind == "vlan" else {}
    made = network(name, kind, segment, f"10.1.{third}.0/24", **physical)
    return made, [instance(f"{name}{host}", name, f"compute{host}", f"10.1.{third}.{10 + host}") for host in (1, 2)]


def instance(name, network, host, address):
    fixed_ips = [{"subnet": f"{network}-subnet", "ip_address": address}]
    return {"name": name, "network": network, "binding_host_id": host, "fixed_ips": fixed_ips}


def site(*more):
    """The four networks, a router between two of them, and more networks."""
    pairs = [on_both_computes(kind, kind, 100 + number, number) for number, kind in enumerate(TYPES)] + list(more)
    return {
        "dataplane_site": "test",
        "dataplane_enable_metadata_proxy": False,
        "dataplane_networks": [made for made, _ports in pairs],
        "dataplane_ports": [each for _made, ports in pairs for each in ports],
        "dataplane_routers": [
            {"name": "r1", "interfaces": [{"subnet": "vxlan-subnet"}, {"subnet": "vlan-subnet"}]},
        ],
    }  # fmt: skip


MORE = [on_both_computes(f"more{number}", TYPES[number % 4], 200 + number, 100 + number) for number in range(4)]


@pytest.fixture(scope="module")
def cloud():
    """{name: Host}, converged to site()."""
    found = {name: Host() for name in HOSTS}
    sandbox.enter()  # the switches between them; in this process, so after the hosts
    for switch in ("tunnel", "trunk"):
        run("ip", "link", "add", switch, "type", "bridge")
        run("ip", "link", "set", switch, "up")
    for name, host in found.items():
        cable("tunnel", host, "eth1", f"{UNDERLAY[name]}/24")
        cable("trunk", host, "eth2")
    everywhere(found, site())
    yield found
    for host in found.values():
        host.end()


def everywhere(cloud, wanted, check=False):
    """Converge all hosts; {name: [what changed]}."""
    plans = plan(wanted, HOSTS)
    return {name: host.do(hosts.converge, plans[name], check) for name, host in cloud.items()}


def test_a_second_run_changes_nothing(cloud):
    assert cloud["compute1"].do(run, "ovs-appctl", "dpctl/dump-dps").strip() == "system@ovs-system"
    assert everywhere(cloud, site()) == {name: [] for name in HOSTS}


@pytest.mark.parametrize("kind", TYPES)
def test_instances_reach_each_other(cloud, kind):
    address = f"10.1.{TYPES.index(kind)}.12"
    size = int(cloud["compute1"].do(run, "ip", "netns", "exec", f"vm-{kind}1", "cat", "/sys/class/net/eth0/mtu")) - 28
    full = ["ping", "-c", "3", "-i", "0.2", "-W", "5", "-M", "do", "-s", str(size), address]
    assert " 0% packet loss" in cloud["compute1"].do(run, "ip", "netns", "exec", f"vm-{kind}1", *full)


def test_through_the_router(cloud):
    """Its interfaces are internal ports, moved into its namespace."""
    cloud["compute1"].do(run, "ip", "netns", "exec", "vm-vxlan1", "ping", "-c", "3", "-W", "5", "10.1.3.12")


def test_growing_and_shrinking_disturbs_nothing(cloud):
    one, two = cloud["compute1"], cloud["compute2"]
    for number, kind in enumerate(TYPES):
        one.do(hosts.ping, kind, f"vm-{kind}1", f"10.1.{number}.12")
    two.do(hosts.serve, "echo", "vm-gre2", 7777)
    one.do(hosts.stream, "stream", "vm-gre1", "10.1.1.12", 7777)
    predicted = everywhere(cloud, site(*MORE), check=True)
    grown = everywhere(cloud, site(*MORE))
    assert grown == predicted and grown["compute1"]
    shrunk = everywhere(cloud, site())
    assert shrunk["compute1"]
    lost = {kind: one.do(hosts.pinged, kind) for kind in TYPES}
    report = one.do(hosts.streamed, "stream")
    print(f"answers and losses: {lost}; {report}; {len(grown['compute1'])} and {len(shrunk['compute1'])} changes")
    assert all(answers > 100 and missing == 0 for answers, missing in lost.values()), lost
    assert report["alive"] and report["lost"] == 0 and report["echoed"] > 100, report


def test_a_restart_of_open_vswitch_is_healed(cloud):
    """On this datapath, too, the flows are gone with the process that had them."""
    one = cloud["compute1"]
    one.do(run, "ovs-appctl", "-t", "ovs-vswitchd", "exit")
    one.do(sandbox.start_daemon, "ovs-vswitchd", "unix:/run/openvswitch/db.sock")
    assert everywhere(cloud, site())["compute1"], "flows came back"
    eventually(lambda: "1 received" in _answer(one), seconds=30)
    assert everywhere(cloud, site()) == {name: [] for name in HOSTS}


def _answer(host):
    return host.do(run, "sh", "-c", "ip netns exec vm-vxlan1 ping -c 1 -W 1 10.1.0.12 || :")
