# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of a packet in devices: through which hosts and bridges, and what they do to it."""

from __future__ import annotations

import re

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.view import views
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace import report
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.endpoints import find_destination, find_origin
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.headers import Headers
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.path import trace

from . import inventory
from .cloud import HOSTS, changed
from .reach import INTERNET, NETWORK, PORT, ROUTER, TENANT, V6, allocated
from .test_way import FAR, FIP, NEIGHBOUR, NO_SNAT, OF_DB, PUBLIC_SCOPE, SCOPES

WORLD = ("dataplane_verify_internet", INTERNET)
NOOP = changed(HOSTS, ("compute1.dataplane_firewall_driver", "noop"))
DISTRIBUTED = [(f"{ROUTER}[0].distributed", True)]
NO_EXTERNAL = changed(HOSTS, ("compute1.dataplane_agent_mode", "dvr_no_external"))


def path(cloud, source, destination, headers):
    origin = find_origin(cloud.site, source)
    target = find_destination(cloud, origin, destination)
    return trace(cloud, views(cloud), SiteSecurity(cloud), origin, target, headers)


def traced(source, destination, *changes, hosts=HOSTS, protocol="icmp", port=None):
    return path(allocated(WORLD, *changes, hosts=hosts), source, destination, Headers(protocol, port))


def drawn(found):
    """The path as one line: hosts, each with its places; of a namespace the kind is enough."""
    hosts = []
    for hop in found.hops:
        place = re.sub(r"^eth0 in (vm-.*)", r"\1", hop.place)
        place = re.sub(r"^(qrouter|snat|fip)-.*", r"\1", re.sub(r"^tap.* in (qbr).*", r"\1", place))
        if not hosts or hosts[-1][0] != hop.host:
            hosts.append((hop.host, []))
        if hosts[-1][1][-1:] != [place]:
            hosts[-1][1].append(place)
    return " | ".join(f"{host}: {' '.join(places)}" for host, places in hosts)


def tunnelled(*numbers):
    """The networks of the small cloud, in tunnels."""
    return [(f"{NETWORK}[{number}]", {"name": name, "network_type": "vxlan", "subnets": [
        {"name": f"{name}4", "cidr": f"10.0.{number - 1}.0/24", "enable_dhcp": False}]})
        for number, name in ((1, "blue"), (2, "red")) if number in numbers]


