# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCP servers, router advertisements and instances that boot by them: what is planned."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site import dhcp_options

from .cloud import HOSTS, SITE, changed, planned

NET_ID, SUBNET_ID, SUBNET6_ID = (f"77e45b4b-3238-467e-b38f-33dd86a5f83{n}" for n in "bcd")
PORT_ID, SERVER_ID = "7c7ae61e-05aa-4c3e-8f5a-000000000004", "f2d4361c-39d1-4c3e-8f5a-000000000005"
NET, PORT, ROUTER = "dataplane_networks[1]", "dataplane_ports[0]", "dataplane_routers[0]"
STATE = f"/var/lib/neutron/dhcp/{NET_ID}"
TAG, TAG6 = f"tag:subnet-{SUBNET_ID}", f"tag:subnet-{SUBNET6_ID}"
METADATA = "169.254.169.254/32"

BASE = [
    (f"{NET}.id", NET_ID), (f"{NET}.mtu", 1450),
    (f"{NET}.subnets", [{"name": "blue4", "id": SUBNET_ID, "cidr": "10.0.0.0/24"}]),
    (f"{PORT}.id", PORT_ID), (f"{PORT}.mac_address", "fa:16:3e:00:00:03"),
    (f"{PORT}.fixed_ips", [{"subnet": "blue4", "ip_address": "10.0.0.3"}]),
    (f"{ROUTER}.interfaces[0].mac_address", "fa:16:3e:54:fa:80"),
    ("dataplane_dhcp_ports", [{"network": "blue", "id": SERVER_ID, "mac_address": "fa:16:3e:85:fa:a0",
                               "fixed_ips": [{"subnet": "blue4", "ip_address": "10.0.0.2"}]}]),
]
RED_HERE = ("dataplane_ports[1].binding_host_id", "network1")


def plans(*changes, hosts=HOSTS):
    return planned(*BASE, *changes, hosts=hosts)


def dual(mode, **others):
    modes = {"ipv6_ra_mode": mode, "ipv6_address_mode": mode} if mode else {}
    subnet = {"name": "blue6", "id": SUBNET6_ID, "cidr": "fdf8:e668:72e6::/64", **modes, **others}
    return [(f"{NET}.subnets[1]", subnet), (f"{ROUTER}.interfaces[2]", {"subnet": "blue6"})]


def service(plan, name):
    return next(item for item in plan["services"] if item["name"] == name)


def server(*changes, **others):
    return service(plans(*changes, **others)["network1"], f"dnsmasq-{NET_ID}")


def files(*changes):
    return {file["path"].rpartition("/")[2]: file["content"] for file in server(*changes)["files"]}


def namespace(plan, name):
    return next(item for item in plan["namespaces"] if item["name"] == name)


# The server's namespace

def test_the_server_of_the_recorded_cloud():
    hosts = changed(HOSTS, ("network1.dataplane_interface_plug", "internal"))
    plan = plans(*dual("slaac"), hosts=hosts)["network1"]
    item = namespace(plan, f"qdhcp-{NET_ID}")
    (link,) = item["links"]
    assert (link["name"], link["mac_address"], link["mtu"]) == ("tapf2d4361c-39", "fa:16:3e:85:fa:a0", 1450)
    assert link["addresses"] == ["10.0.0.2/24", "fdf8:e668:72e6:0:f816:3eff:fe85:faa0/64"]
    assert [(route["destination"], route["gateway"]) for route in item["routes"]] == [
        ("0.0.0.0/0", "10.0.0.1"), ("::/0", "fdf8:e668:72e6::1")]
    assert item["sysctls"]["net.ipv6.conf.default.accept_ra"] == 0
    port = next(port for port in plan["ports"] if port["name"] == "tapf2d4361c-39")
    assert (port["type"], port["namespace"], port["external_ids"]["iface-id"]) == (
        "internal", f"qdhcp-{NET_ID}", SERVER_ID)


def test_a_veth_is_ns_inside_and_tap_outside():
    plan = plans()["network1"]
    (link,) = namespace(plan, f"qdhcp-{NET_ID}")["links"]
    assert (link["name"], link["peer"]) == ("ns-f2d4361c-39", "tapf2d4361c-39")


