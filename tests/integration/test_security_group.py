# SPDX-License-Identifier: GPL-3.0-or-later
"""security_group against packets: who reaches whom, who may say what, and which connections end."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.backend import SecurityGroups
from tests import frames

from .conftest import run
from .vms import BRIDGE, MTU, Knocking, Stream, Vm, frame, ping, tcp, udp, wire

WEB, APP = "5a9f2c1e-1111-2222-3333-444444444444", "6b9f2c1e-1111-2222-3333-444444444444"
A, B, C = Vm(3), Vm(4), Vm(5)
ANYWHERE = [{"direction": "egress"}, {"direction": "egress", "ethertype": "IPv6"}]


def allow(protocol=None, low=None, high=None, both=True, direction="ingress", **more):
    """A rule for each family (or IPv4 alone)."""
    rule = {"direction": direction, "protocol": protocol, "port_range_min": low, "port_range_max": high or low, **more}
    rule = {key: value for key, value in rule.items() if value is not None}
    return [rule, {**rule, "ethertype": "IPv6"}] if both else [rule]


def members(*vms):
    return [address for vm in vms for address in (vm.ipv4, vm.ipv6)]


def group(identity, *rules, addresses=()):
    return {"id": identity, "rules": [*ANYWHERE, *(rule for some in rules for rule in some)],
            "addresses": list(addresses)}


CONFIG = [
    group(WEB, allow("tcp", 80), allow("tcp", 8000, 8010), allow("udp", 53),
          allow("icmp", both=False), allow("tcp", 22, remote_group_id=APP), addresses=members(A)),
    group(APP, addresses=members(B)),
]


def ports(**more):
    """A is in WEB, B in APP, C in none that allows anything in."""
    return [A.port(WEB, **more), B.port(APP), C.port(APP)]


@pytest.fixture
def cloud(bridge, module):
    """cloud(config, ports) converges; at first to CONFIG."""
    def converge(config, wanted, **options):
        return module("security_group", config=config, ports=wanted, **options)

    bridge(BRIDGE)
    run("ovs-ofctl", "add-flow", BRIDGE, "actions=NORMAL")
    module("netns", config=[vm.namespace_item() for vm in (A, B, C)])
    converge(CONFIG, ports())
    wire((A, B, C))
    yield converge
    module("security_group", state="absent", config=[], ports=[], purge=True)


def test_who_reaches_whom(cloud):
    for own, address in ((A.ipv4, B.ipv4), (A.ipv6, B.ipv6)):
        assert tcp(B, A, own, 80)
        assert tcp(C, A, own, 8005)
        assert udp(C, A, own, 53, answer=True)
        assert not tcp(B, A, own, 81)
        assert not tcp(B, A, own, 8011)
        assert not udp(B, A, own, 54)
        # out is everything, and answers come back; in is nothing
        assert not tcp(A, B, address, 80)
        assert not udp(A, B, address, 53)
        # members of the remote group alone
        assert tcp(B, A, own, 22)
        assert not tcp(C, A, own, 22)
    assert ping(B, A.ipv4, MTU - 28)
    assert not ping(A, B.ipv4)
    assert not ping(B, A.ipv6)


def test_members_come_and_go_without_a_change_of_rules(cloud):
    changed = [CONFIG[0], group(APP, addresses=[*members(C), "10.0.7.0/24"])]
    result = cloud(changed, ports())
    assert [change["object"] for change in result["changes"]] == [
        "ipset NIPv46b9f2c1e-1111-2222-3333-", "ipset NIPv66b9f2c1e-1111-2222-3333-"]
    assert tcp(C, A, A.ipv4, 22)
    assert tcp(C, A, A.ipv6, 22)
    assert not tcp(B, A, A.ipv4, 22)
    assert not tcp(B, A, A.ipv6, 22)


def udp_frame(source, target, source_port, target_port, macs=None):
    return frames.udp(macs or (B.mac, A.mac), (source, target), (source_port, target_port), b"payload of a datagram")


def test_nobody_speaks_for_another(cloud):
    for own, other, target in ((B.ipv4, C.ipv4, A.ipv4), (B.ipv6, C.ipv6, A.ipv6)):
        assert frame(B, A, udp_frame(own, target, 9, 53))
        assert not frame(B, A, udp_frame(other, target, 9, 53))
        assert not frame(B, A, udp_frame(own, target, 9, 53, macs=(C.mac, A.mac)))
    assert frame(B, A, udp_frame(frames.link_local(B.mac), A.ipv6, 9, 53))
    assert not frame(B, A, udp_frame(frames.link_local(C.mac), A.ipv6, 9, 53))


def test_allowed_address_pairs_may_be_spoken_for(cloud):
    pairs = [{"ip_address": "10.0.9.0/24"}, {"ip_address": "fd09::9", "mac_address": "fa:16:3e:99:99:99"}]
    cloud(CONFIG, [A.port(WEB), B.port(APP, allowed_address_pairs=pairs), C.port(APP)])
    assert frame(B, A, udp_frame("10.0.9.9", A.ipv4, 9, 53))
    assert not frame(B, A, udp_frame("10.0.8.9", A.ipv4, 9, 53))
    assert frame(B, A, udp_frame("fd09::9", A.ipv6, 9, 53, macs=("fa:16:3e:99:99:99", A.mac)))
    assert not frame(B, A, udp_frame("fd09::9", A.ipv6, 9, 53))


OPEN = [group(WEB, allow()), group(APP, allow())]


def test_an_instance_is_no_dhcp_server_and_no_router_but_may_ask_for_its_address(cloud):
    cloud(OPEN, ports(ra_sources=[frames.link_local(C.mac)]))
    assert frame(B, A, udp_frame(B.ipv4, A.ipv4, 9, 53))
    assert not frame(B, A, udp_frame(B.ipv4, A.ipv4, 67, 68))
    assert not frame(B, A, udp_frame(B.ipv6, A.ipv6, 547, 546))
    assert not frame(B, A, frames.router_advertisement(B.mac, frames.link_local(B.mac)))
    discover = udp_frame("0.0.0.0", "255.255.255.255", 68, 67, macs=(B.mac, frames.BROADCAST))
    cloud(OPEN, [A.port(port_security_enabled=False), B.port(APP), C.port(APP)])
    assert frame(B, A, discover)
    assert frame(B, A, udp_frame(frames.link_local(B.mac), "ff02::1:2", 546, 547, macs=(B.mac, "33:33:00:01:00:02")))


def test_router_advertisements_and_dhcp_answers_come_in_from_the_network_alone(cloud):
    """C is the network here: it is not filtered."""
    router = frames.link_local(C.mac)
    network = C.port(port_security_enabled=False)
    cloud(CONFIG, [A.port(WEB, ra_sources=[router]), B.port(APP), network])
    assert frame(C, A, frames.router_advertisement(C.mac, router))
    assert not frame(C, A, frames.router_advertisement(C.mac, "fe80::bad"))
    offer = (C.mac, A.mac)
    assert frame(C, A, udp_frame(C.ipv4, A.ipv4, 67, 68, macs=offer))
    assert frame(C, A, udp_frame(C.ipv6, A.ipv6, 547, 546, macs=offer))
    assert not frame(C, A, udp_frame(C.ipv4, "10.0.0.77", 67, 68, macs=offer))


def test_a_port_without_port_security_hears_and_says_everything(cloud):
    cloud(CONFIG, [A.port(port_security_enabled=False), B.port(APP), C.port(APP)])
    assert tcp(B, A, A.ipv4, 81)
    assert tcp(B, A, A.ipv6, 81)
    cloud(OPEN, [A.port(port_security_enabled=False), B.port(APP), C.port(APP)])
    assert frame(A, B, udp_frame(C.ipv4, B.ipv4, 9, 53, macs=(C.mac, B.mac)))
    cloud(CONFIG, ports())
    assert not tcp(B, A, A.ipv4, 81)


def test_without_state_answers_need_rules_of_their_own(cloud):
    only_53 = [group(WEB, allow("udp", 53)), group(APP)]
    cloud(only_53, [A.port(WEB, stateful=False), B.port(APP, stateful=False), C.port(APP)])
    assert udp(B, A, A.ipv4, 53)
    assert not udp(B, A, A.ipv4, 53, answer=True)
    assert "zone=4099" not in run("conntrack", "-L", "-o", "extended")
    cloud([only_53[0], group(APP, allow("udp", 1024, 65535))], [
        A.port(WEB, stateful=False), B.port(APP, stateful=False), C.port(APP)])
    assert udp(B, A, A.ipv4, 53, answer=True)
    assert udp(B, A, A.ipv6, 53, answer=True)


# ---- connections that end


def tracked():
    """{(zone, protocol, source, target, target port)} of all entries."""
    found = set()
    for family in ("ipv4", "ipv6"):
        for line in run("conntrack", "-L", "-f", family).splitlines():
            first = {}
            for word in line.split():
                key, equals, value = word.partition("=")
                if equals:
                    first.setdefault(key, value)
            found.add((int(first.get("zone", 0)), line.split()[0], first["src"], first["dst"], first.get("dport")))
    return found


def without(config, *rules):
    """The config without some of the first group's rules."""
    return [{**config[0], "rules": [rule for rule in config[0]["rules"] if rule not in rules]}, *config[1:]]