OUT, IN, WORLD_OUT = "vm-web qbr br-int", "br-int qbr vm-db", "outside: the world outside"
#: what, from, to, changes, hosts, the path
PATHS = [
    ("in a network", "web", "db", NEIGHBOUR, HOSTS, f"compute1: {OUT} qbr vm-db"),
    ("where nothing is filtered", "web", "db", NEIGHBOUR, NOOP, "compute1: vm-web br-int vm-db"),
    ("a VLAN to another host", "web", "db", [*NEIGHBOUR, FAR], HOSTS,
     f"compute1: {OUT} br-vlan | network1: br-vlan {IN}"),
    ("a tunnel to another host", "web", "db", [*tunnelled(1), *NEIGHBOUR, FAR], HOSTS,
     f"compute1: {OUT} br-tun | network1: br-tun {IN}"),
    ("to the gateway", "web", "10.0.0.1", [], HOSTS, f"compute1: {OUT} br-vlan | network1: br-vlan br-int qrouter"),
    ("through a router", "web", "db", [], HOSTS,
     f"compute1: {OUT} br-vlan | network1: br-vlan br-int qrouter br-int br-vlan | compute1: br-vlan {IN}"),
    ("through a router, from tunnel to VLAN", "web", "db", tunnelled(1), HOSTS,
     f"compute1: {OUT} br-tun | network1: br-tun br-int qrouter br-int br-vlan | compute1: br-vlan {IN}"),
    ("out", "db", "internet", [], HOSTS,
     f"compute1: vm-db qbr br-int br-vlan | network1: br-vlan br-int qrouter br-int br-ex | {WORLD_OUT}"),
    ("in", "outside", FIP, [], HOSTS,
     f"{WORLD_OUT} | network1: br-ex br-int qrouter br-int br-vlan | compute1: br-vlan br-int qbr vm-web"),
    ("to an instance beside the router", "outside", "203.0.113.106", [OF_DB, FAR], HOSTS,
     f"{WORLD_OUT} | network1: br-ex br-int qrouter br-int qbr vm-db"),
    ("to another router's floating IP", "eve", FIP, TENANT, HOSTS,
     "compute1: vm-eve qbr br-int br-tun | network1: br-tun br-int qrouter br-int qrouter br-int br-vlan "
     "| compute1: br-vlan br-int qbr vm-web"),
    ("distributed, east to west on one host", "web", "db", DISTRIBUTED, HOSTS,
     f"compute1: {OUT} qrouter br-int qbr vm-db"),
    ("distributed, east to west through a tunnel", "web", "db", [*tunnelled(1, 2), *DISTRIBUTED, FAR], HOSTS,
     f"compute1: {OUT} qrouter br-int br-tun | network1: br-tun {IN}"),
    ("distributed, east to west on a VLAN", "web", "db", [*DISTRIBUTED, FAR], HOSTS,
     f"compute1: {OUT} qrouter br-int br-vlan | network1: br-vlan {IN}"),
    ("distributed, out without a floating IP", "db", "internet", DISTRIBUTED, HOSTS,
     "compute1: vm-db qbr br-int qrouter br-int br-vlan | network1: br-vlan br-int snat br-int br-ex "
     f"| {WORLD_OUT}"),
    ("distributed, out beside the gateway", "db", "internet", [*DISTRIBUTED, FAR], HOSTS,
     f"network1: vm-db qbr br-int qrouter br-int snat br-int br-ex | {WORLD_OUT}"),
    ("distributed, out with a floating IP", "web", "internet", DISTRIBUTED, HOSTS,
     f"compute1: {OUT} qrouter fip br-int br-ex | {WORLD_OUT}"),
    ("distributed, out untranslated in one scope", "db", "internet", [*DISTRIBUTED, *SCOPES, PUBLIC_SCOPE], HOSTS,
     f"compute1: vm-db qbr br-int qrouter fip br-int br-ex | {WORLD_OUT}"),
    ("distributed, in", "outside", FIP, DISTRIBUTED, HOSTS,
     f"{WORLD_OUT} | compute1: br-ex br-int fip qrouter br-int qbr vm-web"),
    ("distributed, in through the gateway", "outside", FIP, DISTRIBUTED, NO_EXTERNAL,
     f"{WORLD_OUT} | network1: br-ex br-int snat br-int br-vlan | compute1: br-vlan br-int qbr vm-web"),
    ("distributed, out through the gateway", "web", "internet", DISTRIBUTED, NO_EXTERNAL,
     f"compute1: {OUT} qrouter br-int br-vlan | network1: br-vlan br-int snat br-int br-ex | {WORLD_OUT}"),
    ("distributed, a floating IP from behind the gateway", "db", FIP, [*DISTRIBUTED, FAR], HOSTS,
     "network1: vm-db qbr br-int qrouter br-int snat br-int br-ex "
     "| compute1: br-ex br-int fip qrouter br-int qbr vm-web"),
    ("distributed, a floating IP from one on the same host", "db", FIP, [*DISTRIBUTED, OF_DB], HOSTS,
     "compute1: vm-db qbr br-int qrouter fip qrouter br-int qbr vm-web"),
    ("distributed, a floating IP from one on another host", "db", FIP, [*DISTRIBUTED, OF_DB, FAR], HOSTS,
     "network1: vm-db qbr br-int qrouter fip br-int br-ex | compute1: br-ex br-int fip qrouter br-int qbr vm-web"),
    ("distributed, the gateway's own floating IPs", "db", FIP, DISTRIBUTED, NO_EXTERNAL,
     "compute1: vm-db qbr br-int qrouter br-int br-vlan | network1: br-vlan br-int snat br-int br-vlan "
     "| compute1: br-vlan br-int qbr vm-web"),
    ("distributed, the gateway from outside", "outside", "203.0.113.101", DISTRIBUTED, HOSTS,
     f"{WORLD_OUT} | network1: br-ex br-int snat"),
    ("distributed, over IPv6", "web", "fd00:c::3", [*V6, *DISTRIBUTED], HOSTS,
     f"compute1: {OUT} qrouter br-int qbr vm-db"),
]


@pytest.mark.parametrize(("source", "destination", "changes", "hosts", "expected"),
                         [row[1:] for row in PATHS], ids=[row[0] for row in PATHS])
def test_a_packet_passes_these_places(source, destination, changes, hosts, expected):
    found = traced(source, destination, *changes, hosts=hosts)
    assert drawn(found) == expected
    assert "gets it" in found.ends


