# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups without a kernel: what is refused, how rules look, what is kept, what is reported."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput, ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import (
    parse,
    protocols,
    render,
    rules,
    sets,
    tables,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.sets import Set

GROUP = "5a9f2c1e-1111-2222-3333-444444444444"
OTHER_GROUP = "6b9f2c1e-1111-2222-3333-444444444444"
PORT = "7c7ae61e-05aa-4e3c-9f42-0f1f2c3d4e5f"
KEY = "7c7ae61e-05"
MAC = "fa:16:3e:00:00:03"
IN, OUT, FROM = (f"neutron-openvswi-{part}7c7ae61e-0" for part in "ios")
NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 112: "vrrp", 132: "sctp", 136: "udplite", 41: "ipv6"}


def group(*rules_of, addresses=None, identity=GROUP):
    item = {"id": identity, "rules": list(rules_of)}
    return item if addresses is None else {**item, "addresses": addresses}


def port(**more):
    return {"port_id": PORT, "mac_address": MAC, "fixed_ips": ["10.0.0.3", "fd00::3"], "security_groups": [GROUP],
            "zone": 4097, "mtu": 1450, **more}


def rule(direction="ingress", **more):
    return {"direction": direction, **more}


def chains(family, port_item=None, *rules_of, addresses=None):
    groups, ports, _plugs = parse.parse([group(*rules_of, addresses=addresses)], [port_item or port()])
    return render.Renderer(family, groups, NAMES).chains(ports[KEY])


def rendered(family, *rules_of, direction="ingress"):
    """What rules of a group become, without what every port has."""
    without, with_rules = (chains(family, None, *some, addresses=[]).own for some in ((), rules_of))
    chain = IN if direction == "ingress" else OUT
    return [line for line in with_rules[chain] if line not in without[chain]]


# ---- what is refused


def problems(config, ports=()):
    with pytest.raises(BadInput) as refused:
        parse.parse(config, list(ports))
    return refused.value.problems


@pytest.mark.parametrize(("wrong", "said"), [
    ({"protocol": "tcp", "port_range_min": 80, "port_range_max": 22},
     ".port_range_min: 80: is above port_range_max, 22"),
    ({"port_range_min": 80, "port_range_max": 80}, ".port_range_min: 80: needs a protocol that has ports"),
    ({"protocol": "gre", "port_range_max": 8}, ".port_range_max: 8: needs a protocol that has ports"),
    ({"protocol": "tcp", "port_range_min": 80}, ": : port_range_min and port_range_max are given together"),
    ({"protocol": "tcp", "port_range_min": 0, "port_range_max": 1}, ".port_range_min: 0: must be from 1 to 65535"),
    ({"protocol": "icmp", "port_range_min": 256}, ".port_range_min: 256: must be from 0 to 255"),
    ({"protocol": "icmp", "port_range_max": 1}, ".port_range_max: 1: is an ICMP code and needs a type, port_range_min"),
    ({"protocol": "icmpv6"}, ".protocol: 58: is never in an IPv4 packet"),
    ({"ethertype": "IPv5"}, ".ethertype: IPv5: must be one of IPv4, IPv6"),
    ({"remote_ip_prefix": "fd00::/64"},
     ".remote_ip_prefix: fd00::/64: is no IPv4 prefix, and that is the ethertype of the rule"),
    ({"remote_ip_prefix": "10.0.0.1/24"},
     ".remote_ip_prefix: 10.0.0.1/24: has host bits set: the network is 10.0.0.0/24"),
    ({"remote_group_id": OTHER_GROUP}, f".remote_group_id: {OTHER_GROUP}: is the id of no group in config"),
    ({"remote_group_id": GROUP}, f".remote_group_id: {GROUP}: that group has no addresses"),
    ({"remote_group_id": GROUP, "remote_ip_prefix": "10.0.0.0/8"},
     f".remote_group_id: {GROUP}: cannot be given together with remote_ip_prefix"),
    ({"remote": "everybody"}, ".remote: everybody: is not an option"),
])
def test_a_rule_that_means_nothing_is_refused(wrong, said):
    found = problems([group(rule(), rule(**wrong))])
    assert found[0].startswith(f"config[0].rules[1]{said}")


def test_a_protocol_that_nobody_knows_is_refused_with_those_that_are():
    assert "must be a number up to 255 or one of any, ah, dccp" in problems([group(rule(protocol="tpc"))])[0]


