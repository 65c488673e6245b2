# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's plan as a whole: what host_dataplane makes is what the modules make, one after the other."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.frames import ARP
from tests.golden.converge import converge
from tests.sandbox import hidden

from .conftest import ModuleFailed, eventually, run
from .test_cloud import OVERLAP, plans_of

STATE = Path(__file__).parents[1] / "state.sh"
#: Those of the throw-away host that are its own.
DIRECTORIES = ("/run/openvswitch/conf.db", "/run/netns", "/etc/sysctl.d", "/etc/systemd/system")

KINDS = [("veth", "iptables_hybrid"), ("internal", "iptables_hybrid"), ("veth", "noop")]


@pytest.fixture(params=KINDS, ids="-".join)
def plan(request, clean_host):
    """Without services, which take a systemd."""
    return {**plans_of(*request.param, *OVERLAP)["compute1"], "services": []}


@pytest.fixture
def host(module):
    """host(plan) runs host_dataplane as the roles run their modules."""
    return lambda plan, **options: module("host_dataplane", packed=pack(plan), **{"purge": True, **options})


def _told(result):
    """What changes, without the states before: those of a later section depend on the earlier ones."""
    return [(one["section"], one["action"], one["object"], one["after"]) for one in result["changes"]]


def test_it_makes_what_the_modules_make(plan, host, module):
    predicted = host(plan, check=True)
    made = host(plan, max_disruption="none")  # where nothing is, nothing is disturbed
    assert predicted["changed"] and _told(predicted) == _told(made)
    assert host(plan, check=True)["changes"] == host(plan)["changes"] == []
    again = {**converge(module, plan), "node_sysctl": module("node_sysctl", sysctls=plan["sysctls"])}
    assert {name: result["changes"] for name, result in again.items() if result["changes"]} == {}


def test_it_has_nothing_to_do_after_the_modules(plan, host, module):
    converge(module, plan)
    module("node_sysctl", sysctls=plan["sysctls"])
    for bridge in plan["bridges"]:  # what the role has the collection openvswitch.openvswitch do
        settings = [f"other_config:{key}={value}" for key, value in bridge["other_config"].items()]
        mark = f"external_ids:cloudnet-dataplane={plan['owner']}"
        run("ovs-vsctl", "set", "bridge", bridge["name"], mark, *settings)
    assert host(plan, check=True)["changes"] == host(plan)["changes"] == []


@pytest.fixture
def built(clean_host, host):
    """A plan, and a host that is as it says."""
    plan = {**plans_of("veth", "iptables_hybrid", *OVERLAP)["compute1"], "services": []}
    host(plan)
    return plan


def _router(plan):
    return next(item["name"] for item in plan["namespaces"] if item["name"].startswith("qrouter-"))


def _state():
    return set(run("sh", STATE, *DIRECTORIES).splitlines())


def _settled():
    """The state once the kernel is done with what new links and addresses set off."""
    seen = [set()]
    eventually(lambda: seen.append(_state()) or (seen[-1] == seen[-2] and "tentative" not in str(seen[-1])), 30)
    return seen[-1]