def test_udp_checksums_are_filled_in():
    found = plans()["network1"]["nat_rules"]
    rules = {item["family"]: item for item in found if item["namespace"] == f"qdhcp-{NET_ID}"}
    assert {family: item["tables"]["mangle"]["neutron-dhcp-age-POSTROUTING"] for family, item in rules.items()} == {
        "ipv4": ["-p udp -m udp --dport 68 -j CHECKSUM --checksum-fill"],
        "ipv6": ["-p udp -m udp --dport 546 -j CHECKSUM --checksum-fill"],
    }


def test_servers_are_in_the_l2_population_of_tunnels():
    tunnel = [(f"{NET}.network_type", "vxlan")]
    site = changed(SITE, *BASE, *tunnel)
    del site["dataplane_networks"][1]["physical_network"]
    plan = planned(("dataplane_networks", site["dataplane_networks"]), *BASE[3:])["compute1"]
    flows = next(item["flows"] for item in plan["flows"] if item["bridge"] == "br-tun")
    assert any("dl_dst=fa:16:3e:85:fa:a0" in flow for flow in flows)


# dnsmasq

def test_the_command_line():
    assert server()["command"] == [
        "/usr/sbin/dnsmasq", "--keep-in-foreground", "--no-hosts", "--no-resolv", f"--pid-file={STATE}/pid",
        f"--dhcp-hostsfile={STATE}/host", f"--addn-hosts={STATE}/addn_hosts", f"--dhcp-optsfile={STATE}/opts",
        f"--dhcp-leasefile={STATE}/leases", f"--dhcp-script={STATE}/release", "--dhcp-match=set:ipxe,175",
        "--dhcp-userclass=set:ipxe6,iPXE", "--local-service", "--bind-dynamic",
        f"--dhcp-range=set:subnet-{SUBNET_ID},10.0.0.0,static,255.255.255.0,86400s",
        "--dhcp-option-force=option:mtu,1450", "--dhcp-lease-max=256", "--conf-file=/dev/null",
        "--domain=openstacklocal",
    ]  # fmt: skip
    assert not any("--domain" in word for word in server(("dataplane_dns_domain", ""))["command"])


@pytest.mark.parametrize(("mode", "served"), [
    ("slaac", False), ("dhcpv6-stateless", True), ("dhcpv6-stateful", True), (None, True)])
def test_ipv6_ranges(mode, served):
    ranges = [word for word in server(*dual(mode))["command"] if word.startswith("--dhcp-range=")]
    assert ranges[1:] == [f"--dhcp-range=set:subnet-{SUBNET6_ID},fdf8:e668:72e6::,static,64,86400s"][:served]


def test_the_files():
    assert files() == {
        "host": "fa:16:3e:54:fa:80,host-10-0-0-1.openstacklocal,10.0.0.1\n"
                "fa:16:3e:00:00:03,host-10-0-0-3.openstacklocal,10.0.0.3\n",
        "addn_hosts": "10.0.0.1\thost-10-0-0-1.openstacklocal host-10-0-0-1\n"
                      "10.0.0.3\thost-10-0-0-3.openstacklocal host-10-0-0-3\n",
        "opts": f"{TAG},option:classless-static-route,{METADATA},10.0.0.1,0.0.0.0/0,10.0.0.1\n"
                f"{TAG},249,{METADATA},10.0.0.1,0.0.0.0/0,10.0.0.1\n"
                f"{TAG},option:router,10.0.0.1\n",
        "leases": "0 fa:16:3e:54:fa:80 10.0.0.1 * *\n0 fa:16:3e:00:00:03 10.0.0.3 * *\n",
        "release": files()["release"],
    }


@pytest.mark.parametrize(("mode", "lines"), [
    ("slaac", []), ("dhcpv6-stateless", []),
    ("dhcpv6-stateful", ["tag:dhcpv6,host-fdf8-e668-72e6--1.openstacklocal,[fdf8:e668:72e6::1]",
                         "tag:dhcpv6,host-fdf8-e668-72e6--3.openstacklocal,[fdf8:e668:72e6::3]"])])