@pytest.mark.parametrize(("wrong", "said"), [
    ({"port_id": "7c7ae61e"}, ".port_id: 7c7ae61e: is not an id: a UUID in lower case"),
    ({"mac_address": None}, ".mac_address: is required"),
    ({"zone": None}, ".zone: is required"),
    ({"zone": 65536}, ".zone: 65536: must be from 1 to 65535"),
    ({"mtu": None}, ".mtu: is required"),
    ({"fixed_ips": ["10.0.0.3/24"]}, ".fixed_ips[0]: 10.0.0.3/24: is not an IP address"),
    ({"allowed_address_pairs": [{"ip_address": "ten"}]}, ".allowed_address_pairs[0].ip_address: ten: is not an IP"),
    ({"ra_sources": ["10.0.0.1"]}, ".ra_sources[0]: 10.0.0.1: is not an IPv6 address"),
    ({"security_groups": [OTHER_GROUP]}, f".security_groups[0]: {OTHER_GROUP}: is the id of no group in config"),
    ({"port_security_enabled": False}, ".security_groups: given: cannot be given with port_security_enabled false"),
])
def test_a_wrong_port_is_refused(wrong, said):
    assert problems([group()], [port(**wrong)])[0].startswith(f"ports[0]{said}")


def test_what_two_ports_may_not_share_is_refused_naming_both():
    twin = {"port_id": PORT[:10] + "ffff-4e3c-9f42-0f1f2c3d4e5f"[1:], "zone": 4097}
    assert problems([group()], [port(), port(**{**twin, "port_id": PORT[:-1] + "0"})]) == [
        f"ports[1].port_id: {PORT[:-1]}0: gives chains or sets the same names as ports[0].port_id",
        "ports[1].zone: 4097: is already given by ports[0].zone",
    ]


def test_absent_reads_ids_alone():
    assert parse.parse_ids([{"id": GROUP, "rules": 7}], [{"port_id": PORT, "zone": "x"}]) == (
        {}, {KEY: None}, [{"port_id": PORT}])
    with pytest.raises(BadInput, match=r"ports\[0\].port_id: is required"):
        parse.parse_ids([], [{}])


# ---- how rules look (reference 7.2)


@pytest.mark.parametrize(("family", "wanted", "line"), [
    ("ipv4", {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}, "-p tcp -m tcp --dport 22 -j RETURN"),
    ("ipv4", {"protocol": "TCP", "port_range_min": 8000, "port_range_max": 8100, "remote_ip_prefix": "203.0.113.0/24"},
     "-s 203.0.113.0/24 -p tcp -m tcp -m multiport --dports 8000:8100 -j RETURN"),
    ("ipv4", {"protocol": "icmp"}, "-p icmp -j RETURN"),
    ("ipv4", {"protocol": 1, "port_range_min": 8, "port_range_max": 0}, "-p icmp -m icmp --icmp-type 8/0 -j RETURN"),
    ("ipv6", {"protocol": "icmp", "ethertype": "IPv6", "port_range_min": 128},
     "-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j RETURN"),
    ("ipv4", {"protocol": "udplite", "port_range_min": 5, "port_range_max": 5},
     "-p udplite -m multiport --dports 5 -j RETURN"),
    ("ipv4", {"protocol": "112"}, "-p vrrp -j RETURN"),
    ("ipv4", {"protocol": "ipv6-encap"}, "-p ipv6 -j RETURN"),
    ("ipv4", {"protocol": "pgm"}, "-p 113 -j RETURN"),
    ("ipv4", {"remote_ip_prefix": "0.0.0.0/0", "protocol": "any"}, "-j RETURN"),
    ("ipv4", {"remote_ip_prefix": "192.0.2.1"}, "-s 192.0.2.1/32 -j RETURN"),
    ("ipv4", {"remote_group_id": GROUP}, "-m set --match-set NIPv45a9f2c1e-1111-2222-3333- src -j RETURN"),
    ("ipv6", {"remote_group_id": GROUP, "ethertype": "IPv6", "protocol": "tcp"},
     "-p tcp -m set --match-set NIPv65a9f2c1e-1111-2222-3333- src -j RETURN"),
])
def test_a_rule_as_iptables_prints_it(family, wanted, line):
    assert rendered(family, rule(**wanted)) == [line]


def test_egress_is_about_who_is_spoken_to():
    assert rendered("ipv4", rule("egress", remote_ip_prefix="192.0.2.0/24"), direction="egress") == [
        "-d 192.0.2.0/24 -j RETURN"]
    assert rendered("ipv4", rule("egress", remote_group_id=GROUP), direction="egress") == [
        "-m set --match-set NIPv45a9f2c1e-1111-2222-3333- dst -j RETURN"]