def test_what_nobody_has_planned_is_told_and_left_alone(built, host, module):
    router = _router(built)
    inside = ("ip", "netns", "exec", router)
    run("ip", "netns", "add", "lunch")
    module("netns", config=[{"name": "qrouter-elsewhere"}], owner="another-site")
    run("ovs-vsctl", "add-port", "br-int", "spy", "--", "set", "interface", "spy", "type=internal")
    run("ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br-int", "table=0,priority=99,tcp,tp_dst=23 actions=drop")
    run(*inside, "iptables", "-I", "FORWARD", "-p", "tcp", "--dport", "25", "-j", "DROP")
    run(*inside, "iptables", "-N", "lunch")
    run(*inside, "ip", "route", "add", "blackhole", "192.0.2.0/24")
    run(*inside, "ip", "link", "add", "spy0", "type", "bridge")
    run("iptables", "-N", "neutron-openvswi-lunch", "-t", "mangle")
    run("ip", "link", "add", "qbrlunch", "type", "bridge")
    told = host(built, check=True, unknown=True)
    assert told["changes"] == [] and told["failed_sections"] == []
    assert {(one["section"], one["object"], one["owner"]) for one in told["unknown"]} == {
        ("namespaces", "network namespace lunch", None),
        ("namespaces", "network namespace qrouter-elsewhere", "another-site"),
        ("namespaces", f"link spy0 in {router}", None),
        ("namespaces", f"route 192.0.2.0/24 table 254 in {router}", None),
        ("security_groups", "iptables mangle chain neutron-openvswi-lunch", None),
        ("security_groups", "link qbrlunch", None),
        ("ports", "port br-int/spy", None),
        ("flows", "flow br-int table=0,priority=99,tcp,tp_dst=23", None),
        ("nat_rules", f"iptables filter rule -A FORWARD -p tcp -m tcp --dport 25 -j DROP in namespace {router}",
         None),
        ("nat_rules", f"iptables filter chain lunch in namespace {router}", None),
    }  # fmt: skip
    assert host(built, unknown=True)["unknown"] == told["unknown"]


def test_what_is_in_the_way_of_one_section_hides_no_other(built, host):
    (tap,) = [port["name"] for port in built["ports"] if port["name"].startswith("qvo")][:1]
    run("ovs-vsctl", "remove", "port", tap, "external_ids", "cloudnet-dataplane")
    run("ovs-ofctl", "-O", "OpenFlow14", "del-flows", "br-int", "table=60")
    told = host(built, check=True, unknown=True)
    (failed,) = told["failed_sections"]
    assert (failed["section"], failed["conflict"], failed["owner"]) == ("ports", True, None)
    assert f"port {tap} of bridge br-int exists and does not carry our mark" in failed["msg"]
    assert {change["section"] for change in told["changes"]} == {"flows"}
    with pytest.raises(ModuleFailed, match=f"ports: port {tap} of bridge br-int exists") as failure:
        host(built)
    assert failure.value.result["section"] == "ports" and failure.value.result["rolled_back"]


def test_a_host_is_not_disturbed_more_than_allowed(built, host):
    router = _router(built)
    port = next(port["name"] for port in built["ports"] if port["name"].startswith("qvo"))
    run("ovs-vsctl", "set", "port", port, "tag=99")
    run("ip", "netns", "exec", router, "ip", "route", "flush", "table", "main", "proto", "static")
    before = _settled()
    for check in (True, False):
        with pytest.raises(ModuleFailed, match=f"Nothing was changed.* update port br-int/{port}") as refusal:
            host(built, check=check, max_disruption="flow")
        assert [one["object"] for one in refusal.value.result["refused"]] == [f"port br-int/{port}"]
    assert before ^ _state() == set()
    assert host(built, check=True)["disruption"] == "port"
    made = host(built, max_disruption="port")
    assert {change["section"] for change in made["changes"]} == {"namespaces", "ports"}
    assert host(built)["changes"] == []


def test_check_mode_writes_nothing_however_damaged_the_host_is(built, host):
    router = _router(built)
    run("ip", "netns", "del", built["namespaces"][-1]["name"])
    run("ip", "netns", "exec", router, "iptables", "-t", "nat", "-F")
    run("ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=0")
    run("ip", "-n", router, "address", "flush", "scope", "global")
    run("ovs-vsctl", "set", "bridge", "br-int", "other_config:mac-table-size=1")
    run("ovs-vsctl", "del-port", built["ports"][-1]["name"])
    run("ovs-ofctl", "-O", "OpenFlow14", "del-flows", "br-int", "table=60")
    run("iptables", "-D", "FORWARD", "1")
    run("rm", "/etc/sysctl.d/60-cloudnet-dataplane.conf")
    before = _settled()
    sections = {change["section"] for change in host(built, check=True)["changes"]}
    assert sections == {change["section"] for change in host(built, check=True, unknown=True)["changes"]}
    with pytest.raises(ModuleFailed, match="Nothing was changed"):
        host(built, max_disruption="none")
    assert before ^ _state() == set()
    assert sections == {change["section"] for change in host(built)["changes"]}
    assert sections >= {"sysctls", "bridges", "namespaces", "security_groups", "ports", "flows", "nat_rules"}
    assert before ^ _state()