#: what, from, to, changes, what is said on the way, how it ends
WORDS = [
    ("source NAT", "db", "internet", [],
     ["nat neutron-l3-agent-snat: source 10.0.1.9 becomes 203.0.113.101 (source NAT)"], "from 203.0.113.101, ttl 63"),
    ("no source NAT", "db", "internet", [NO_SNAT], [], "outside gets it, from 10.0.1.9, ttl 63"),
    ("a floating IP", "outside", FIP, [],
     [f"nat neutron-l3-agent-PREROUTING: floating IP {FIP} becomes 10.0.0.2",
      "table main: 10.0.0.2 is reached on-link", "untagged is tag 1 (ext)", "becomes VLAN 100",
      "passes (group default: icmp from 0.0.0.0/0)"], "web gets it, from 203.0.113.1, ttl 63"),
    ("a hairpin", "db", FIP, [], ["source 10.0.1.9 becomes 203.0.113.101 (hairpin)"], "from 203.0.113.101, ttl 63"),
    ("a tunnel", "web", "db", [*tunnelled(1), *NEIGHBOUR, FAR],
     ["table 20: ", "is on network1: to vxlan-0a000115, vxlan to 10.0.1.21, tunnel id 1",
      "vxlan-0a00011f: table 4: tunnel id 1 is tag"], "ttl 64"),
    ("a port without security", "web", "internet", [(f"{PORT}[0].port_security_enabled", False)],
     ["nothing is filtered: port_security_enabled is false"], "outside gets it"),
    ("distributed out", "db", "internet", DISTRIBUTED,
     ["rule 167772417: from 10.0.1.1/24, table 167772417: 198.51.100.10 is reached through 10.0.1.2, on qr-",
      "as it is on every host, gets it", "table 1: source MAC ", " becomes this host's fa:16:3f:",
      "table 2: source MAC fa:16:3f:", "the gateway of router r1 gets it"], "from 203.0.113.101, ttl 62"),
    ("distributed in", "outside", FIP, DISTRIBUTED,
     [f"no device has {FIP}: the host answers ARP for it (proxy_arp)",
      f"table main: {FIP} is reached through 169.254.64.0, on fpr-", f"floating IP {FIP} becomes 10.0.0.3"],
     "web gets it, from 203.0.113.1, ttl 62"),
    ("distributed out with a floating IP", "web", "internet", DISTRIBUTED,
     ["rule 32768: from 10.0.0.3, table 16: 198.51.100.10 is reached through 169.254.64.1, on rfp-",
      "rule 2852012033: from fpr-"], f"from {FIP}, ttl 62"),
]