KNOWN = ('-m state --state RELATED,ESTABLISHED -m comment --comment "Direct packets associated with a known session '
         'to the RETURN chain." -j RETURN')
INVALID = ('-m state --state INVALID -m comment --comment "Drop packets that appear related to an existing connection '
           '(e.g. TCP ACK/FIN) but do not have an entry in conntrack." -j DROP')
REST = '-m comment --comment "Send unmatched traffic to the fallback chain." -j neutron-openvswi-sg-fallback'


def commented(line):
    """A line of the expected chains: MATCHES | COMMENT | TARGET."""
    if "|" not in line:
        return line
    matches, comment, target = (part.strip() for part in line.split("|"))
    return " ".join(filter(None, [matches, f'-m comment --comment "{comment}"', target]))


def test_the_chains_of_a_port_in_ipv4():
    twice = (rule(protocol="tcp", port_range_min=22, port_range_max=22),) * 2
    own = chains("ipv4", port(allowed_address_pairs=[{"ip_address": "10.0.9.0/24"}]), *twice, rule("egress")).own
    assert own == {
        IN: [KNOWN, "-d 10.0.0.3/32 -p udp -m udp --sport 67 --dport 68 -j RETURN",
             "-d 255.255.255.255/32 -p udp -m udp --sport 67 --dport 68 -j RETURN",
             "-p tcp -m tcp --dport 22 -j RETURN", INVALID, REST],
        OUT: [*map(commented, [
            "-s 0.0.0.0/32 -d 255.255.255.255/32 -p udp -m udp --sport 68 --dport 67 | Allow DHCP client traffic. "
            "| -j RETURN",
            f"-j {FROM}",
            "-p udp -m udp --sport 68 --dport 67 | Allow DHCP client traffic. | -j RETURN",
            "-p udp -m udp --sport 67 --dport 68 | Prevent DHCP Spoofing by VM. | -j DROP",
        ]), KNOWN, "-j RETURN", INVALID, REST],
        FROM: [*map(commented, [
            f"-s 10.0.9.0/24 -m mac --mac-source {MAC} | Allow traffic from defined IP/MAC pairs. | -j RETURN",
            f"-s 10.0.0.3/32 -m mac --mac-source {MAC} | Allow traffic from defined IP/MAC pairs. | -j RETURN",
            "| Drop traffic without an IP/MAC allow rule. | -j DROP",
        ])],
    }


def test_the_chains_of_a_port_in_ipv6():
    own = chains("ipv6", port(ra_sources=["fe80::1"])).own
    start = "-p ipv6-icmp -m icmp6 --icmpv6-type"
    assert own == {
        IN: [*(f"{start} {number} -j RETURN" for number in (130, 135, 136)), KNOWN,
             f"-s fe80::1/128 {start} 134 -j RETURN", "-d fd00::3/128 -p udp -m udp --sport 547 --dport 546 -j RETURN",
             "-d fe80::/64 -p udp -m udp --sport 547 --dport 546 -j RETURN", INVALID, REST],
        OUT: [*map(commented, [
            *(f"-s ::/128 -d ff02::/16 {start} {number} | Allow IPv6 ICMP traffic. | -j RETURN"
              for number in (131, 135, 143)),
            f"-j {FROM}",
            f"{start} 134 | Drop IPv6 Router Advts from VM Instance. | -j DROP",
            "-p ipv6-icmp | Allow IPv6 ICMP traffic. | -j RETURN",
            "-p udp -m udp --sport 546 --dport 547 | Allow DHCP client traffic. | -j RETURN",
            "-p udp -m udp --sport 547 --dport 546 | Prevent DHCP Spoofing by VM. | -j DROP",
        ]), KNOWN, INVALID, REST],
        FROM: [*map(commented, [
            f"-s fd00::3/128 -m mac --mac-source {MAC} | Allow traffic from defined IP/MAC pairs. | -j RETURN",
            f"-s fe80::f816:3eff:fe00:3/128 -m mac --mac-source {MAC} | Allow traffic from defined IP/MAC pairs. "
            "| -j RETURN",
            "| Drop traffic without an IP/MAC allow rule. | -j DROP",
        ])],
    }


def test_a_port_without_an_address_of_a_family_sends_nothing_of_it_but_from_its_link_local_one():
    only_ipv4, only_ipv6 = port(fixed_ips=["10.0.0.3"]), port(fixed_ips=["fd00::3"])
    assert len(chains("ipv6", only_ipv4).own[FROM]) == 2
    assert chains("ipv6", only_ipv4).own[FROM][0].startswith("-s fe80::f816:3eff:fe00:3/128")
    assert len(chains("ipv4", only_ipv6).own[FROM]) == 1


