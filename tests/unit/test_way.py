# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of packets through networks and routers: who gets them, as whose, and whether an answer comes back."""

from __future__ import annotations

import pytest

from .cloud import HOSTS, REMOVE, changed
from .reach import INTERNET, NETWORK, PORT, ROUTER, TENANT, V6, way

GATEWAY = f"{ROUTER}[0].external_gateway_info"
NO_SNAT = (f"{GATEWAY}.enable_snat", False)
FIP = "203.0.113.105"  # of web, 10.0.0.2
R1 = "203.0.113.101"
OF_DB = ("dataplane_floating_ips[1]",
         {"floating_network": "ext", "floating_ip_address": "203.0.113.106", "port": "db"})
OF_EVE = ("dataplane_floating_ips[1]",
          {"floating_network": "ext", "floating_ip_address": "203.0.113.107", "port": "eve"})
#: db in web's network
NEIGHBOUR = [(f"{PORT}[1].network", "blue"), (f"{PORT}[1].fixed_ips", [{"subnet": "blue4", "ip_address": "10.0.0.9"}])]
FAR = ("dataplane_ports[1].binding_host_id", "network1")
LOCAL = [("dataplane_networks[1]", {"name": "blue", "network_type": "local", "subnets": [
    {"name": "blue4", "cidr": "10.0.0.0/24", "enable_dhcp": False}]}),
    (f"{ROUTER}[0].interfaces", [{"subnet": "red4"}]), ("dataplane_floating_ips", [])]
NOT_ON_VLANS = [(f"{NETWORK}[1].network_type", "vxlan"), (f"{NETWORK}[1].physical_network", REMOVE),
                (f"{NETWORK}[1].segmentation_id", REMOVE)]
NO_ROUTER = [(ROUTER, []), ("dataplane_floating_ips", [])]

#: what, from, to, changes, answered, who gets it, from whom it seems to come
WAYS = [
    ("in a network", "web", "db", NEIGHBOUR, True, "db", "10.0.0.2"),
    ("through a router", "web", "db", [], True, "db", "10.0.0.2"),
    ("and back", "db", "web", [], True, "web", "10.0.1.9"),
    ("over IPv6", "web", "fd00:c::2", V6, True, "db", "fd00:b::2"),
    ("the own gateway", "web", "10.0.0.1", [], True, "r1", "10.0.0.2"),
    ("another interface of the router", "web", "10.0.1.1", [], True, "r1", "10.0.0.2"),
    ("out as its floating IP", "web", INTERNET, [], True, "outside", FIP),
    ("out as the router", "db", INTERNET, [], True, "outside", R1),
    ("out as itself, and who knows the way back", "db", INTERNET, [NO_SNAT], None, "outside", "10.0.1.9"),
    ("out as its floating IP anyway", "web", INTERNET, [NO_SNAT], True, "outside", FIP),
    ("a floating IP from outside", None, FIP, [], True, "web", "203.0.113.1"),
    ("a floating IP from the next network", "db", FIP, [], True, "web", R1),
    ("a floating IP from a floating IP", "db", FIP, [OF_DB], True, "web", "203.0.113.106"),
    ("a floating IP through two routers", "web", "203.0.113.107", [*TENANT, OF_EVE], True, "eve", FIP),
    ("a floating IP from behind another router", "eve", FIP, TENANT, True, "web", "203.0.113.102"),
    ("the router from outside", None, R1, [], True, "r1", "203.0.113.1"),
    ("an instance that source NAT hides", "eve", "10.0.1.9", TENANT, False, None, None),
    ("one that it does not", "eve", "10.0.1.9", [*TENANT, NO_SNAT], None, None, None),
    ("an address of one's own network, not of the other tenant's", "web", "10.0.0.9",
     [*TENANT, *NEIGHBOUR], True, "db", "10.0.0.2"),
    ("the other tenant alone has it", "web", "10.0.0.9", TENANT, False, None, None),
    ("nobody routes", "web", "db", [*NO_ROUTER, *NOT_ON_VLANS], False, None, None),
    ("somebody that nobody knows may", "web", "db", NO_ROUTER, None, None, None),
    ("no gateway, no way out", "db", INTERNET,
     [(GATEWAY, REMOVE), ("dataplane_floating_ips", [])], False, None, None),
    ("from outside to a network behind source NAT", None, "10.0.1.9", [], None, None, None),
    ("a local network stays on its host", "web", "db", [*LOCAL, *NEIGHBOUR, FAR], False, None, None),
]


