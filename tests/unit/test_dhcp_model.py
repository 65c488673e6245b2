# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCP and router advertisements in the site model: what is refused, who serves, which addresses there are."""

from __future__ import annotations

import subprocess
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site import dhcp_options
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.eui64 import eui64
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import HOSTS, SITE, changed

NET, PORT = "dataplane_networks[1]", "dataplane_ports[0]"
SUBNET4, SUBNET6, OPTION = f"{NET}.subnets[0]", f"{NET}.subnets[1]", f"{PORT}.extra_dhcp_opts[0]"
SERVED = (f"{SUBNET4}.enable_dhcp", True)
V6 = (SUBNET6, {"name": "blue6", "cidr": "fd00:b::/64"})
FOUR_HOSTS = changed(HOSTS, *((f"network{n}", {**HOSTS["network1"], "dataplane_local_ip": f"10.0.1.2{n}"})
                              for n in (2, 3, 4)))
MAC = "fa:16:3e:85:fa:a0"


def site_of(*changes, hosts=HOSTS):
    return load(changed(changed(SITE, SERVED, V6), *changes), hosts)


def mode(ra=None, address=None, **subnet):
    given_modes = {"ipv6_ra_mode": ra, "ipv6_address_mode": address}
    return [(f"{SUBNET6}.{key}", value) for key, value in {**given_modes, **subnet}.items() if value is not None]


def option(name, value="1.2.3.4", **more):
    return (f"{PORT}.extra_dhcp_opts", [{"opt_name": name, "opt_value": value, **more}])


def server(**item):
    return ("dataplane_dhcp_ports", [{"network": "blue", **item}])


def pinned_address(address):
    return {"fixed_ips": [{"subnet": "blue4", "ip_address": address}]}