def test_a_port_without_any_address_may_use_all_with_its_mac():
    assert chains("ipv4", port(fixed_ips=[])).own[FROM][0].startswith(f"-m mac --mac-source {MAC} ")


def test_what_ports_have_in_chains_that_all_share():
    tracking = '-m comment --comment "Set zone for 7c7ae61e-05aa-4e3c-9f42-0f1f2c3d4e5f" -j CT --zone 4097'
    tap, trusted = "tap7c7ae61e-05", '-m comment --comment "Accept all packets when port is trusted." -j ACCEPT'
    assert chains("ipv4").shared == {
        ("raw", "PREROUTING"): [f"-m physdev --physdev-in qvb7c7ae61e-05 {tracking}", f"-i qvb7c7ae61e-05 {tracking}",
                                f"-m physdev --physdev-in {tap} {tracking}"],
        ("nat", "PREROUTING"): [f"-m physdev --physdev-{way} {tap} {trusted}" for way in ("out", "in")],
        ("filter", "FORWARD"): [
            f'-m physdev --physdev-{way} {tap} --physdev-is-bridged -m comment --comment "Direct traffic from the VM '
            'interface to the security group chain." -j neutron-openvswi-sg-chain' for way in ("out", "in")],
        ("filter", "INPUT"): [
            f'-m physdev --physdev-in {tap} --physdev-is-bridged -m comment --comment "Direct incoming traffic from VM '
            f'to the security group chain." -j {OUT}'],
        ("filter", "sg-chain"): [
            f'-m physdev --physdev-{way} {tap} --physdev-is-bridged -m comment --comment "Jump to the VM specific '
            f'chain." -j {chain}' for way, chain in (("out", IN), ("in", OUT))],
    }


def test_stateless_ports_are_not_tracked_and_unsecured_ones_not_filtered():
    stateless = chains("ipv4", port(stateful=False, zone=None)).shared["raw", "PREROUTING"]
    assert all(line.endswith(f'--comment "Make {PORT} stateless" -j CT --notrack') for line in stateless)
    free = chains("ipv4", {"port_id": PORT, "port_security_enabled": False, "mtu": 1450})
    assert free.own == {}
    accept = '-m comment --comment "Accept all packets when port security is disabled." -j ACCEPT'
    assert free.shared["filter", "FORWARD"] == [
        f"-m physdev --physdev-{way} tap7c7ae61e-05 --physdev-is-bridged {accept}" for way in ("out", "in")]
    assert len(free.shared["filter", "INPUT"]) == 1


def test_protocols_of_this_host_have_names_that_iptables_knows():
    names = protocols.printed()
    assert (names[6], names[58], names[136]) == ("tcp", "ipv6-icmp", "udplite")


# ---- ports of other calls


def wish(*ports, purge=False, absent=False, adopt=False):
    groups, found, _plugs = parse.parse([group(rule("egress"))], list(ports))
    return rules.Wish(groups, found, "default", purge, adopt, absent)


def host(*ports):
    """The tables of a host that converged to these ports."""
    wanted = rules.plan("ipv4", wish(*ports), {}, NAMES)
    marked = {mark.CHAIN: ['-m comment --comment "cloudnet.dataplane owner=default"']}
    return {table: {**found, **marked} for table, found in tables.wanted(wanted.after).items()}


SECOND = port(port_id="8c7ae61e-05aa-4e3c-9f42-0f1f2c3d4e5f", zone=4098)
FREE = {"port_id": "0c7ae61e-05aa-4e3c-9f42-0f1f2c3d4e5f", "port_security_enabled": False, "mtu": 1450}


def test_ports_that_are_not_listed_stay_unless_they_are_purged():
    have = host(port(), FREE)
    both = rules.plan("ipv4", wish(SECOND), have, NAMES)
    assert sorted(both.after) == ["0c7ae61e-05", "7c7ae61e-05", "8c7ae61e-05"]
    assert [change.object for change in both.report("ipv4")] == ["iptables rules of tap8c7ae61e-05"]
    assert all(change.before is None or len(change.after) > len(change.before) for change in both.changes)
    purged = rules.plan("ipv4", wish(SECOND, purge=True), have, NAMES)
    assert [f"{change.action} {change.object}" for change in purged.report("ipv4")] == [
        "delete iptables rules of tap0c7ae61e-05", "delete iptables rules of tap7c7ae61e-05",
        "create iptables rules of tap8c7ae61e-05"]