@pytest.mark.parametrize("own", [A.ipv4, A.ipv6])
def test_a_removed_rule_ends_its_connections_and_no_others(cloud, own):
    with Stream(B, A, own, 80) as web, Stream(C, A, own, 8000) as other, Stream(B, A, own, 22) as shell:
        assert udp(C, A, own, 53, answer=True)
        before = tracked()
        result = cloud(without(CONFIG, *allow("tcp", 80)), ports())
        assert result["disruption"] == "conntrack"
        source = B.ipv6 if ":" in own else B.ipv4
        assert before - tracked() == {(4096 + A.number, "tcp", source, own, "80")}
        assert other.lives()
        assert shell.lives()
        assert not web.lives()


def test_a_removed_rule_whose_connections_another_rule_allows_ends_none(cloud):
    wider = [group(WEB, allow("tcp", 80), allow("tcp", 1, 100)), group(APP)]
    cloud(wider, ports())
    with Stream(B, A, A.ipv4, 80) as web:
        before = tracked()
        assert cloud(without(wider, *allow("tcp", 80)), ports())["changed"]
        assert before <= tracked()
        assert web.lives()


def test_a_removed_member_loses_its_connections_to_that_group(cloud):
    both = [CONFIG[0], group(APP, addresses=members(B, C))]
    cloud(both, ports())
    with Stream(B, A, A.ipv4, 22) as one, Stream(C, A, A.ipv4, 22) as other, Stream(C, A, A.ipv4, 80) as web:
        result = cloud([CONFIG[0], group(APP, addresses=members(B))], ports())
        assert result["disruption"] == "conntrack"
        assert one.lives()
        assert web.lives()
        assert not other.lives()