def test_who_is_told_an_ipv6_address(mode, lines):
    both = [{"subnet": "blue4", "ip_address": "10.0.0.3"},
            {"subnet": "blue6", **({"ip_address": "fdf8:e668:72e6::3"} if lines else {})}]
    host = files(*dual(mode), (f"{PORT}.fixed_ips", both))["host"]
    assert [line.partition(",")[2] for line in host.splitlines() if "dhcpv6" in line] == lines


def test_options_of_a_port():
    options = [{"opt_name": "tag:ipxe,bootfile-name", "opt_value": "a.kpxe"},
               {"opt_name": "150", "opt_value": "9.9.9.9"},
               {"opt_name": "client-id", "opt_value": "01:02"}, {"opt_name": "router", "opt_value": ""},
               {"opt_name": "bootfile-url", "opt_value": "tftp://x", "ip_version": 6}]
    found = files(*dual("dhcpv6-stateless"), (f"{PORT}.extra_dhcp_opts", options))
    assert found["host"].splitlines()[-2:] == [
        f"fa:16:3e:00:00:03,tag:dhcpv6,set:port-{PORT_ID}",
        f"fa:16:3e:00:00:03,id:01:02,host-10-0-0-3.openstacklocal,10.0.0.3,set:port-{PORT_ID}",
    ]
    assert found["opts"].splitlines()[-4:] == [
        f"tag:port-{PORT_ID},tag:ipxe,option:bootfile-name,a.kpxe", f"tag:port-{PORT_ID},150,9.9.9.9",
        f"tag:port-{PORT_ID},option:router", f"tag:port-{PORT_ID},option6:bootfile-url,tftp://x",
    ]


def test_a_network_with_options_of_ports_is_restarted_instead_of_reloaded():
    assert server()["reload_signal"] == "HUP"
    options = (f"{PORT}.extra_dhcp_opts", [{"opt_name": "mtu", "opt_value": 1400}])
    assert "reload_signal" not in server(options)
    assert files((f"{PORT}.extra_dhcp_opts", [{"opt_name": "61", "opt_value": "x"}]))["host"].endswith(",10.0.0.3\n")


SUBNET = f"{NET}.subnets[0]"
TOLD = [
    ((f"{SUBNET}.dns_nameservers", ["8.8.8.8", "8.8.4.4"]), f"{TAG},option:dns-server,8.8.8.8,8.8.4.4"),
    ((f"{SUBNET}.dns_nameservers", ["0.0.0.0"]), f"{TAG},option:dns-server"),
    ((f"{SUBNET}.host_routes", [{"destination": "10.99.0.0/24", "nexthop": "10.0.0.200"}]),
     f"{TAG},option:classless-static-route,10.99.0.0/24,10.0.0.200,{METADATA},10.0.0.1,0.0.0.0/0,10.0.0.1"),
    ((f"{NET}.subnets[1]", {"name": "b", "cidr": "10.7.0.0/24"}),
     f"{TAG},249,10.7.0.0/24,0.0.0.0,{METADATA},10.0.0.1,0.0.0.0/0,10.0.0.1"),
    ((f"{ROUTER}.interfaces[0].ip_address", "10.0.0.9"), f"{TAG},option:router,10.0.0.1"),
    ([(f"{SUBNET}.gateway_ip", None), (f"{ROUTER}.interfaces[0].ip_address", "10.0.0.9")], f"{TAG},option:router"),
    ([(f"{SUBNET}.gateway_ip", None), (f"{ROUTER}.interfaces[0].ip_address", "10.0.0.9"),
      (f"{SUBNET}.host_routes", [{"destination": "0.0.0.0/0", "nexthop": "10.0.0.77"}])],
     f"{TAG},option:router,10.0.0.77"),
    (("dataplane_force_metadata", True),
     f"{TAG},option:classless-static-route,{METADATA},10.0.0.2,0.0.0.0/0,10.0.0.1"),
    ([("dataplane_enable_isolated_metadata", True), (f"{ROUTER}.interfaces[0].ip_address", "10.0.0.9")],
     f"{TAG},option:classless-static-route,{METADATA},10.0.0.2,0.0.0.0/0,10.0.0.1"),
    ([*dual("dhcpv6-stateful"), (f"{NET}.subnets[1].dns_nameservers", ["2001:4860:4860::8888"])],
     f"{TAG6},option6:dns-server,[2001:4860:4860::8888]"),
    (dual("dhcpv6-stateless"), f"{TAG6},option6:domain-search,openstacklocal"),
]