def test_filtered_ports_come_before_those_that_accept_everything():
    forward = host(port(), FREE)["filter"]["neutron-openvswi-FORWARD"]
    assert [tables.key_of(line) for line in forward] == [KEY, KEY, "0c7ae61e-05", "0c7ae61e-05"]


def test_with_the_last_port_the_frame_goes():
    gone = rules.plan("ipv4", wish(purge=True), host(port()), NAMES)
    assert gone.after == {}
    assert {(change.action, change.object) for change in gone.report("ipv4")} == {
        ("delete", "iptables chains that ports share"), ("delete", "iptables rules of tap7c7ae61e-05")}
    assert all(not change.after for change in gone.changes)


def test_the_second_run_changes_nothing():
    assert rules.plan("ipv4", wish(port(), FREE, purge=True), host(port(), FREE), NAMES).changes == []


def test_chains_without_our_mark_are_foreign():
    have = {table: {name: lines for name, lines in found.items() if name != mark.CHAIN}
            for table, found in host(port()).items()}
    with pytest.raises(ForeignObject, match="iptables -t raw -F neutron-openvswi-OUTPUT"):
        rules.plan("ipv4", wish(port()), have, NAMES)
    assert rules.plan("ipv4", wish(purge=True), have, NAMES).changes == []
    gone = rules.Wish({}, {KEY: None}, "default", False, False, absent=True)
    with pytest.raises(ForeignObject):
        rules.plan("ipv4", gone, have, NAMES)
    adopted = rules.plan("ipv4", wish(port(), SECOND, adopt=True, purge=True), have, NAMES)
    assert {change.chain for change in adopted.changes} > {mark.CHAIN}


def test_an_update_names_only_the_chains_that_differ():
    have = host(port())
    have["filter"][IN] = [line for line in have["filter"][IN] if line != INVALID]
    (change,) = rules.plan("ipv4", wish(port()), have, NAMES).report("ipv4")
    assert list(change.after) == [f"filter {IN}"]
    assert change.disruption == "none"
    have["filter"][IN] = [*have["filter"][IN], "-j ACCEPT"]
    (change,) = rules.plan("ipv4", wish(port()), have, NAMES).report("ipv4")
    assert change.disruption == "conntrack"


# ---- sets

NAME4, NAME6 = "NIPv45a9f2c1e-1111-2222-3333-", "NIPv65a9f2c1e-1111-2222-3333-"
SAVED = f"""\
create {NAME4} hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x4fd57305
add {NAME4} 10.0.0.3
add {NAME4} 10.0.9.0/24
create theirs list:set size 8
create cloudnet-dataplane list:set size 8 comment
add cloudnet-dataplane {NAME4} comment "cloudnet.dataplane owner=demo"
"""


def test_sets_are_read_with_their_owners():
    assert sets.parse(SAVED) == {
        NAME4: Set("hash:net family inet", frozenset(["10.0.0.3", "10.0.9.0/24"]), "demo"),
        "theirs": Set("list:set", frozenset(), None),
    }


def test_sets_hold_what_ipset_can_hold():
    groups, _ports, _plugs = parse.parse([group(addresses=["10.0.0.3", "0.0.0.0/0", "fd00::3/128", "fd00::/64"])], [])
    assert sets.wanted(groups, {NAME4, NAME6}, "demo") == {
        NAME4: Set("hash:net family inet", frozenset(["10.0.0.3", "0.0.0.0/1", "128.0.0.0/1"]), "demo"),
        NAME6: Set("hash:net family inet6", frozenset(["fd00::3", "fd00::/64"]), "demo"),
    }
    assert sets.wanted(groups, {NAME6}, "demo").keys() == {NAME6}


def a_set(*members, owner="demo"):
    return Set("hash:net family inet", frozenset(members), owner)


def test_sets_of_others_are_foreign_unless_they_are_empty_or_adopted():
    want = {NAME4: a_set("10.0.0.3")}
    for owner in (None, "other"):
        have = {NAME4: a_set("10.0.0.9", owner=owner)}
        with pytest.raises(ForeignObject, match=f"ipset destroy {NAME4}"):
            sets.changes(have, want, {NAME4}, "demo", False)
        assert len(sets.changes(have, want, {NAME4}, "demo", True)) == 1
    assert len(sets.changes({NAME4: a_set(owner=None)}, want, {NAME4}, "demo", False)) == 1


def test_a_set_lives_as_long_as_a_rule_matches_it():
    have = {NAME4: a_set("10.0.0.3"), NAME6: a_set(owner="other")}
    assert sets.changes(have, {}, {NAME4}, "demo", False) == []
    (change,) = sets.changes(have, {}, set(), "demo", False)
    assert (change.name, change.after) == (NAME4, None)