FAULTS = [
    ((f"{SUBNET4}.ipv6_ra_mode", "slaac"),
     f"{SUBNET4}.ipv6_ra_mode: slaac: is for IPv6 subnets only, and 10.0.0.0/24 is IPv4"),
    ((f"{SUBNET6}.ipv6_ra_mode", "stateful"), f"{SUBNET6}.ipv6_ra_mode: stateful: must be slaac or dhcpv6-stateful"),
    (mode("slaac", enable_dhcp=False), f"{SUBNET6}.ipv6_ra_mode: slaac: needs enable_dhcp: true"),
    (mode(None, "dhcpv6-stateful", enable_dhcp=False),
     f"{SUBNET6}.ipv6_address_mode: dhcpv6-stateful: needs enable_dhcp: true"),
    (mode("slaac", "dhcpv6-stateless"),
     f"{SUBNET6}.ipv6_address_mode: dhcpv6-stateless: must be slaac, as ipv6_ra_mode is"),
    (mode("slaac", cidr="fd00:b::/80"), f"{SUBNET6}.cidr: fd00:b::/80: must be a /64"),
    (mode(None, "dhcpv6-stateless", cidr="fd00::/48"), f"{SUBNET6}.cidr: fd00::/48: must be a /64"),
    (mode("dhcpv6-stateful", cidr="fd00::/48"), f"{SUBNET6}.cidr: fd00::/48: must be a /64 or longer for DHCPv6"),
    ((f"{SUBNET4}.dns_nameservers", ["9.9.9.9", "2620:fe::fe"]),
     f"{SUBNET4}.dns_nameservers[1]: 2620:fe::fe: must be IPv4, as 10.0.0.0/24 is"),
    ((f"{SUBNET4}.host_routes", [{"destination": "10.9.0.0/16", "nexthop": "fd00:b::9"}]),
     f"{SUBNET4}.host_routes[0].nexthop: fd00:b::9: must be IPv4"),
    ((f"{SUBNET6}.host_routes", [{"destination": "10.9.0.0/16", "nexthop": "fd00:b::9"}]),
     f"{SUBNET6}.host_routes[0].destination: 10.9.0.0/16: must be IPv6"),
    (option("nope"), f"{OPTION}.opt_name: nope: must be a number from 1 to 255 or one of dnsmasq's names of DHCPv4"),
    (option("256"), f"{OPTION}.opt_name: 256: must be a number from 1 to 255"),
    (option("mtu", ip_version=6), f"{OPTION}.opt_name: mtu: must be a number from 1 to 65535 or one of dnsmasq's"),
    (option("a b"), f"{OPTION}.opt_name: a b: must be a DHCP option as dnsmasq writes it"),
    (option("dns-server", "here"), f"{OPTION}.opt_value: here: must be IPv4 addresses, separated by ','"),
    (option("6", "1.2.3.4,fd00::1"), f"{OPTION}.opt_value: 1.2.3.4,fd00::1: must be IPv4 addresses"),
    (option("43", "7"), f"{OPTION}.opt_value: 7: must not be a number in option 43"),
    (option("mtu", "7,8"), f"{OPTION}.opt_value: 7,8: must not be several numbers"),
    (option("bootfile-name", "a\nb"), f"{OPTION}.opt_value: a\nb: must be one line"),
    (option("bootfile-name", ""), f'{OPTION}.opt_value: "": must not be empty'),
    (option("client-id", "a,b"), f"{OPTION}.opt_value: a,b: must be a client identifier"),
    (option("mtu", 14.5), f"{OPTION}.opt_value: 14.5: must be a string or a whole number"),
    ([option("mtu", 1400), (f"{PORT}.extra_dhcp_opts[1]", {"opt_name": "mtu", "opt_value": "1300"})],
     f"{PORT}.extra_dhcp_opts[1].opt_name: mtu: is given already, at {OPTION}.opt_name"),
    ([option("bootfile-url", "x", ip_version=6), (f"{PORT}.fixed_ips", [{"subnet": "blue4"}])],
     f"{OPTION}.ip_version: 6: must be that of one of the port's addresses: web has no IPv6 address"),
    (server(network="blu"), "dataplane_dhcp_ports[0].network: blu: is not a known network: did you mean blue?"),
    (server(network="red"), "dataplane_dhcp_ports[0].network: red: must have a subnet with enable_dhcp: true"),
    (server(binding_host_id="compute1"),
     "dataplane_dhcp_ports[0].binding_host_id: compute1: must be a host of group network"),
    (server(**pinned_address("10.0.9.2")),
     "dataplane_dhcp_ports[0].fixed_ips[0].ip_address: 10.0.9.2: must be inside 10.0.0.0/24"),
    (server(**pinned_address("10.0.0.1")), "dataplane_dhcp_ports[0].fixed_ips[0].ip_address: 10.0.0.1: must be unique"),
    ([server(fixed_ips=[{"subnet": "blue6"}]), (f"{SUBNET6}.enable_dhcp", False)],
     "dataplane_dhcp_ports[0].fixed_ips[0]: blue6: must be a subnet with enable_dhcp: true"),
    ([server(), ("dataplane_dhcp_ports[1]", {"network": "blue"})],
     "dataplane_dhcp_ports[1]: blue: is served by 2 ports, and only 1 hosts of group network reach it"),
    ([server(binding_host_id="network1"), ("dataplane_dhcp_ports[1]", {"network": "blue",
                                                                       "binding_host_id": "network1"})],
     "dataplane_dhcp_ports[1].binding_host_id: network1: serves this network already, at dataplane_dhcp_ports[0]."),
    ([*mode("slaac"), (f"{PORT}.fixed_ips", [{"subnet": "blue6", "ip_address": "fd00:b::7"}])],
     f"{PORT}.fixed_ips[0].ip_address: fd00:b::7: needs mac_address: addresses of subnet blue6 are made of prefix"),
    ([*mode("slaac"), (f"{PORT}.fixed_ips", [{"subnet": "blue6", "ip_address": "fd00:b::7"}]),
      (f"{PORT}.mac_address", MAC)],
     f"{PORT}.fixed_ips[0].ip_address: fd00:b::7: must be fd00:b::f816:3eff:fe85:faa0, which follows from mac_address"),
    ([*mode("slaac"), (f"{PORT}.fixed_ips", [{"subnet": "blue6"}, {"subnet": "blue6"}])],
     f"{PORT}.fixed_ips[1]: blue6: has an address there already, at {PORT}.fixed_ips[0]"),
    (("dataplane_dhcp_agents_per_network", 0), "dataplane_dhcp_agents_per_network: 0: must be from 1 to 255"),
    (("dataplane_dns_domain", "no domain"), "dataplane_dns_domain: no domain: must be a DNS domain"),
    (("dataplane_dns_domain", "a..b"), "dataplane_dns_domain: a..b: must be a DNS domain"),
]


@pytest.mark.parametrize(("changes", "expected"), FAULTS, ids=[expected for _changes, expected in FAULTS])
def test_each_fault_is_named(changes, expected):
    with pytest.raises(SiteError) as caught:
        site_of(*([changes] if isinstance(changes, tuple) else changes))
    assert any(line.startswith(expected) for line in caught.value.problems), caught.value.problems


