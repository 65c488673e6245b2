# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that know nothing get everything from real dnsmasq and radvd: addresses, routes, MTU, names, options."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden.converge import converge
from tests.processes import Processes
from tests.sandbox import run_module
from tests.unit.cloud import changed

from .conftest import clean, eventually, run

OURS = ("/etc/netns", "/var/lib/dhcp", "/var/lib/neutron")
DNS, DNS6 = "192.0.2.53", "2001:db8::53"
MTU = 1400


def network(name, *subnets, **others):
    subnets = [{"name": f"{name}-{n}", **subnet} for n, subnet in enumerate(subnets)]
    return {"name": name, "network_type": "vlan", "physical_network": "vlan", "subnets": subnets, **others}


def subnet6(number, mode, **others):
    return {"cidr": f"fd00:{number}::/64", "ipv6_ra_mode": mode, "ipv6_address_mode": mode, **others}


def instance(name, **others):
    return {"name": name, "binding_host_id": "host", **others}


SITE = {
    "dataplane_site": "test",
    "dataplane_lab": True,
    "dataplane_nova_metadata_host": "192.0.2.1",
    "dataplane_enable_isolated_metadata": True,
    "dataplane_vlan_ranges": {"vlan": [100, 199]},
    "dataplane_networks": [
        network("slaac",
                {"cidr": "10.0.0.0/24", "dns_nameservers": [DNS],
                 "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.77"}]},
                {"cidr": "10.0.1.0/24", "gateway_ip": None}, subnet6(1, "slaac", dns_nameservers=[DNS6]), mtu=MTU),
        network("stateful", subnet6(2, "dhcpv6-stateful")),
        network("stateless", subnet6(3, "dhcpv6-stateless", dns_nameservers=[DNS6])),
        network("isolated", {"cidr": "10.4.0.0/24"}, {"cidr": "fd00:4::/64", "enable_dhcp": False}),
        network("static", {"cidr": "10.5.0.0/24", "enable_dhcp": False}),
    ],
    "dataplane_routers": [{"name": "r1", "interfaces": [
        {"subnet": name} for name in ("slaac-0", "slaac-2", "stateful-0", "stateless-0", "static-0")]}],
    "dataplane_ports": [
        instance("web", network="slaac", fixed_ips=[{"subnet": "slaac-0", "ip_address": "10.0.0.5"}],
                 extra_dhcp_opts=[{"opt_name": "tftp-server", "opt_value": "192.0.2.99"},
                                  {"opt_name": "150", "opt_value": "192.0.2.98"}]),
        instance("db", network="slaac", fixed_ips=[{"subnet": "slaac-1", "ip_address": "10.0.1.6"}]),
        instance("full", network="stateful"),
        instance("less", network="stateless"),
        instance("alone", network="isolated"),
        instance("still", network="static"),
    ],
}
HOSTS = {"host": {"groups": ["network", "compute"], "dataplane_datapath_type": "netdev",
                  "dataplane_firewall_driver": "noop", "dataplane_bridge_mappings": {"vlan": "br-vlan"}}}


#: What does not depend on how the server is plugged.
once = pytest.mark.parametrize("cloud", ["veth"], indirect=True)


class Cloud:
    """A host with the site on it, and its services as processes."""

    def __init__(self, plug):
        self.hosts = changed(HOSTS, ("host.dataplane_interface_plug", plug))
        self.lock, self.processes, self.running = empty(), Processes(), {}

    def plan(self, *changes):
        site = load(changed(copy.deepcopy(SITE), *changes), self.hosts)
        self.lock = allocate(site, self.lock)
        return compile_site(site, self.lock)["host"]

    def build(self, *changes):
        """Converge to the site with changes, as the roles do."""
        self.planned = self.plan(*changes)
        converge(run_module, self.planned)
        wanted = {item["name"]: item for item in self.planned["services"] if "haproxy" not in str(item["command"])}
        for name in self.running.keys() - wanted.keys():
            self.processes.end(name)
        for name, item in wanted.items():
            before = self.running.get(name)
            if before and before != item and "reload_signal" in before and "reload_signal" in item:
                self.processes.reload(item)
            elif before != item:
                if before:
                    self.processes.end(name)
                self.processes.start([item])
        self.running = wanted

    def addresses(self, name, prefix_length=64):
        """The IPv6 addresses that the model gives an instance."""
        site = load(copy.deepcopy(SITE), self.hosts)
        fixed_ips = next(port.fixed_ips for port in site.ports if port.name == name)
        allocated = [Allocated(site, self.lock).address(fixed) for fixed in fixed_ips]
        return {f"{address}/{prefix_length}" for address in allocated if address.version == 6}


