# SPDX-License-Identifier: GPL-3.0-or-later
"""security_group as a declarative module: predicted, repeated, healed, purged, refused, undone, killed."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.sandbox import hidden

from .conftest import ModuleFailed, eventually, run
from .ovs import has_device
from .vms import Vm

GROUP, OTHER = "5a9f2c1e-1111-2222-3333-444444444444", "6b9f2c1e-1111-2222-3333-444444444444"
SET4, SET6 = "NIPv45a9f2c1e-1111-2222-3333-", "NIPv65a9f2c1e-1111-2222-3333-"
A, B, C = Vm(3), Vm(4), Vm(5)
CHAIN_IN = f"neutron-openvswi-i{A.port_id}"[:28]


def rules(*ports):
    return [
        {"direction": "egress"},
        {"direction": "ingress", "remote_group_id": GROUP},
        {"direction": "ingress", "ethertype": "IPv6", "protocol": "icmpv6", "remote_group_id": GROUP},
        *({"direction": "ingress", "protocol": "tcp", "port_range_min": port, "port_range_max": port + 1}
          for port in ports),
    ]


def config(*ports, addresses=(A.ipv4, A.ipv6)):
    return [{"id": GROUP, "rules": rules(*ports), "addresses": list(addresses)}]


def port(vm, **more):
    return vm.port(GROUP, **{"tap": False, **more})


@pytest.fixture(autouse=True)
def clean(clean_host):
    """Nothing in the root namespace is left from the test before."""
    yield
    for name in re.findall(r"^\d+: (qbr[^:@]*|qvb[^:@]*|tap[^:@]*)", run("ip", "-o", "link"), re.MULTILINE):
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)
    for tool in ("iptables", "ip6tables"):
        for table in ("raw", "nat", "filter"):
            run(tool, "-t", table, "-F")
            run(tool, "-t", table, "-X")
    subprocess.run(["ipset", "destroy", "cloudnet-dataplane"], check=False, capture_output=True)
    run("ipset", "destroy")


@pytest.fixture
def converge(module):
    def run_it(groups, *ports, **options):
        return module("security_group", config=groups, ports=list(ports), **options)

    return run_it


def state():
    """Rules, sets and links as the system's own tools print them, without what differs between two equal hosts."""
    tables = [sorted(map(rules_of, run(tool).split("*"))) for tool in ("iptables-save", "ip6tables-save")]
    sets = sorted(re.sub(r" (initval|hashsize|bucketsize) \S+", "", line) for line in run("ipset", "save").splitlines())
    links = sorted(re.sub(r"^\d+: ", "", line) for line in run("ip", "-o", "link").splitlines() if "q" in line)
    links = [re.sub(r"link/ether \S+ brd \S+|@\S+|state \S+|NO-CARRIER,|,LOWER_UP", "", line) for line in links]
    return tables, sets, links


def rules_of(table):
    """The chains that somebody made and all rules, in order."""
    return [line.split(" [")[0] for line in table.splitlines() if re.match(r"-A|:[a-z]", line)]


def objects(result):
    return [f"{change['action']} {change['object']}" for change in result["changes"]]


# ---- create, again, check mode


def test_what_is_made_is_what_was_predicted_and_nothing_the_second_time(converge):
    nothing = state()
    wanted = config(22), port(A), port(B), C.port(port_security_enabled=False, tap=False)
    predicted = converge(*wanted, check=True)
    assert state() == nothing
    made = converge(*wanted)
    assert made["changes"] == predicted["changes"]
    assert made["diff"] == predicted["diff"]
    assert objects(made)[:3] == [
        f"create ipset {SET4}", f"create ipset {SET6}", "create iptables chains that ports share"]
    assert objects(made)[-1] == f"create link qvo{C.port_id[:11]}"
    before = state()
    for check in (True, False):
        assert not converge(*wanted, check=check)["changed"]
    assert state() == before
    predicted = converge(*wanted, state="absent", check=True)
    assert converge(*wanted, state="absent")["changes"] == predicted["changes"]
    assert [rules for rules in state()[0][0] if rules] == []
    assert state()[1:] == nothing[1:]


def test_groups_and_ports_travel_packed(module, converge):
    packed = pack({"config": config(22), "ports": [port(A)]})
    assert module("security_group", packed=packed)["changed"]
    assert not converge(config(22), port(A))["changed"]
    with pytest.raises(ModuleFailed, match="packed.port: is not an option that may be packed: config, ports"):
        module("security_group", packed=pack({"port": []}))


def test_everything_that_is_wrong_is_said_at_once(module):
    wrong = {"config": [{"id": GROUP, "rules": [{"direction": "in"}]}], "ports": [port(A, zone=0), {"mtu": 9}]}
    with pytest.raises(ModuleFailed) as refused:
        module("security_group", packed=pack(wrong))
    assert refused.value.result["problems"] == [
        "config[0].rules[0].direction: in: must be one of ingress, egress",
        "ports[0].zone: 0: must be from 1 to 65535",
        "ports[1].port_id: is required",
        "ports[1].mac_address: is required",
        "ports[1].zone: is required",
        "ports[1].mtu: 9: must be from 68 to 65535",
    ]