@pytest.mark.parametrize(("changes", "line"), TOLD, ids=[line for _changes, line in TOLD])
def test_what_a_subnet_is_told(changes, line):
    assert line in files(*([changes] if isinstance(changes, tuple) else changes))["opts"].splitlines()


def test_a_subnet_that_no_router_joins_has_no_way_to_metadata():
    assert METADATA not in files((f"{ROUTER}.interfaces[0].ip_address", "10.0.0.9"))["opts"]


def test_several_servers_name_each_other():
    hosts = changed(HOSTS, ("network2", {**HOSTS["network1"], "dataplane_local_ip": "10.0.1.22"}))
    two = plans(("dataplane_dhcp_agents_per_network", 2), hosts=hosts)
    opts = {next(file["content"] for file in service(two[host], f"dnsmasq-{NET_ID}")["files"]
                 if file["path"].endswith("opts")) for host in ("network1", "network2")}
    assert len(opts) == 1, "both tell the same"
    assert f"{TAG},option:dns-server,10.0.0.2,10.0.0.4" in opts.pop()


def test_metadata_addresses_are_on_the_server():
    isolated = ("dataplane_enable_isolated_metadata", True)
    (link,) = namespace(plans(isolated, *dual("slaac"))["network1"], f"qdhcp-{NET_ID}")["links"]
    assert link["addresses"][2:] == ["169.254.169.254/32", "fe80::a9fe:a9fe/128"]
    hosts = changed(HOSTS, ("network2", {**HOSTS["network1"], "dataplane_local_ip": "10.0.1.22"}))
    two = plans(isolated, *dual("slaac"), ("dataplane_dhcp_agents_per_network", 2), hosts=hosts)
    found = [namespace(two[host], f"qdhcp-{NET_ID}")["links"][0]["addresses"] for host in ("network1", "network2")]
    assert sum("fe80::a9fe:a9fe/128" in addresses for addresses in found) == 1, "two would be duplicates"


@pytest.mark.parametrize(("changes", "proxies"), [
    ([], 0), ([("dataplane_enable_isolated_metadata", True)], 0), ([("dataplane_force_metadata", True)], 1),
    ([("dataplane_enable_isolated_metadata", True), (f"{ROUTER}.interfaces[0].ip_address", "10.0.0.9")], 1),
])
def test_metadata_proxies_of_networks(changes, proxies):
    services = plans(*changes)["network1"]["services"]
    assert len([item for item in services if item.get("namespace") == f"qdhcp-{NET_ID}" and "metadata" in item["name"]]
               ) == proxies


# Everything that dnsmasq reads is sound to dnsmasq itself