def test_a_bridge_of_somebody_else_is_used_as_it_is_but_not_as_the_integration_bridge(clean_host, bridge, host):
    plan = {**plans_of("veth", "noop")["compute1"], "services": []}
    bridge("br-ex")
    host(plan)
    assert run("ovs-vsctl", "br-get-external-id", "br-ex") == ""
    run("ovs-vsctl", "br-set-external-id", "br-int", "cloudnet-dataplane", "another-site")
    (failed,) = host(plan, check=True, unknown=True)["failed_sections"]
    assert (failed["section"], failed["conflict"], failed["owner"]) == ("bridges", True, "another-site")
    with pytest.raises(ModuleFailed, match="bridges: bridge br-int exists and does not carry our mark, but that of an"):
        host(plan)


def test_bridges_that_ovs_vswitchd_does_not_make_are_taken_back(clean_host, host):
    plan = {**plans_of("veth", "noop")["compute1"], "services": []}
    pid = int(Path("/run/openvswitch/ovs-vswitchd.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(ModuleFailed, match="bridges: ovs-vswitchd did not act on the change") as failure:
            host(plan)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert failure.value.result["rolled_back"] is True
    assert run("ovs-vsctl", "list-br") == ""


def test_services_are_predicted_where_there_is_no_systemd_yet_and_their_secrets_never_told(clean_host, host, tmp_path):
    plan = plans_of("veth", "noop")["compute1"]
    plan["services"] = [{**item, "namespace": _router(plan)} for item in plan["services"]]
    secrets = [file["content"] for item in plan["services"] for file in item["files"] if file.get("secret")]
    assert secrets
    with hidden("/usr/bin/systemctl", tmp_path):
        told = host(plan, check=True)
        assert {item["name"] for item in plan["services"]} == {
            change["object"].removeprefix("service cloudnet-")
            for change in told["changes"] if change["object"].startswith("service ")
        }  # fmt: skip
        with pytest.raises(ModuleFailed) as refusal:
            host({**plan, "sysctls": []})
    for secret in (line for content in secrets for line in content.split() if len(line) > 30):
        assert secret not in str(told) + str(refusal.value.result)
    assert pack(plan) not in str(told)


def test_what_came_is_announced_once_more_when_all_is_there(clean_host, host):
    plan = {**plans_of("veth", "noop")["compute1"], "services": []}
    gateway = next(link["peer"] for item in plan["namespaces"] for link in item["links"] if link["name"][:3] == "qg-")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as wire:
        host(plan)
        heard = _gratuitous(wire, gateway, "203.0.113.105")
        assert heard == [1, 2, 1, 2], "a request and a reply when it comes, and another time at the end"
        host(plan)
        assert _gratuitous(wire, gateway, "203.0.113.105") == []


def _gratuitous(wire, device, address):
    """The operations of the announcements of an address that a device has sent so far."""
    wire.setblocking(False)
    operations = []
    with contextlib.suppress(BlockingIOError):
        while True:
            frame, (name, *_others) = wire.recvfrom(100)
            if name == device and frame[28:32] == frame[38:42] == socket.inet_aton(address):
                operations.append(frame[21])
    return operations


def test_a_plan_that_is_none_is_refused_with_all_its_faults(clean_host, host, plans=plans_of):
    plan = {**plans("veth", "noop")["compute1"], "services": [{"name": "x y"}], "flows": [{"bridge": 5}]}
    with pytest.raises(ModuleFailed) as refusal:
        host(plan)
    problems = refusal.value.result["problems"]
    assert {problem.split(":")[0] for problem in problems} == {"flows", "services"}
    with pytest.raises(ModuleFailed, match="plan.namespaces: NoneType: must be a list"):
        host({"owner": "test"})