def test_a_removed_group_takes_its_connections(cloud):
    cloud(OPEN, [A.port(WEB, APP), B.port(WEB, APP), C.port(APP)])
    with Stream(B, A, A.ipv4, 81) as inward, Stream(A, B, B.ipv4, 82) as outward:
        cloud([group(WEB), group(APP)], [A.port(WEB), B.port(WEB, APP), C.port(APP)])
        assert not inward.lives()
        assert not outward.lives()  # B lets nothing in any more
    with pytest.raises(OSError):
        Stream(B, A, A.ipv4, 81)


def test_outgoing_connections_end_with_their_rule_too(cloud):
    cloud(OPEN, ports())
    silent = [{**OPEN[0], "rules": allow()}, OPEN[1]]
    with Stream(A, B, B.ipv4, 80) as outward, Stream(B, A, A.ipv4, 80) as inward:
        cloud(silent, ports())
        assert inward.lives()
        assert not outward.lives()


def test_a_port_that_goes_leaves_no_connection_to_the_next_one_with_its_zone(cloud):
    with Stream(B, A, A.ipv4, 80):
        assert any(zone == 4096 + A.number for zone, *_rest in tracked())
        cloud(CONFIG, [B.port(APP), C.port(APP)], purge=True)
        assert not any(zone == 4096 + A.number for zone, *_rest in tracked())