def test_a_network_that_nobody_can_serve_is_refused():
    with pytest.raises(SiteError) as caught:
        load(changed(SITE, SERVED, ("dataplane_routers", []), ("dataplane_floating_ips", [])),
             {"compute1": HOSTS["compute1"]})
    assert caught.value.problems == [
        f"{SUBNET4}.enable_dhcp: true: there must be a host of group network that reaches blue (or set it to false)"]


@pytest.mark.parametrize("modes", [
    mode(), mode("slaac"), mode(None, "slaac"), mode("slaac", "slaac"), mode("dhcpv6-stateless"),
    mode("dhcpv6-stateless", "dhcpv6-stateless"), mode(None, "dhcpv6-stateful"),
    mode("dhcpv6-stateful", "dhcpv6-stateful", cidr="fd00:b::/96"), mode(enable_dhcp=False, cidr="fd00::/48"),
])
def test_neutrons_combinations_of_modes_are_sound(modes):
    site_of(*modes)


@pytest.mark.parametrize("changes", [
    option("tag:ipxe,tag:!bios,bootfile-name", "undionly.kpxe"), option("150"), option("router", ""),
    option("classless-static-route", "10.9.0.0/16,10.0.0.7"), option("61", "01:02:03"), option("domain-name", '"a b"'),
    option("dns-server", "[fd00::1],fd00::2", ip_version=6), option("mtu", 1400), ("dataplane_dns_domain", ""),
    ("dataplane_dns_domain", "cloud.example.org"),
])
def test_sound_options(changes):
    site_of(changes)


@pytest.mark.parametrize(("version", "topic"), [(4, "dhcp"), (6, "dhcp6")])
def test_dnsmasq_knows_the_same_options_and_wants_the_same_values(tmp_path, version, topic):
    listed = subprocess.run(["dnsmasq", "--help", topic], check=True, capture_output=True, text=True).stdout
    known = {name: int(number) for number, name in (line.split() for line in listed.splitlines()[1:])}
    assert known == dhcp_options.NUMBERS[version]
    address, prefix = ("192.0.2.1", "") if version == 4 else ("[fd00::1]", "6")
    for name in known:
        for value in (address, f"{address},{address}", "text", "7", "7,8"):
            line = f"dhcp-option=tag:port,option{prefix}:{name},{value}"
            assert _dnsmasq_accepts(tmp_path, line) == (dhcp_options.value_fault(name, value, version) is None), line


def _dnsmasq_accepts(directory, line):
    (directory / "conf").write_text(f"{line}\n")
    done = subprocess.run(["dnsmasq", "--test", f"--conf-file={directory / 'conf'}"], capture_output=True, check=False)
    return done.returncode == 0


# Servers

def _servers(*changes, lock=None, hosts=HOSTS):
    """({port key: host}, lock)"""
    site = site_of(*changes, hosts=hosts)
    new = allocate(site, lock or empty())
    return {port.key: Allocated(site, new).dhcp_host(port).name for port in site.dhcp_ports}, new


def test_a_network_has_as_many_servers_as_wanted_each_on_a_host_of_its_own():
    two = ("dataplane_dhcp_agents_per_network", 2)
    assert _servers()[0] == _servers(two)[0] == {"dhcp blue": "network1"}, "no more than there are hosts"
    servers, lock = _servers(two, hosts=FOUR_HOSTS)
    assert len(set(servers.values())) == len(servers) == 2
    assert set(lock["addresses"]["blue4"]) == {"port web", "dhcp blue", "dhcp blue (2)"}
    five = changed(FOUR_HOSTS, ("network5", {**HOSTS["network1"], "dataplane_local_ip": "10.0.1.25"}))
    assert _servers(two, hosts=five, lock=lock)[0] == servers, "a new host attracts nobody"


def test_a_server_that_loses_its_host_takes_its_address_along():
    before, lock = _servers(hosts=FOUR_HOSTS)
    gone = before["dhcp blue"]
    after, new = _servers(hosts=changed(FOUR_HOSTS, (f"{gone}.groups", ["compute"])), lock=lock)
    assert after["dhcp blue"] != gone
    assert new["addresses"] == lock["addresses"]
    assert new["mac_addresses"] == lock["mac_addresses"]


