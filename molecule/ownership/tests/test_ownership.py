# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign objects: left alone, refused when in the way, adopted on demand; teardown removes ours and only ours."""

from __future__ import annotations

import pytest

from tests.lab import ROOT

HOSTS = ("network1", "compute1")
ROUTER = "qrouter-fce64ebe-47f0-4846-b3af-9cf764f1ff11"
PORT = "qr-15ea2dd1-65"

#: One thing of every kind, so that each is looked at.
DAMAGE = f"""
ovs-vsctl set port {PORT} tag=99
ovs-ofctl -O OpenFlow14 del-flows br-int table=60
ip netns exec {ROUTER} iptables -t nat -F
ip -n {ROUTER} route del default
sysctl -qw net.ipv4.ip_forward=0
systemctl stop 'cloudnet-metadata-proxy-*'
"""

#: Somebody else's things, of every kind that we also make.
FOREIGN = """
ip netns add mine
ip link add mine0 netns mine type veth peer name mine1
ip -n mine addr add 192.0.2.1/24 dev mine0
ip netns exec mine iptables -A INPUT -p tcp --dport 22 -j ACCEPT
ovs-vsctl add-br br-mine -- set bridge br-mine datapath_type=netdev -- add-port br-mine mine1
ovs-ofctl add-flow br-mine priority=7,arp,actions=NORMAL
iptables -N their-chain
iptables -A INPUT -j their-chain
iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE
sysctl -qw net.ipv4.conf.all.rp_filter=2
"""


@pytest.fixture(scope="module")
def before(lab):
    """The hosts with foreign objects on them, before we ever ran."""
    for host in HOSTS:
        lab.sh(host, FOREIGN)
    return {host: lab.snapshot(host) for host in HOSTS}


def test_a_foreign_namespace_of_a_wanted_name_stops_the_run_and_stays_as_it_is(lab, before):
    lab.sh("network1", f"ip netns add {ROUTER}")
    run = lab.play("site.yml", "--limit", "network1", succeeds=False)
    (words,) = run.failures()
    assert ROUTER in words
    assert "adopt" in words
    assert lab.sh("network1", f"ip -n {ROUTER} -o link").count("\n") == 0  # only lo: nothing was put inside
    lab.sh("network1", f"ip netns del {ROUTER}")


def test_a_foreign_port_of_a_wanted_name_stops_the_run(lab, before):
    lab.play("teardown.yml", "--limit", "network1")
    lab.sh("network1", "ovs-vsctl add-port br-mine qg-c08b8179-3b -- set interface qg-c08b8179-3b type=internal")
    run = lab.play("site.yml", "--limit", "network1", succeeds=False)
    (words,) = run.failures()
    assert "qg-c08b8179-3b" in words
    assert "adopt" in words
    lab.sh("network1", "ovs-vsctl del-port qg-c08b8179-3b")


def test_a_foreign_integration_bridge_stops_the_run(lab, before):
    lab.play("teardown.yml", "--limit", "network1")
    lab.sh("network1", "ovs-vsctl add-br br-int -- set bridge br-int datapath_type=netdev")
    run = lab.play("site.yml", "--limit", "network1", succeeds=False)
    assert "br-set-external-id br-int" in run.failures()[0]
    lab.sh("network1", "ovs-vsctl del-br br-int")


def test_what_is_adopted_becomes_ours(lab, before):
    lab.sh("network1", f"ip netns add {ROUTER}")
    lab.play("site.yml", "--extra-vars", '{"dataplane_adopt": true}')
    again = lab.play("site.yml").changes()  # and what comes back after a boot is no longer to adopt anything
    assert {task.partition(" : ")[0] for _host, task in again} == {"cloudnet.dataplane.restore"}


@pytest.fixture(scope="module")
def damaged(lab, before):
    """What network1 is like after somebody's bad day."""
    lab.sh("network1", DAMAGE)
    return _state(lab)


def _state(lab):
    lab.copy(ROOT / "tests" / "state.sh", "network1")
    return set(lab.sh("network1", "sh /tmp/state.sh /etc /var/lib /usr/local").splitlines())


@pytest.mark.parametrize(("playbook", "options"), [("site.yml", ["--check", "--diff"]), ("drift.yml", [])])
def test_whoever_only_looks_writes_nothing(lab, damaged, playbook, options):
    run = lab.play(playbook, "--limit", "network1,control1", *options, succeeds=playbook == "site.yml")
    assert f"port br-int/{PORT}" in run.objects("network1")
    assert damaged ^ _state(lab) == set()


def test_a_host_is_left_as_it_is_if_more_would_be_disturbed_than_allowed(lab, damaged):
    run = lab.play("site.yml", "--limit", "network1", "--extra-vars", "dataplane_max_disruption=flow", succeeds=False)
    (words,) = run.failures()
    assert f"update port br-int/{PORT} (port)" in words
    assert run.changes() == {}
    assert damaged ^ _state(lab) == set()


def test_what_is_planned_no_more_is_kept_and_listed_on_request(lab, damaged):
    owner = lab.site()["dataplane_site"]
    lab.sh("network1", "ip netns add qrouter-former")
    lab.sh("network1", f"ip -n qrouter-former link set lo alias 'cloudnet.dataplane owner={owner}'")
    variables = "dataplane_purge=report dataplane_max_disruption=port"
    run = lab.play("site.yml", "--limit", "network1", "--extra-vars", variables)
    assert f"port br-int/{PORT}" in str(run.changes()), "what is allowed is put right"
    told = run.output.partition("Tell it, as it stays")[2].partition("TASK")[0]
    assert "network namespace qrouter-former" in told
    assert "mine" not in told, "what somebody else has made is no business of a purge"
    assert "qrouter-former" in lab.sh("network1", "ip netns")
    lab.play("site.yml", "--limit", "network1")
    assert "qrouter-former" not in lab.sh("network1", "ip netns")


def test_a_run_leaves_foreign_objects_alone(lab, before):
    now = lab.snapshot("network1")
    for line in before["network1"]:
        if "mine" in line or "their-chain" in line or "192.0.2" in line:
            assert line in now


def test_teardown_in_check_mode_predicts_what_teardown_does(lab, before):
    predicted = lab.play("teardown.yml", "--check")
    assert lab.play("teardown.yml").changes() == predicted.changes()


@pytest.mark.parametrize("host", HOSTS)
def test_teardown_left_the_host_as_it_was(lab, before, host):
    assert lab.snapshot(host) == before[host]


def test_a_second_teardown_has_nothing_to_do(lab, before):
    assert lab.play("teardown.yml").changes() == {}


def test_teardown_of_routers_plugged_with_veths_leaves_the_hosts_as_they_were_too(lab, before):
    lab.play("site.yml", "--extra-vars", "dataplane_interface_plug=veth")
    lab.play("teardown.yml")
    assert {host: lab.snapshot(host) for host in HOSTS} == before


def test_check_mode_predicts_on_a_host_where_nothing_is_installed(lab, before):
    """The last test: what it takes away does not come back."""
    lab.sh("compute1", "systemctl stop openvswitch-switch")
    lab.sh("compute1", "dpkg --purge --force-depends openvswitch-switch openvswitch-common iptables ipset conntrack")
    predicted = lab.play("site.yml", "--check", "--limit", "compute1")
    changed = {task["task"].split(" : ")[1] for task in predicted.tasks if task["changed"]}
    assert "Packages | Predict what will be installed" in changed
    assert "Bridges | Predict ours, where Open vSwitch is not installed yet" in changed
    assert any("vm-vm10" in each for each in predicted.objects())
    assert any(each.startswith("flow br-int") for each in predicted.objects())