def test_connections_that_a_killed_run_has_not_ended_are_ended_by_the_next(cloud):
    """It was killed after it had written everything."""
    fewer = without(CONFIG, *allow("tcp", 80))
    params = {"state": "present", "purge": False, "adopt": False, "owner": "default", "ports": ports()}
    with Stream(B, A, A.ipv4, 80) as web, Stream(C, A, A.ipv4, 8000) as other:
        killed = SecurityGroups(fewer, params, False)
        have = killed.observe()
        killed.apply(killed.diff(have), have)
        result = cloud(fewer, ports())
        assert [change["object"] for change in result["changes"]] == ["connections that are allowed no more"]
        assert other.lives()
        assert not web.lives()
    assert not cloud(fewer, ports())["changed"]


def test_what_does_not_change_goes_on_and_counts_on(cloud):
    def counted():
        lines = run("iptables-save", "-c", "-t", "filter").splitlines()
        return next(int(line[1:].split(":")[0]) for line in lines if "--dport 80 " in line)

    with Stream(B, A, A.ipv4, 80) as web:
        before = counted()
        assert before > 0
        for config in (without(CONFIG, *allow("udp", 53)), CONFIG, [CONFIG[0], group(APP, addresses=members(C))]):
            assert cloud(config, ports())["changed"]
            assert web.lives()
        assert not cloud([CONFIG[0], group(APP, addresses=members(C))], ports())["changed"]
        assert counted() == before


# ---- never unfiltered


def test_an_instance_is_never_reachable_unfiltered(cloud, module):
    """While its port is made, changed, removed and made again, nobody gets through to a closed port."""
    more = [group(WEB, allow("tcp", 1, 20)), CONFIG[1]]
    with Knocking(B, A, A.ipv4, 54) as knocking, Knocking(B, A, A.ipv6, 54) as knocking6:
        for _round in range(3):
            cloud(more, ports())
            cloud(more, [B.port(APP), C.port(APP)], purge=True)
            cloud(CONFIG, ports())
            run("ovs-vsctl", "--", "--if-exists", "del-port", f"qvo{A.port_id}"[:14])
            wire([A])
    assert knocking.sent > 200
    assert (knocking.heard, knocking6.heard) == (0, 0)


def test_settings_that_lead_packets_past_the_rules_are_put_right(cloud):
    keys = [f"net.bridge.bridge-nf-call-{tables}" for tables in ("iptables", "ip6tables")]
    for key in keys:
        run("sysctl", "-w", f"{key}=0")
    assert tcp(B, A, A.ipv4, 81)
    result = cloud(CONFIG, ports())
    assert {change["object"] for change in result["changes"]} == {f"sysctl {key}" for key in keys}
    assert not tcp(B, A, A.ipv4, 81)


def test_tables_that_a_hand_has_flushed_are_filled_again(cloud):
    before = {tool: run(f"{tool}-save") for tool in ("iptables", "ip6tables")}
    for tool in before:
        run(tool, "-F")
    assert cloud(CONFIG, ports())["changed"]
    assert not cloud(CONFIG, ports())["changed"]
    assert {tool: rules(run(f"{tool}-save")) for tool in before} == {tool: rules(before[tool]) for tool in before}


def rules(saved):
    return [line for line in saved.splitlines() if line.startswith("-A")]


def test_the_tap_of_a_hypervisor_is_plugged_in_when_it_comes(cloud, module):
    late = [A.port(WEB, tap=False), B.port(APP), C.port(APP)]
    subprocess.run(["ip", "netns", "delete", A.name], check=True)
    assert not cloud(CONFIG, late)["changed"]
    module("netns", config=[A.namespace_item()])
    assert [change["object"] for change in cloud(CONFIG, late)["changes"]] == [f"link {A.tap}"]
    assert tcp(B, A, A.ipv4, 80)
    assert json.loads(run("ip", "-json", "link", "show", A.tap))[0]["master"] == f"qbr{A.port_id}"[:14]
