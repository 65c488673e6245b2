# SPDX-License-Identifier: GPL-3.0-or-later
"""nat_rules against the real iptables, both backends."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .conftest import ModuleFailed, run

ROUTER = "qrouter-1"
SNAT = "-o qg-1 -j SNAT --to-source 203.0.113.10 --random-fully"
REDIRECT = "-d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9697"
COMMENTED = '-m comment --comment "Perform source NAT on outgoing traffic." -j neutron-l3-agent-snat'
CHAINS = {
    "nat": {
        "PREROUTING": ["-j neutron-l3-agent-PREROUTING"],
        "OUTPUT": ["-j neutron-l3-agent-OUTPUT"],
        "POSTROUTING": ["-j neutron-l3-agent-POSTROUTING", "-j neutron-postrouting-bottom"],
        "neutron-l3-agent-PREROUTING": [REDIRECT],
        "neutron-l3-agent-OUTPUT": [],
        "neutron-l3-agent-POSTROUTING": ["! -o qg-1 -m conntrack ! --ctstate DNAT -j ACCEPT"],
        "neutron-l3-agent-float-snat": [],
        "neutron-l3-agent-snat": ["-j neutron-l3-agent-float-snat", SNAT],
        "neutron-postrouting-bottom": [COMMENTED],
    },
    "filter": {
        "INPUT": ["-j neutron-l3-agent-INPUT"],
        "neutron-l3-agent-INPUT": ["-m mark --mark 0x1/0xffff -j ACCEPT", "-p tcp -m tcp --dport 9697 -j DROP"],
    },
}
CHAINS6 = {"filter": {"INPUT": ["-j neutron-x"], "neutron-x": ["-s fd00::/64 -j DROP"]}}


@pytest.fixture(params=["nft", "legacy"])
def backend(request, monkeypatch, tmp_path):
    """Both generations of iptables, as a distribution's alternatives would choose."""
    for family in ("iptables", "ip6tables"):
        for verb in ("", "-save", "-restore"):
            (tmp_path / f"{family}{verb}").symlink_to(shutil.which(f"{family}-{request.param}{verb}"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return request.param


@pytest.fixture
def router(clean_host):
    namespace.create(ROUTER, "default")
    return ROUTER


def item(tables=None, **more):
    return {"namespace": ROUTER, "tables": CHAINS if tables is None else tables, **more}


def inside(*argv, **kwargs):
    return run("ip", "netns", "exec", ROUTER, *argv, **kwargs)


def saved(tool="iptables", chain=None, where=inside):
    """The -A and : lines of a save, or the rules of one chain."""
    lines = [line for line in where(f"{tool}-save").splitlines() if line.startswith(("-A", "*"))]
    if chain is None:
        return lines
    return [line.partition(f"-A {chain} ")[2] for line in lines if line.startswith(f"-A {chain} ")]


def objects(result):
    """What changed: (action, chain)."""
    return {(change["action"], change["object"].split()[3]) for change in result["changes"]}


def test_rules_are_made_once_and_check_mode_predicts_it(module, router, backend):
    predicted = module("nat_rules", check=True, config=[item()])
    assert "-A" not in " ".join(saved())
    made = module("nat_rules", config=[item()])
    assert made["changes"] == predicted["changes"]
    assert made["diff"] == predicted["diff"]
    assert saved(chain="neutron-postrouting-bottom") == [COMMENTED]
    assert saved(chain="POSTROUTING") == CHAINS["nat"]["POSTROUTING"]
    again = module("nat_rules", config=[item()])
    assert not again["changed"]
    assert again["changes"] == []


def test_both_families_and_many_namespaces_in_one_call(module, clean_host, backend):
    names = [f"qrouter-{number}" for number in range(12)]
    for name in names:
        namespace.create(name, "default")
    config = [{"namespace": name, "tables": CHAINS} for name in names]
    config += [{"namespace": name, "family": "ipv6", "tables": CHAINS6} for name in names]
    module("nat_rules", packed=pack(config))
    assert not module("nat_rules", packed=pack(config))["changed"]
    for name in names:
        assert "-A neutron-x -s fd00::/64 -j DROP" in run("ip", "netns", "exec", name, "ip6tables-save")


def test_check_mode_on_a_host_with_nothing(module, clean_host, monkeypatch, tmp_path):
    config = [item(), item(CHAINS6, family="ipv6")]
    predicted = module("nat_rules", check=True, config=config)
    with pytest.raises(ModuleFailed, match="network namespace qrouter-1 does not exist: the module netns makes it"):
        module("nat_rules", config=config)
    namespace.create(ROUTER, "default")
    assert module("nat_rules", config=config)["changes"] == predicted["changes"]


def test_no_iptables_is_nothing_there_in_check_mode_and_named_otherwise(module, router, monkeypatch):
    from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command
    from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import converge
    from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import MissingTool
    from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.backend import NatRules

    monkeypatch.setattr(command, "SYSTEM_PATH", "")
    monkeypatch.setenv("PATH", "")
    params = {"state": "present", "purge": False, "owner": "default", "adopt": False}
    assert len(converge(NatRules([item()], params, True), check_mode=True).changes) == 11
    with pytest.raises(MissingTool, match="iptables-save is not installed .* Debian package iptables"):
        converge(NatRules([item()], params, False))


def test_drift_is_healed_and_only_drift_is_reported(module, router, backend):
    module("nat_rules", config=[item()])
    inside("iptables", "-t", "nat", "-F", "neutron-l3-agent-snat")
    inside("iptables", "-D", "neutron-l3-agent-INPUT", "1")
    inside("iptables", "-t", "nat", "-I", "PREROUTING", "-j", "neutron-l3-agent-snat")
    healed = module("nat_rules", config=[item()])
    assert objects(healed) == {
        ("update", "neutron-l3-agent-snat"), ("update", "neutron-l3-agent-INPUT"), ("update", "PREROUTING"),
    }
    assert healed["disruption"] == "flow"
    assert not module("nat_rules", config=[item()])["changed"]


def test_a_flushed_nat_table_comes_back_whole(module, router, backend):
    module("nat_rules", config=[item()])
    before = saved()
    inside("iptables", "-t", "nat", "-F")
    inside("iptables", "-t", "nat", "-X")
    healed = module("nat_rules", config=[item()])
    assert saved() == before
    assert len(healed["changes"]) == len(CHAINS["nat"])


def test_rules_may_be_written_in_any_form(module, router, backend):
    typed = {
        "nat": {
            "neutron-a": [
                "-d 203.0.113.5 -j DNAT --to 10.0.0.5",
                "-p tcp --dport 80 -j REDIRECT --to-port 9697",
                "-s 0.0.0.0/0  -j RETURN",
                '-m comment --comment "it is \\"quoted\\" -j nowhere" -j RETURN',
            ]
        },
        "mangle": {"neutron-m": ["-j MARK --set-mark 0x1/0xffff"]},
    }
    module("nat_rules", config=[item(typed)])
    assert saved(chain="neutron-a")[:2] == [
        "-d 203.0.113.5/32 -j DNAT --to-destination 10.0.0.5",
        "-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9697",
    ]
    assert not module("nat_rules", config=[item(typed)])["changed"]
    inside("iptables", "-t", "nat", "-D", "neutron-a", "1")
    healed = module("nat_rules", config=[item(typed)])
    assert objects(healed) == {("update", "neutron-a")}
    assert len(healed["changes"][0]["before"]) == 3


def count_packets(number):
    """Send packets through the router's OUTPUT chain of table filter."""
    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _packet in range(number):
                sender.sendto(b"x", ("127.0.0.1", 9))
    namespace.inside(ROUTER, send)


def counters(chain):
    lines = inside("iptables-save", "-c").splitlines()
    return {rule: int(count[1:].split(":")[0]) for line in lines if f"-A {chain} " in line
            for count, rule in [line.split(f" -A {chain} ")]}


def test_rules_that_stay_keep_their_counters_and_foreign_rules_their_place(module, router, backend):
    rules = [f"-d 127.0.0.1/32 -p udp -m udp --dport {port}" for port in range(1, 12)]
    tables = {"filter": {"OUTPUT": ["-j neutron-count"], "neutron-count": rules}}
    module("nat_rules", config=[item(tables)])
    inside("iptables", "-I", "OUTPUT", "1", "-p", "icmp", "-j", "ACCEPT")
    inside("iptables", "-A", "OUTPUT", "-p", "udp", "-m", "udp", "--dport", "9")
    count_packets(5)
    changed = {"filter": {
        "OUTPUT": ["-j neutron-first", "-j neutron-count"],
        "neutron-first": [],
        "neutron-count": [
            rules[9], "-d 127.0.0.9/32", *rules[2:5], rules[0], *rules[6:9], rules[10], "-d 127.0.0.8/32",
        ],
    }}
    module("nat_rules", config=[item(changed)])
    assert saved(chain="neutron-count") == changed["filter"]["neutron-count"]
    assert saved(chain="OUTPUT") == [
        "-j neutron-first", "-p icmp -j ACCEPT", "-j neutron-count", "-p udp -m udp --dport 9",
    ]
    assert counters("neutron-count")[rules[8]] == 5
    assert counters("OUTPUT")["-j neutron-count"] == 5
    assert counters("OUTPUT")["-p udp -m udp --dport 9"] == 5


def test_purge_removes_unlisted_chains_with_the_jumps_to_them(module, router, backend):
    module("nat_rules", config=[item(), item(CHAINS6, family="ipv6")])
    inside("iptables", "-t", "nat", "-N", "somebody")
    inside("iptables", "-t", "nat", "-A", "somebody", "-j", "neutron-l3-agent-snat")
    inside("iptables", "-t", "nat", "-A", "somebody", "-j", "ACCEPT")
    left = {"nat": {"OUTPUT": ["-j neutron-l3-agent-OUTPUT"], "neutron-l3-agent-OUTPUT": []}}
    assert not module("nat_rules", config=[item(left)])["changed"]
    predicted = module("nat_rules", check=True, purge=True, config=[item(left)])
    purged = module("nat_rules", purge=True, config=[item(left)])
    assert purged["changes"] == predicted["changes"]
    assert [line for line in saved() if line[0] == "-"] == [
        "-A OUTPUT -j neutron-l3-agent-OUTPUT", "-A somebody -j ACCEPT",
    ]
    assert saved("ip6tables", chain="neutron-x") == CHAINS6["filter"]["neutron-x"]  # a family that is not listed
    assert not module("nat_rules", purge=True, config=[item(left)])["changed"]


def test_absent_removes_what_is_listed(module, router, backend):
    module("nat_rules", config=[item()])
    listed = {"filter": {"neutron-l3-agent-INPUT": []}, "nat": {"PREROUTING": [], "neutron-l3-agent-float-snat": []}}
    gone = module("nat_rules", state="absent", config=[item(listed)])
    assert objects(gone) == {
        ("update", "INPUT"), ("delete", "neutron-l3-agent-INPUT"), ("update", "PREROUTING"),
        ("update", "neutron-l3-agent-snat"), ("delete", "neutron-l3-agent-float-snat"),
    }
    assert not module("nat_rules", state="absent", config=[item(listed)])["changed"]
    module("nat_rules", state="absent", config=[{"namespace": ROUTER}])
    assert not [line for line in saved() if line.startswith("-A")]
    assert not module("nat_rules", state="absent", config=[{"namespace": ROUTER}, {"namespace": "nowhere"}])["changed"]


def test_floating_ip_rules_are_left_alone(module, router, backend):
    module("nat_rules", config=[item()])
    floating = {
        "neutron-l3-agent-OUTPUT": "-d 203.0.113.5/32 -j DNAT --to-destination 10.0.0.5",
        "neutron-l3-agent-PREROUTING": "-d 203.0.113.5/32 -j DNAT --to-destination 10.0.0.5",
        "neutron-l3-agent-float-snat": "-s 10.0.0.5/32 -j SNAT --to-source 203.0.113.5 --random-fully",
    }
    port_forwarding = "-d 203.0.113.5/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5:8080"
    for chain, rule in [*floating.items(), ("neutron-l3-agent-PREROUTING", port_forwarding)]:
        inside("iptables", "-t", "nat", "-A", chain, *rule.split())
    healed = module("nat_rules", purge=True, config=[item(keep_floating_ips=True)])
    assert objects(healed) == {("update", "neutron-l3-agent-PREROUTING")}
    assert saved(chain="neutron-l3-agent-PREROUTING") == [REDIRECT, floating["neutron-l3-agent-PREROUTING"]]
    assert objects(module("nat_rules", config=[item()])) == {("update", chain) for chain in floating}


def root(*argv):
    return run(*argv)


def test_in_the_root_namespace_a_chain_says_that_the_others_are_ours(module, clean_host):
    config = [{"tables": CHAINS}]
    run("iptables", "-t", "nat", "-N", "neutron-l3-agent-snat")
    for check in (True, False):
        with pytest.raises(ModuleFailed, match="neutron-l3-agent-snat of table nat in the root namespace .* adopt"):
            module("nat_rules", check=check, config=config)
    adopted = module("nat_rules", adopt=True, config=config)
    assert ("create", "cloudnet-dataplane") in objects(adopted)
    assert not module("nat_rules", config=config)["changed"]
    with pytest.raises(ModuleFailed, match="does not carry our mark"):
        module("nat_rules", owner="somebody", config=config)
    assert not module("nat_rules", owner="somebody", purge=True, config=[])["changed"]
    purged = module("nat_rules", purge=True, config=[])
    assert ("delete", "cloudnet-dataplane") in objects(purged)
    assert not [line for line in saved(where=root) if line.startswith("-A")]
    assert "cloudnet" not in run("iptables-save")


def test_a_namespace_of_somebody_else_is_not_touched(module, clean_host):
    run("ip", "netns", "add", ROUTER)
    inside("iptables", "-t", "nat", "-N", "neutron-l3-agent-x")
    inside("iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "neutron-l3-agent-x")
    assert not module("nat_rules", purge=True, config=[item({})])["changed"]
    with pytest.raises(ModuleFailed, match="neutron-l3-agent-x of table nat in namespace qrouter-1"):
        module("nat_rules", config=[item({"nat": {"POSTROUTING": []}})])
    with pytest.raises(ModuleFailed, match="neutron-l3-agent-x"):
        module("nat_rules", state="absent", config=[{"namespace": ROUTER}])


def test_what_fails_midway_is_undone(module, clean_host, backend):
    names = ["qrouter-1", "qrouter-2"]
    for name in names:
        namespace.create(name, "default")
    module("nat_rules", config=[{"namespace": name, "tables": CHAINS} for name in names])
    inside("iptables", "-t", "nat", "-A", "POSTROUTING", "-p", "icmp", "-j", "ACCEPT")
    before = [run("ip", "netns", "exec", name, "iptables-save", "-t", table) for name in names for table in CHAINS]
    moved = {"nat": {
        **CHAINS["nat"],
        "POSTROUTING": ["-j neutron-new", *reversed(CHAINS["nat"]["POSTROUTING"])],
        "neutron-new": [], "neutron-l3-agent-snat": [SNAT],
    }}
    loop = {**moved, "filter": {"FORWARD": ["-j neutron-loop"], "neutron-loop": ["-j neutron-loop"]}}
    with pytest.raises(ModuleFailed) as failed:
        module("nat_rules", purge=True, config=[
            {"namespace": names[0], "tables": moved}, {"namespace": names[1], "tables": loop},
        ])
    assert failed.value.result["rolled_back"]
    assert "In namespace qrouter-2" in failed.value.result["msg"]
    after = [run("ip", "netns", "exec", name, "iptables-save", "-t", table) for name in names for table in CHAINS]
    assert [sorted(_rules(text)) for text in after] == [sorted(_rules(text)) for text in before]
    assert [line for text in after for line in _rules(text) if line[0] == "-"] == [
        line for text in before for line in _rules(text) if line[0] == "-"]


def _rules(text):
    return [line.partition(" [")[0] for line in text.splitlines() if line.startswith(("-", ":"))]


def test_a_refused_rule_is_quoted(module, router, backend):
    with pytest.raises(ModuleFailed, match="In namespace qrouter-1, iptables-restore refused .*neutron-nosuch"):
        module("nat_rules", config=[item({"filter": {"neutron-a": ["-j neutron-nosuch"]}})])
    assert "neutron" not in inside("iptables-save")


def test_bad_input_names_the_item(module, clean_host):
    bad = [
        {"namespace": "a", "tables": {"nat": {"neutron-a": ["-A neutron-a -j ACCEPT", "-s 1.1.1.1,2.2.2.2"]}}},
        {"namespace": "a", "tables": {"nat": {"FORWARD": [], "POSTROUTING": ["-j MASQUERADE"]}, "nta": {}}},
        {"tables": {"nat": {"neutron-a-name-that-is-too-long": "x"}}},
    ]
    with pytest.raises(ModuleFailed) as failed:
        module("nat_rules", packed=pack([*bad, {"tabels": {}, "family": "ipv5"}, "x"]))
    assert len(failed.value.result["problems"]) == 12
    text = failed.value.result["msg"]
    assert "config[0].tables.nat.neutron-a[0]: '-A neutron-a -j ACCEPT': must be the rule alone" in text
    assert "config[1].tables.nat.POSTROUTING[0]: '-j MASQUERADE': must, in a builtin chain, jump to" in text
    assert "config[1] and config[0]: both describe ipv4 of namespace a" in text


def test_a_killed_run_is_finished_by_the_next(module, router, backend):
    inside("iptables-restore", "--noflush", input="*nat\n:neutron-l3-agent-snat - [0:0]\nCOMMIT\n")
    module("nat_rules", config=[item()])
    assert not module("nat_rules", config=[item()])["changed"]


def test_info_reads_in_the_modules_own_words(module, router, backend):
    module("nat_rules", config=[item(), item(CHAINS6, family="ipv6")])
    found = module("nat_rules_info", namespace=[ROUTER, "nowhere"])["nat_rules"]
    assert [(entry["namespace"], entry["family"], entry["owner"]) for entry in found] == [
        (ROUTER, "ipv4", "default"), (ROUTER, "ipv6", "default")]
    assert found[0]["tables"] == CHAINS
    assert module("nat_rules_info")["nat_rules"] == found
    config = [{key: value for key, value in entry.items() if key != "owner"} for entry in found]
    assert not module("nat_rules", purge=True, config=config)["changed"]


def test_the_process_is_left_where_it_was(router):
    from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import converge
    from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.backend import NatRules

    before = os.readlink("/proc/self/ns/net")
    params = {"state": "present", "purge": False, "owner": "default", "adopt": False}
    assert converge(NatRules([item()], params, False)).changes
    assert os.readlink("/proc/self/ns/net") == before
    assert run("readlink", "/proc/self/ns/net").strip() == before