@pytest.mark.parametrize(("source", "destination", "changes", "said", "ends"),
                         [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_what_happens_on_the_way_is_said_in_real_names(source, destination, changes, said, ends):
    found = traced(source, destination, *changes)
    text = report.text("it", found)
    assert [words for words in said if words not in text] == []
    assert ends in found.ends


def test_what_a_security_group_drops_goes_no_further():
    default = ("dataplane_security_groups", [{"name": "default", "default_rules": False}])
    out = traced("web", "internet", default)
    assert (drawn(out), out.ends, out.answered) == (
        "compute1: vm-web qbr", "DROPPED by the security groups of web", False)
    assert "DROPPED (no rule of default)" in out.hops[-1].does
    into = traced("outside", FIP, protocol="tcp", port=80)
    assert drawn(into).endswith("compute1: br-vlan br-int qbr")
    assert into.ends == "DROPPED by the security groups of web"
    assert traced("outside", FIP, protocol="tcp", port=22).answered is True


def test_what_nobody_routes_is_lost_where_it_is_lost():
    found = traced("eve", "10.0.1.9", *TENANT)
    assert found.ends == "LOST: the world outside has no route to 10.0.1.9"
    assert drawn(found).endswith("| outside: the world outside") or drawn(found).endswith("br-int br-ex")


def test_every_hop_can_be_confirmed_on_its_host():
    found = traced("db", "internet", *DISTRIBUTED)
    asked = report.checks(found)
    assert set(asked) == {"compute1", "network1"}
    assert {each["kind"] for each in asked["compute1"]} == {
        "device", "route", "policy", "neighbour", "flow", "bridge", "guard"}
    flows = [each for each in asked["compute1"] if each["kind"] == "flow"]
    assert all(each["to_bridge"] or each["to_ports"] for each in flows)
    (rewritten,) = [each for each in flows if each["rewrites"]]
    assert rewritten["rewrites"][0].startswith("fa:16:3f:")


# The three cases of reference 11.3, in the names of the recorded cloud

QROUTER, SNAT = "qrouter-635660ae-a254-4feb-8993-295aa9ec6418", "snat-635660ae-a254-4feb-8993-295aa9ec6418"
CASES = {
    "case 1": ("demo-instance2", "internet", [
        "compute1 br-int: qr-b1a894fd-ae, tag 2 (demo-net): to patch-tun",
        "compute1 br-tun: patch-int: table 1: source MAC fa:16:3e:c1:20:55 becomes this host's ",
        f"compute1 {QROUTER}: rule 3232235777: from 192.168.1.1/24, table 3232235777: "
        "198.51.100.10 is reached through 192.168.1.2, on qr-b1a894fd-ae",
        "network1 br-tun: vxlan-0a00011f: table 4: tunnel id 1 is tag ",
        f"network1 {SNAT}: table main: 198.51.100.10 is reached through 203.0.113.1, on qg-ff5f93c6-37",
        f"network1 {SNAT}: nat neutron-l3-agent-snat: source 192.168.1.11 becomes 203.0.113.101 (source NAT)",
    ]),
    "case 2": ("outside", "203.0.113.102", [
        "compute1 fip-893aebb9-1c1e-48be-8908-6b947f3237b3: table main: 203.0.113.102 is reached "
        "through 169.254.64.0, on fpr-635660ae-a",
        f"compute1 {QROUTER}: rfp-635660ae-a: router demo-router, as it is on every host, gets it",
        f"compute1 {QROUTER}: nat neutron-l3-agent-PREROUTING: floating IP 203.0.113.102 becomes 192.168.1.3",
        "compute1 br-int: qr-b1a894fd-ae, tag 2 (demo-net): to qvo",
    ]),
    "case 3": ("demo-instance2", "demo-instance3", [
        f"compute1 {QROUTER}: table main: 192.168.2.11 is reached on-link, on qr-",
        "compute1 br-tun: patch-int: table 1: source MAC ",
        "compute2 br-tun: vxlan-0a00011f: table 4: tunnel id 2 is tag ",
        "compute2 br-int: patch-tun: table 1: source MAC fa:16:3f:",
    ]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_recorded_clouds_three_cases(case):
    source, destination, said = CASES[case]
    found = path(inventory.allocated("dvr"), source, destination, Headers("icmp"))
    hops = [f"{hop.host} {hop.place}: {hop.does}" for hop in found.hops]
    assert [words for words in said if not any(hop.startswith(words) for hop in hops)] == []
    visited = {hop.host for hop in found.hops}
    assert ("network1" in visited) == (case == "case 1")


# Words of the operator

@pytest.mark.parametrize(("source", "destination", "message"), [
    ("wbe", "db", "source: wbe: is no port of an instance: did you mean web?"),
    ("web", "nowhere.example", "destination: nowhere.example: is no port of an instance; there are web, db, internet"),
])
def test_who_is_not_known_is_refused(source, destination, message):
    with pytest.raises(SiteError) as refused:
        traced(source, destination)
    assert message in str(refused.value)


def test_the_internet_must_be_said():
    cloud = allocated()
    with pytest.raises(SiteError, match="needs dataplane_verify_internet"):
        find_destination(cloud, find_origin(cloud.site, "web"), "internet")


def test_a_name_stands_for_an_address_of_a_common_family():
    cloud = allocated(*V6, (f"{PORT}[0].fixed_ips", [{"subnet": "blue6"}]), ("dataplane_floating_ips", []))
    assert str(find_destination(cloud, find_origin(cloud.site, "web"), "db")) == "fd00:c::2"


# What hosts say

def test_the_first_hop_that_a_host_denies_is_named():
    found = traced("web", "db", *NEIGHBOUR)
    said = {1: [{"ok": True, "seen": "eth0 is up", "note": False}],
            3: [{"ok": False, "seen": "br-int drops it in table 25 (no match)", "note": False}],
            4: [{"ok": False, "seen": "later", "note": False}]}
    assert report.disagreement(found, said).startswith("hop 3, br-int on compute1: ")
    assert report.disagreement(found, said).endswith("but br-int drops it in table 25 (no match)")
    lines = report.text("it", found, said).splitlines()
    assert [line[6:8] for line in lines if line[:4].strip().isdigit()] == ["ok", "  ", "NO", "NO", "  "]
    assert "          BUT: br-int drops it in table 25 (no match)" in lines


def test_a_packet_that_is_not_answered_is_a_disagreement_where_every_hop_is_right():
    found = traced("web", "db", *NEIGHBOUR)
    sent = {"name": "web to db, icmp", "ok": False, "reached": False, "detail": "no answer"}
    refused = {"name": "web to db, tcp 22", "ok": False, "reached": True, "detail": "refused: nobody listens"}
    assert report.disagreement(found, {}) == report.disagreement(found, {}, refused) == ""
    assert report.disagreement(found, {}, sent) == "every hop is as it has to be, and yet: web to db, icmp: no answer"
    assert report.text("it", found, {}, sent).endswith("\n\nsent: no answer")
    unknown = traced("db", "internet", NO_SNAT)
    assert report.disagreement(unknown, {}, sent) == "", "nobody knows whether the world answers"