@pytest.mark.parametrize(("origin", "target", "changes", "answered", "by", "source"),
                         [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
def test_a_packet_gets_where_routers_lead_it(origin, target, changes, answered, by, source):
    found = way(origin, target, *changes)
    assert found.answered is answered, found.lost or found.back
    assert (found.end and found.end.name) == by
    assert (found.end and str(found.seen[0])) == (source if by else None)


def test_what_is_lost_says_where():
    assert way("eve", "10.0.1.9", *TENANT).lost == "the world outside has no route to 10.0.1.9"
    assert way("db", INTERNET, (GATEWAY, REMOVE), ("dataplane_floating_ips", [])).lost == (
        f"router r1 has no route to {INTERNET}")


def test_an_answer_through_another_router_does_not_find_back():
    """web's own gateway is r1; the floating IP is carried by a router that is not."""
    other = [(f"{NETWORK}[1].subnets[0].gateway_ip", "10.0.0.254"),
             (f"{ROUTER}[0].interfaces[0]", {"subnet": "blue4", "ip_address": "10.0.0.1"})]
    assert way(None, FIP, *other).answered is None, "10.0.0.254 is nobody that the model knows"
    gateway = (f"{ROUTER}[1]", {"name": "r2", "interfaces": [{"subnet": "blue4"}]})
    assert way(None, FIP, *other, gateway).answered is False, "r2 knows no way outside"


def test_an_extra_route_leads_on():
    transit = [(f"{ROUTER}[1]", {"name": "r2", "interfaces": [
        {"subnet": "red4", "ip_address": "10.0.1.254"}, {"subnet": "green4"}]}), *TENANT[::2]]
    transit[1] = (transit[1][0], changed(transit[1][1], ("subnets[0].cidr", "10.0.2.0/24")))
    transit[2] = (transit[2][0], changed(transit[2][1], ("fixed_ips", [{"subnet": "green4"}])))
    there = (f"{ROUTER}[0].routes", [{"destination": "10.0.2.0/24", "nexthop": "10.0.1.254"}])
    back = (f"{ROUTER}[1].routes", [{"destination": "10.0.0.0/24", "nexthop": "10.0.1.1"}])
    assert way("web", "eve", *transit).answered is False
    assert way("web", "eve", *transit, there).answered is False, "there, but not back"
    found = way("web", "eve", *transit, there, back)
    assert (found.answered, found.end.name) == (True, "eve")



SCOPES = [("dataplane_networks[1].subnets[0].address_scope", "inner"),
          ("dataplane_networks[2].subnets[0].address_scope", "inner")]
PUBLIC_SCOPE = ("dataplane_networks[0].subnets[0].address_scope", "inner")
OTHER_SCOPE = ("dataplane_networks[2].subnets[0].address_scope", "other")


def test_address_scopes_are_kept_apart_unless_something_translates():
    assert way("web", "db", *SCOPES).answered is True
    found = way("web", "db", *SCOPES, OTHER_SCOPE)
    assert (found.answered, found.lost) == (False, "router r1 keeps the address scopes of blue and red apart")
    assert str(way("db", INTERNET, *SCOPES).seen[0]) == R1
    assert way("db", FIP, *SCOPES, OTHER_SCOPE).answered is True, "a floating IP leads into any"


def test_within_the_public_scope_nothing_is_translated():
    assert str(way("db", INTERNET, *SCOPES, PUBLIC_SCOPE).seen[0]) == "10.0.1.9"
    assert str(way("web", INTERNET, *SCOPES, PUBLIC_SCOPE).seen[0]) == FIP


#: The router on all hosts, the instances on two of them, of which network1 has the gateway.
DISTRIBUTED = [(f"{ROUTER}[0].distributed", True), FAR]


#: web's network is in the outside's scope: on a host with a way outside nothing that leaves it is translated.
FAST = [("dataplane_networks[0].subnets[0].address_scope", "public"),
        ("dataplane_networks[1].subnets[0].address_scope", "public"), ("dataplane_floating_ips", [OF_DB[1]])]
NO_EXTERNAL = changed(HOSTS, ("network1.dataplane_agent_mode", "dvr_no_external"), ("network2", {
    **HOSTS["network1"], "dataplane_local_ip": "10.0.1.22"}))


@pytest.mark.parametrize(("origin", "target", "changes", "hosts", "answered", "lost"), [
    ("web", INTERNET, [], HOSTS, None, None),  # who knows whether the world knows the way back
    ("web", "203.0.113.106", [FAR], HOSTS, True, None),
    ("web", "203.0.113.106", [], HOSTS, False, "takes both ways for one connection"),  # on one host
    ("web", "203.0.113.106", [FAR], NO_EXTERNAL, False, "takes both ways for one connection"),  # with the gateway
    ("db", "web", [], HOSTS, True, None),  # a floating IP leads its instance into the outside's scope
    ("db", "web", [("dataplane_floating_ips", [])], HOSTS, False, "keeps the address scopes of red and blue apart"),
    ("web", "db", [], HOSTS, False, "keeps the address scopes of blue and red apart"),
])  # fmt: skip
def test_who_shares_the_outsides_scope_leaves_as_he_is(origin, target, changes, hosts, answered, lost):
    found = way(origin, target, *DISTRIBUTED[:1], *FAST, *changes, hosts=hosts)
    assert found.answered is answered
    assert (lost or "") in (found.lost or "")


@pytest.mark.parametrize(("origin", "target", "changes", "answered", "by", "source"), [
    ("web", "db", [], True, "db", "10.0.0.3"),
    ("web", INTERNET, [], True, "outside", FIP),
    ("db", INTERNET, [], True, "outside", R1),
    (None, FIP, [], True, "web", "203.0.113.1"),
    ("db", FIP, [], True, "web", R1),
    ("db", FIP, [OF_DB], True, "web", "203.0.113.106"),
    ("db", FIP, [NO_SNAT], True, "web", "10.0.1.9"),
])
def test_distributed_routers_lead_to_the_same_ends(origin, target, changes, answered, by, source):
    found = way(origin, target, *DISTRIBUTED, *changes)
    assert (found.answered, found.end.name, str(found.seen[0])) == (answered, by, source), found.lost or found.back