@pytest.fixture(scope="module", params=["veth", "internal"])
def cloud(request):
    for directory in OURS:
        os.makedirs(directory, exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", directory)
    built = Cloud(request.param)
    try:
        built.build()
        yield built
    finally:
        built.processes.stop()
        clean()
        for directory in OURS:
            run("umount", directory)


def addresses(name, family="inet"):
    """Global addresses of an instance, with prefix length."""
    shown = json.loads(run("ip", "-j", "-n", f"vm-{name}", "address", "show", "dev", "eth0", "scope", "global"))
    return {f"{each['local']}/{each['prefixlen']}" for link in shown for each in link.get("addr_info", [])
            if each.get("family") == family and not each.get("tentative")}


def routes(name, family="-4"):
    """{destination: gateway or None}"""
    shown = json.loads(run("ip", "-j", family, "-n", f"vm-{name}", "route"))
    return {each["dst"]: each.get("gateway") for each in shown if each.get("protocol") != "kernel"}


def mtu(name):
    (link,) = json.loads(run("ip", "-j", "-n", f"vm-{name}", "link", "show", "dev", "eth0"))
    return link["mtu"]


def resolv_conf(name):
    return Path(f"/etc/netns/vm-{name}/resolv.conf").read_text().splitlines()


def inside(name, *command):
    return subprocess.run(["ip", "netns", "exec", f"vm-{name}", *command], capture_output=True, text=True, check=False)


def test_an_instance_learns_address_routes_mtu_and_names(cloud):
    eventually(lambda: addresses("web") == {"10.0.0.5/24"}, 20)
    eventually(lambda: routes("web") == {
        "default": "10.0.0.1", "10.0.1.0/24": None, "10.9.0.0/16": "10.0.0.77", "169.254.169.254": "10.0.0.1"})
    assert mtu("web") == MTU
    eventually(lambda: resolv_conf("web") == ["search openstacklocal", f"nameserver {DNS}"])
    assert DNS not in Path("/etc/resolv.conf").read_text()


def test_a_subnet_without_gateway_has_no_default_route(cloud):
    eventually(lambda: addresses("db") == {"10.0.1.6/24"}, 20)
    server = cloud.lock["addresses"]["slaac-1"]["dhcp slaac"]
    assert routes("db") == {"10.0.0.0/24": None, "169.254.169.254": server}
    eventually(lambda: resolv_conf("db") == ["search openstacklocal", f"nameserver {server}"])


@once
def test_a_card_starts_with_1500_bytes_and_the_mtu_is_what_dhcp_says_for_good(cloud):
    (card,) = next(item["links"] for item in cloud.planned["namespaces"] if item["name"] == "vm-db")
    assert (card["mtu"], card["peer_mtu"]) == (1500, MTU)
    eventually(lambda: mtu("db") == MTU, 20)
    converge(run_module, cloud.planned)
    assert mtu("db") == MTU


def test_slaac(cloud):
    eventually(lambda: addresses("web", "inet6") == cloud.addresses("web"), 20)
    eventually(lambda: routes("web", "-6").get("default", "").startswith("fe80::"))
    assert routes("web", "-6")["fe80::a9fe:a9fe"].startswith("fe80::")


def test_dhcpv6_stateful(cloud):
    eventually(lambda: addresses("full", "inet6") == cloud.addresses("full", 128), 30)
    eventually(lambda: routes("full", "-6").get("default", "").startswith("fe80::"))
    eventually(lambda: inside("full", "ping", "-c1", "-W1", "fd00:2::1").returncode == 0)


def test_dhcpv6_stateless(cloud):
    eventually(lambda: addresses("less", "inet6") == cloud.addresses("less"), 30)
    eventually(lambda: resolv_conf("less") == ["search openstacklocal.", f"nameserver {DNS6}"], 20)
    eventually(lambda: inside("less", "ping", "-c1", "-W1", "fd00:3::1").returncode == 0)


@once
def test_without_dhcp_an_instance_has_its_address_from_the_start(cloud):
    assert addresses("still") == {"10.5.0.2/24"}
    assert routes("still") == {"default": "10.5.0.1"}


def test_an_isolated_network_asks_its_server_for_metadata(cloud):
    eventually(lambda: addresses("alone") == {"10.4.0.2/24"}, 20)
    assert addresses("alone", "inet6") == {"fd00:4::2/64"}, "static, as nothing tells it"
    server = cloud.lock["addresses"]["isolated-0"]["dhcp isolated"]
    eventually(lambda: routes("alone") == {"default": "10.4.0.1", "169.254.169.254": server})
    for address in ("169.254.169.254", "fe80::a9fe:a9fe%eth0"):
        eventually(lambda address=address: inside("alone", "ping", "-c1", "-W1", address).returncode == 0, 10)


@once
def test_names_are_resolved_by_the_server(cloud):
    eventually(lambda: addresses("db") == {"10.0.1.6/24"}, 20)
    assert inside("db", "getent", "hosts", "host-10-0-0-5").stdout.split() == [
        "10.0.0.5", "host-10-0-0-5.openstacklocal"]


@once
def test_extra_dhcp_options_are_for_their_port_alone(cloud, tmp_path):
    assert _asked(tmp_path, "web") == {"tftp-server-name": '"192.0.2.99"', "option-150": "c0:0:2:62"}
    assert _asked(tmp_path, "db") == {}


def _asked(directory, name):
    """What a client that wants these options is told."""
    (directory / "conf").write_text('option option-150 code 150 = string;\nrequest tftp-server-name, option-150;\n')
    leases = directory / f"{name}.leases"
    client = subprocess.Popen(
        ["ip", "netns", "exec", f"vm-{name}", "dhclient", "-4", "-d", "--no-pid", "-sf", "/bin/true",
         "-cf", str(directory / "conf"), "-lf", str(leases), "eth0"], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        eventually(lambda: leases.exists() and "}" in leases.read_text(), 20)
    finally:
        client.kill()
        client.wait()
    return dict(re.findall(r"option (tftp-server-name|option-150) (.*);", leases.read_text()))


def test_a_second_run_finds_nothing_to_do(cloud):
    eventually(lambda: addresses("web") == {"10.0.0.5/24"}, 20)
    results = converge(run_module, cloud.planned, check=True)
    assert {name: result["changed"] for name, result in results.items()} == dict.fromkeys(results, False)


# What changes while instances run

@once
@pytest.mark.parametrize(("network_name", "neighbour", "prefix"), [
    ("isolated", "alone", "10.4.0"), ("slaac", "db", "10.0.0")])
def test_a_new_instance_gets_its_address_and_the_others_keep_their_leases(cloud, network_name, neighbour, prefix):
    eventually(lambda: addresses(neighbour), 20)
    servers, before = _pids(cloud), _leases(cloud, network_name)
    new = f"new-{network_name}"
    cloud.build(_another(new, network_name))
    address = cloud.lock["addresses"][f"{network_name}-0"][f"port {new}"]
    assert address.startswith(prefix)
    eventually(lambda: addresses(new) == {f"{address}/24"}, 20)
    assert before.items() <= _leases(cloud, network_name).items()
    assert (_pids(cloud) == servers) == (network_name == "isolated"), "where a signal is enough, it is a signal"
    cloud.build()


@once
@pytest.mark.parametrize(("network_name", "family", "length"), [
    ("isolated", "inet", 24), ("slaac", "inet", 24), ("stateful", "inet6", 128)])
def test_the_address_of_an_instance_that_is_gone_is_the_next_ones(cloud, network_name, family, length):
    old, new = f"old-{network_name}", f"next-{network_name}"
    cloud.build(_another(old, network_name))
    address = cloud.lock["addresses"][f"{network_name}-0"][f"port {old}"]
    eventually(lambda: addresses(old, family) >= {f"{address}/{length}"}, 30)
    cloud.build(_another(new, network_name))
    assert cloud.lock["addresses"][f"{network_name}-0"][f"port {new}"] == address
    eventually(lambda: addresses(new, family) >= {f"{address}/{length}"}, 60)
    cloud.build()


def _another(name, network_name):
    return ("dataplane_ports[6]", instance(name, network=network_name, fixed_ips=[{"subnet": f"{network_name}-0"}]))


def _pids(cloud):
    return {name: process.pid for name, process in cloud.processes.running.items() if name.startswith("dnsmasq")}


def _leases(cloud, network_name):
    """{address: MAC} of the IPv4 leases of a network's server."""
    server = next(item for item in cloud.running.values() if item["description"] == f"DHCP of network {network_name}")
    text = next(Path(file["path"]).read_text() for file in server["files"] if file["path"].endswith("/leases"))
    return {words[2]: words[1] for words in map(str.split, text.splitlines()) if len(words) == 5 and "." in words[2]}