def test_a_pinned_server_is_what_it_is_pinned_to():
    pinned = server(binding_host_id="network3", id="f2d4361c-39d1-4c3e-8f5a-000000000005", mac_address=MAC.upper(),
                    **pinned_address("10.0.0.2"))
    site = site_of(*mode("slaac"), pinned, ("dataplane_dhcp_agents_per_network", 2), hosts=FOUR_HOSTS)
    allocated = Allocated(site, allocate(site, empty()))
    first, second = site.dhcp_ports
    assert (first.id, allocated.mac(first)) == ("f2d4361c-39d1-4c3e-8f5a-000000000005", MAC)
    assert [str(allocated.address(fixed)) for fixed in first.fixed_ips] == ["10.0.0.2", "fd00:b::f816:3eff:fe85:faa0"]
    assert allocated.dhcp_host(first).name == "network3" != allocated.dhcp_host(second).name


def test_dhcp_renumbers_nobody():
    before = allocate(load(SITE, HOSTS), empty())
    after = allocate(site_of(), before)
    assert after["addresses"]["blue4"]["port web"] == before["addresses"]["blue4"]["port web"]
    assert allocate(load(SITE, HOSTS), after) == before


# Addresses that follow from MACs

def test_an_address_of_prefix_and_mac():
    prefix = ip_network("fdf8:e668:72e6::/64")
    assert str(eui64(prefix, MAC)) == "fdf8:e668:72e6:0:f816:3eff:fe85:faa0"


@pytest.mark.parametrize("chosen", ["slaac", "dhcpv6-stateless"])
def test_auto_addresses_are_computed_and_everybody_but_a_routers_interface_has_one(chosen):
    site = site_of(*mode(chosen), ("dataplane_routers[0].interfaces[2]", {"subnet": "blue6"}),
                   (f"{PORT}.fixed_ips", [{"subnet": "blue4"}]), (f"{PORT}.mac_address", MAC))
    lock = allocate(site, empty())
    assert "blue6" not in lock["addresses"]
    addresses = {port.key: [str(Allocated(site, lock).address(fixed)) for fixed in port.fixed_ips]
                 for port in site.all_ports if port.network.name == "blue"}
    assert addresses["port web"] == ["10.0.0.2", "fd00:b::f816:3eff:fe85:faa0"], "as in Neutron, asked for or not"
    assert addresses["dhcp blue"][1] == str(eui64(ip_network("fd00:b::/64"), lock["mac_addresses"]["dhcp blue"]))
    assert addresses["router r1 interface blue (IPv6)"] == ["fd00:b::1"]


def test_a_port_that_wants_no_address_has_none():
    site = site_of(*mode("slaac"), (f"{PORT}.fixed_ips", []), ("dataplane_floating_ips", []))
    assert site.ports[0].fixed_ips == []


_MODES = st.sampled_from([None, "slaac", "dhcpv6-stateless", "dhcpv6-stateful"])


@given(st.lists(st.booleans(), min_size=1, max_size=4), _MODES, st.integers(1, 4), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_no_address_twice_and_a_lock_is_stable(served, chosen, servers, instances):
    subnets = [{"name": f"s{n}", "cidr": f"10.9.{n}.0/28", "enable_dhcp": dhcp} for n, dhcp in enumerate(served)]
    subnets.append({"name": "s6", "cidr": "fd00:9::/64", **({"ipv6_ra_mode": chosen} if chosen else {})})
    network = ("dataplane_networks[3]", {"name": "green", "network_type": "vxlan", "subnets": subnets})
    ports = [(f"dataplane_ports[{n + 2}]", {"name": f"p{n}", "network": "green", "binding_host_id": "compute1"})
             for n in range(instances)]
    site = load(changed(SITE, network, *ports, ("dataplane_dhcp_agents_per_network", servers)), FOUR_HOSTS)
    lock = allocate(site, empty())
    allocated = Allocated(site, lock)
    found = [(port.network.name, allocated.address(fixed)) for port in site.all_ports for fixed in port.fixed_ips]
    assert len(found) == len(set(found))
    assert len([port for port in site.dhcp_ports if port.network.name == "green"]) == servers
    assert allocate(site, lock) == lock
    fewer = load(changed(SITE, network, *ports[:-1]), FOUR_HOSTS)
    kept = allocate(fewer, lock)
    for subnet, addresses in kept["addresses"].items():
        assert addresses.items() <= lock["addresses"][subnet].items()
    assert kept["dhcp_hosts"].items() <= lock["dhcp_hosts"].items()