def test_check_mode_needs_no_tools_and_no_taps(converge, tmp_path):
    eventually(lambda: not has_device(A.tap))  # the kernel takes a former test's tap a while after its namespace
    with hidden("/usr/sbin/xtables-nft-multi", tmp_path), hidden("/usr/sbin/ipset", tmp_path):
        predicted = converge(config(22), port(A, tap=True), check=True)
        with pytest.raises(ModuleFailed, match="not installed on this host: install the Debian package ip"):
            converge(config(22), port(A, tap=True))
    with hidden("/usr/sbin/ipset", tmp_path):
        assert not converge([], state="absent", purge=True)["changed"]
        with pytest.raises(ModuleFailed, match="ipset is not installed .* Debian package ipset"):
            converge(config(22), port(A))
    with pytest.raises(ModuleFailed, match=f"network device {A.tap} does not exist: the module netns makes it"):
        converge(config(22), port(A, tap=True))
    run("ip", "link", "add", A.tap, "type", "veth", "peer", "name", "inside")
    assert converge(config(22), port(A, tap=True))["changes"] == predicted["changes"]


def test_the_other_generation_of_iptables(converge, monkeypatch, tmp_path):
    for family in ("iptables", "ip6tables"):
        for verb in ("", "-save", "-restore"):
            (tmp_path / f"{family}{verb}").symlink_to(shutil.which(f"{family}-legacy{verb}"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for groups in (config(22), config(22, 80), config(80)):
        assert converge(groups, port(A), port(B))["changed"]
        assert not converge(groups, port(A), port(B))["changed"]
    converge([], state="absent", purge=True)
    assert "neutron" not in run("iptables-save")
    for tool in ("iptables", "ip6tables"):
        for table in ("raw", "nat", "filter"):
            run(tool, "-t", table, "-X")


# ---- drift, purge, others


def test_drift_is_healed_and_nothing_else_reported(converge):
    wanted = config(22), port(A), port(B)
    converge(*wanted)
    good = state()
    run("iptables", "-I", CHAIN_IN, "-j", "ACCEPT")
    run("ip6tables", "-F", "neutron-openvswi-sg-fallback")
    run("ipset", "add", SET4, "192.0.2.0/24")
    run("ip", "link", "set", f"qvb{A.port_id}"[:14], "nomaster")
    healed = converge(*wanted)
    assert objects(healed) == [
        f"update ipset {SET4}", f"update iptables rules of {A.tap}", "update ip6tables chains that ports share",
        f"update link qvb{A.port_id[:11]}"]
    assert healed["disruption"] == "conntrack"
    assert state() == good


def test_flushed_tables_come_back_whole(converge):
    wanted = config(22), port(A), port(B)
    converge(*wanted)
    good = state()
    for table in ("raw", "nat", "filter"):
        run("iptables", "-t", table, "-F")
        run("iptables", "-t", table, "-X")
    assert not any("ip6tables" in name or "link" in name for name in objects(converge(*wanted)))
    assert state() == good


def test_ports_and_groups_that_are_not_listed_stay_until_they_are_purged(converge):
    both = [*config(22), {"id": OTHER, "rules": [{"direction": "ingress", "remote_group_id": OTHER}], "addresses": []}]
    converge(both, port(A), B.port(OTHER, tap=False))
    added = converge(config(22), port(C))
    assert all(C.port_id[:10] in name for name in objects(added))
    alone = converge(config(22), port(C), purge=True)
    assert {name.split()[0] for name in objects(alone)} == {"delete"}
    assert not converge(config(22), port(C), purge=True)["changed"]
    assert run("iptables-save").count("-A neutron-openvswi-FORWARD ") == 2
    assert "NIPv46b9f2c1e" not in run("ipset", "save")


def test_absent_takes_the_listed_ports_alone(converge):
    converge(config(22), port(A), port(B))
    gone = converge([], {"port_id": A.port_id}, state="absent")
    assert all(name.startswith("delete ") and A.port_id[:10] in name for name in objects(gone))
    assert not converge(config(22), port(B), purge=True)["changed"]
    assert not converge([], {"port_id": A.port_id}, state="absent")["changed"]


def test_rules_of_others_keep_their_place_and_sets_of_others_are_left_alone(converge):
    for rule in ("-p icmp -j ACCEPT", "-j LOG"):
        run("iptables", "-A", "FORWARD", *rule.split())
    run("ipset", "create", "theirs", "hash:net")
    converge(config(22), port(A))
    saved = [line for line in run("iptables-save", "-t", "filter").splitlines() if line.startswith("-A FORWARD")]
    assert saved == ["-A FORWARD -j neutron-filter-top", "-A FORWARD -j neutron-openvswi-FORWARD",
                     "-A FORWARD -p icmp -j ACCEPT", "-A FORWARD -j LOG"]
    converge([], state="absent", purge=True)
    assert run("ipset", "save").startswith("create theirs")
    assert len([line for line in run("iptables-save", "-t", "filter").splitlines() if line.startswith("-A")]) == 2


def test_nat_rules_of_the_host_and_security_groups_leave_each_other_alone(converge, module):
    """They share the chain that tells the owner, which goes with the last of them."""
    tables = {"filter": {"INPUT": ["-j neutron-l3-agent-INPUT"], "neutron-l3-agent-INPUT": []}}
    converge(config(22), port(A))
    groups_alone = state()
    module("nat_rules", config=[{"tables": tables}], purge=True)
    assert not module("nat_rules", config=[{"tables": tables}], purge=True)["changed"]
    assert not converge(config(22), port(A), purge=True)["changed"]
    module("nat_rules", config=[], purge=True)
    assert state() == groups_alone
    assert not module("nat_rules", state="absent", config=[{}], purge=True)["changed"]
    module("nat_rules", config=[{"tables": tables}])
    converge([], state="absent", purge=True)
    assert not module("nat_rules", config=[{"tables": tables}], purge=True)["changed"]
    module("nat_rules", config=[], purge=True)
    assert "cloudnet-dataplane" not in run("iptables-save")
    with pytest.raises(ModuleFailed, match="or none of the chains of module security_group"):
        module("nat_rules", config=[{"tables": {"filter": {"neutron-filter-top": []}}}])


# ---- foreign


def test_what_is_not_ours_is_refused_until_it_is_adopted(converge):
    run("iptables", "-t", "raw", "-N", "neutron-openvswi-PREROUTING")
    run("ipset", "create", SET4, "hash:net")
    run("ipset", "add", SET4, "10.0.0.77")
    before = state()
    with pytest.raises(ModuleFailed, match="neutron-openvswi-PREROUTING of table raw .* does not carry our mark"):
        converge(config(22), port(A))
    run("iptables", "-t", "raw", "-X", "neutron-openvswi-PREROUTING")
    with pytest.raises(ModuleFailed, match=f"ipset {SET4} exists and does not carry our mark.*ipset destroy {SET4}"):
        converge(config(22), port(A))
    run("iptables", "-t", "raw", "-N", "neutron-openvswi-PREROUTING")
    assert state() == before
    assert converge(config(22), port(A), adopt=True, purge=True)["changed"]
    assert not converge(config(22), port(A), purge=True)["changed"]
    with pytest.raises(ModuleFailed, match="does not carry our mark"):
        converge(config(22), port(B), owner="somebody")


def test_a_set_that_cannot_become_ours_is_named(converge):
    run("ipset", "create", SET4, "hash:ip")
    with pytest.raises(ModuleFailed, match=f"ipset {SET4} exists and is hash:ip family inet, not hash:net"):
        converge(config(22), port(A), adopt=True)


# ---- failure, and the end in the middle


def test_a_failure_in_the_middle_is_undone(converge, tmp_path):
    converge(config(22), port(A), port(B))
    before = state()
    changed = config(80, addresses=[A.ipv4, B.ipv4]), port(B, tap=True), port(C)
    with pytest.raises(ModuleFailed, match=f"{B.tap} does not exist") as failed:
        converge(*changed, purge=True)
    assert failed.value.result["rolled_back"] is True
    assert state() == before


def test_a_run_that_is_killed_is_finished_by_the_next(converge):
    first = config(22), port(A), port(B)
    second = config(80, addresses=[A.ipv4, B.ipv4, B.ipv6]), port(B), port(C)
    whole = []
    for wanted in (first, second):
        converge(*wanted, purge=True)
        whole.append(state())
    moments = random.Random(4711)
    for _round in range(4):
        for wanted, end in zip((first, second), whole):
            with contextlib.suppress(subprocess.TimeoutExpired, AssertionError):
                converge(*wanted, purge=True, killed_after=moments.uniform(0.1, 0.3))
            converge(*wanted, purge=True)
            assert state() == end
            assert not converge(*wanted, purge=True)["changed"]


# ---- reading


def test_info_tells_ports_and_sets(converge, module):
    converge(config(22), port(A), C.port(port_security_enabled=False, tap=False), owner="demo")
    found = module("security_group_info")
    filtered, free = found["ports"]
    assert (filtered["device"], filtered["owner"], filtered["zone"]) == (A.tap, "demo", 4099)
    assert "-p tcp -m tcp -m multiport --dports 22:23 -j RETURN" in filtered["rules"]["ipv4"]["ingress"]
    assert free == {"device": C.tap, "owner": "demo", "port_security_enabled": False, "stateful": True, "zone": None,
                    "rules": {}}
    assert found["sets"] == [{"name": SET4, "owner": "demo", "members": [A.ipv4]},
                             {"name": SET6, "owner": "demo", "members": [A.ipv6]}]