def _accepted(directory, found):
    prefixes = {"host": "dhcp-host=", "opts": "dhcp-option="}
    lines = [prefix + line for name, prefix in prefixes.items() for line in found[name].splitlines()]
    (directory / "conf").write_text("\n".join(lines) + "\n")
    done = subprocess.run(["dnsmasq", "--test", f"--conf-file={directory / 'conf'}"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stderr, lines)


_VALUES = {4: st.sampled_from(["192.0.2.1", "192.0.2.1,192.0.2.2", "text", "7", "7,8", "01:02", "-1"]),
           6: st.sampled_from(["fd00::1", "[fd00::1],fd00::2", "text", "7", "7,8"])}


@st.composite
def _option(draw):
    version = draw(st.sampled_from([4, 6]))
    number = st.integers(1, 254 if version == 4 else 65535).map(str)
    name = draw(st.one_of(st.sampled_from(sorted(dhcp_options.NUMBERS[version])), number))
    value = draw(_VALUES[version].filter(lambda value: dhcp_options.value_fault(name, value, version) is None))
    return {"opt_name": draw(st.sampled_from(["", "tag:!bios,"])) + name, "opt_value": value, "ip_version": version}


@given(st.lists(_option(), max_size=4, unique_by=lambda option: option["opt_name"]),
       st.sampled_from([None, "slaac", "dhcpv6-stateless", "dhcpv6-stateful"]), st.booleans(),
       st.sampled_from([[], ["0.0.0.0"], ["9.9.9.9", "8.8.8.8"]]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_dnsmasq_accepts_whatever_is_planned(tmp_path_factory, options, mode, gateway, servers, isolated):
    both = [{"subnet": "blue4", "ip_address": "10.0.0.3"}, {"subnet": "blue6"}]
    changes = [*dual(mode), (f"{PORT}.fixed_ips", both), (f"{PORT}.extra_dhcp_opts", options),
               (f"{SUBNET}.dns_nameservers", servers), ("dataplane_enable_isolated_metadata", isolated),
               (f"{ROUTER}.interfaces[0].ip_address", "10.0.0.9"),
               (f"{SUBNET}.host_routes", [{"destination": "10.99.0.0/24", "nexthop": "10.0.0.200"}])]
    if not gateway:
        changes.append((f"{SUBNET}.gateway_ip", None))
    _accepted(tmp_path_factory.mktemp("dnsmasq"), files(*changes))


def test_the_script_that_releases_leases_is_sound():
    _shellcheck(files()["release"])


def _shellcheck(script):
    subprocess.run(["shellcheck", "--shell=dash", "--exclude=SC2086,SC2154,SC2034,SC2015", "-"],
                   input=script, text=True, check=True)


# Router advertisements

def radvd(*changes):
    plan = plans(*changes)["network1"]
    items = [item for item in plan["services"] if item["name"].startswith("radvd-")]
    return {item["name"]: item["files"][0]["content"] for item in items}


def test_a_router_without_ipv6_modes_is_silent():
    assert radvd() == radvd(*dual(None)) == {}


RA = [
    ("slaac", {}, {"AdvSendAdvert on;", "AdvLinkMTU 1450;", "AdvAutonomous on;", "route fe80::a9fe:a9fe/128 {};"}),
    ("slaac", {"dns_nameservers": [f"2001:db8::{n}" for n in range(5)]},
     {"RDNSS 2001:db8::0 2001:db8::1 2001:db8::2 {};".replace("::0", "::")}),
    ("dhcpv6-stateless", {"dns_nameservers": ["2001:db8::1"]}, {"AdvOtherConfigFlag on;", "AdvAutonomous on;"}),
    ("dhcpv6-stateful", {}, {"AdvManagedFlag on;", "AdvAutonomous off;"}),
]


@pytest.mark.parametrize(("mode", "others", "lines"), RA)
def test_what_a_router_advertises(tmp_path, mode, others, lines):
    (text,) = radvd(*dual(mode, **others)).values()
    found = {line.strip() for line in text.splitlines()}
    assert lines <= found
    assert ("RDNSS" in text) == (mode == "slaac" and bool(others))
    assert {"AdvManagedFlag on;", "AdvOtherConfigFlag on;"} & found == lines & {"AdvManagedFlag on;",
                                                                                "AdvOtherConfigFlag on;"}
    (tmp_path / "conf").write_text(text)
    subprocess.run(["radvd", "--configtest", "--logmethod=stderr", f"--config={tmp_path / 'conf'}"], check=True)


def test_two_prefixes_of_a_port_are_one_stanza():
    more = (f"{NET}.subnets[2]", {"name": "blue6b", "cidr": "fd01::/64", "ipv6_ra_mode": "dhcpv6-stateful"})
    (text,) = radvd(*dual("slaac"), more, (f"{ROUTER}.interfaces[3]", {"subnet": "blue6b"})).values()
    assert text.count("interface ") == 1
    assert text.count("prefix ") == 2


# Instances

def booted(*changes):
    plan = plans(*changes)["compute1"]
    clients = [item for item in plan["services"] if item["name"].startswith("dhclient")]
    return namespace(plan, "vm-web"), {item["name"]: item for item in clients}


def test_an_instance_knows_nothing_and_asks():
    item, clients = booted()
    assert (item["links"][0]["addresses"], item["routes"], item["keep_addresses"]) == ([], [], True)
    (client,) = clients.values()
    assert client["command"][:6] == ["/usr/sbin/ip", "netns", "exec", "vm-web", "/usr/sbin/dhclient", "-4"]
    assert {file["path"] for file in client["files"]} == {
        f"/var/lib/dhcp/dhclient4-{PORT_ID}.leases", "/etc/netns/vm-web/dhcp/dhclient.conf",
        "/etc/netns/vm-web/dhcp/dhclient-script", "/etc/netns/vm-web/resolv.conf"}
    for file in client["files"]:
        if file["path"].endswith("script"):
            _shellcheck(file["content"])
    assert not any(file["path"].startswith("/etc/resolv") for file in client["files"])


def mtus(item):
    (card,) = item["links"]
    return card["mtu"], card.get("peer_mtu", card["mtu"]), card.get("keep_mtu", False)


def test_an_instance_that_asks_is_told_the_mtu_of_its_tap():
    assert mtus(booted()[0]) == (1500, 1450, True)


def test_without_dhcp_an_instance_knows_from_the_start():
    item, clients = booted((f"{SUBNET}.enable_dhcp", False), ("dataplane_dhcp_ports", []))
    assert mtus(item) == (1450, 1450, False)
    assert item["links"][0]["addresses"] == ["10.0.0.3/24"]
    assert [route["gateway"] for route in item["routes"]] == ["10.0.0.1"]
    assert "keep_addresses" not in item
    assert clients == {}


@pytest.mark.parametrize("mode", ["slaac", "dhcpv6-stateful"])
def test_nothing_but_dhcpv4_tells_an_mtu(mode):
    item, _clients = booted(*dual(mode), (f"{PORT}.fixed_ips", [{"subnet": "blue6"}]), ("dataplane_floating_ips", []))
    assert mtus(item) == (1450, 1450, False)


@pytest.mark.parametrize(("mode", "options"), [
    ("slaac", None), ("dhcpv6-stateless", ["-D", "LL", "-S"]), ("dhcpv6-stateful", ["-D", "LL"])])
def test_how_an_instance_gets_its_ipv6_address(mode, options):
    both = [{"subnet": "blue4", "ip_address": "10.0.0.3"}, {"subnet": "blue6"}]
    item, clients = booted(*dual(mode), (f"{PORT}.fixed_ips", both))
    assert item["links"][0]["addresses"] == []
    assert item["sysctls"]["net.ipv6.conf.eth0.accept_ra"] == 1
    six = clients.get(f"dhclient6-{PORT_ID}")
    assert (six and six["command"][six["command"].index("-6") + 1:][: len(options)]) == options


def test_an_ipv6_subnet_without_modes_tells_nothing():
    both = [{"subnet": "blue4", "ip_address": "10.0.0.3"}, {"subnet": "blue6", "ip_address": "fdf8:e668:72e6::9"}]
    item, clients = booted(*dual(None), (f"{PORT}.fixed_ips", both))
    assert item["links"][0]["addresses"] == ["fdf8:e668:72e6::9/64"]
    assert [route["destination"] for route in item["routes"]] == ["::/0"]
    assert list(clients) == [f"dhclient4-{PORT_ID}"]


def test_of_several_addresses_dhcp_tells_the_last():
    more = (f"{NET}.subnets[1]", {"name": "blue4b", "cidr": "10.7.0.0/24"})
    both = [{"subnet": "blue4", "ip_address": "10.0.0.3"}, {"subnet": "blue4b"}]
    item, _clients = booted(more, (f"{PORT}.fixed_ips", both))
    assert item["links"][0]["addresses"] == ["10.0.0.3/24"]


def test_a_hypervisors_instance_boots_by_itself():
    hosts = changed(HOSTS, ("compute1.dataplane_firewall_driver", "iptables_hybrid"))
    plan = plans((f"{PORT}.vif", "bridge"), hosts=hosts)["compute1"]
    assert not [item for item in plan["services"] if item["name"].startswith("dhclient")]


def test_a_host_gets_the_packages_of_its_services():
    found = plans(RED_HERE, *dual("slaac"))
    assert {"dnsmasq-base", "dnsmasq-utils", "radvd"} <= set(found["network1"]["packages"])
    assert found["compute1"]["packages"] == ["isc-dhcp-client"]
