# SPDX-License-Identifier: GPL-3.0-or-later
"""compute1 is reached through br-phy, a bridge of its administrator's that holds its card eth1, and so is every run."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.sandbox import eventually

HOST = "compute1"
TASK = "Way in | Change what carries this connection, if anything, under a dead man's switch"
TEARDOWN = "Teardown | Remove what carries this connection, if anything, under a dead man's switch"

#: br-phy becomes a physical network's bridge, too: ports and flows that do no harm.
HARMLESS = {"dataplane_bridge_mappings": {"external": "br-ex", "management": "br-phy"}, "dataplane_way_in_timeout": 120}

#: The wrong card: it is taken from br-phy.
CUTTING = {
    "dataplane_adopt": True,
    "dataplane_bridge_interfaces": {"br-ex": ["eth1"]},
    "dataplane_way_in_timeout": 15,
}

#: Another card that br-phy has; the connection does not need it.
DEAFENING = {**CUTTING, "dataplane_bridge_interfaces": {"br-ex": ["eth2"]}, "dataplane_way_in_probes": ["10.0.5.11"],
             "dataplane_way_in_timeout": 600}

#: What makes bridges, ports and flows, on the one host.
QUICK = ("--tags", "bridges,ports,flows", "--limit", HOST)


def with_variables(variables, *more):
    return [*QUICK, "--extra-vars", json.dumps(variables), *more]


@pytest.fixture(scope="module", autouse=True)
def built(lab):
    """The cloud as it is before: built over the connections that the tests are about."""
    wires = f"{lab.name}-wires"
    subprocess.run(["ip", "-n", wires, "address", "replace", "10.0.1.254/24", "dev", "tunnel"], check=True)
    # Open vSwitch's userspace datapath takes no frames whose checksum is left to the card
    subprocess.run(["ip", "netns", "exec", wires, "ethtool", "--offload", "tunnel", "tx", "off"],
                   check=True, stdout=subprocess.DEVNULL)
    return lab.play("site.yml")


def switch(lab):
    """What the dead man's switch of the host knows; nothing if it is not there."""
    return json.loads(lab.sh(HOST, "cat /run/cloudnet-dataplane/way-in/state.json 2>/dev/null || echo '{}'"))


def units(lab):
    return lab.sh(HOST, "systemctl list-units --all --plain --no-legend 'cloudnet-dataplane-way-in*'")


def journal(lab):
    lab.sh(HOST, "journalctl --sync")
    names = " ".join(f"--identifier=cloudnet-dataplane-way-in-{name}" for name in ("change", "undo"))
    return lab.sh(HOST, f"journalctl --quiet --output=cat {names}")


def answer(run, name=TASK):
    """What the task of this name said on the host."""
    (task,) = (task for task in run.tasks if task["task"].endswith(name) and task["host"] == HOST)
    return task


def test_a_change_elsewhere_arms_nothing(lab, built):
    assert len(built.objects(HOST)) > 20
    assert not answer(built)["changed"]
    assert (switch(lab), units(lab), journal(lab)) == ({}, "", "")


def test_a_change_that_leaves_the_way_in_open_is_confirmed(lab):
    predicted = lab.play("site.yml", *with_variables(HARMLESS, "--check"))
    assert switch(lab) == {}
    run = lab.play("site.yml", *with_variables(HARMLESS))
    assert answer(run)["changes"] == answer(predicted)["changes"]
    assert "port br-phy/phy-br-phy" in run.objects(HOST)
    assert "phy-br-phy" in lab.sh(HOST, "ovs-vsctl list-ports br-phy")
    assert (switch(lab), units(lab)) == ({}, "")
    assert lab.play("site.yml", *with_variables(HARMLESS)).changes() == {}


def test_so_is_taking_it_back(lab):
    run = lab.play("site.yml", *QUICK)
    assert {change["action"] for change in answer(run)["changes"]} == {"delete"}
    assert lab.sh(HOST, "ovs-vsctl list-ports br-phy") == "eth1"
    assert (switch(lab), units(lab)) == ({}, "")


def test_a_change_that_cuts_the_way_in_is_undone_by_the_host_and_the_run_says_so(lab):
    before = lab.snapshot(HOST)
    run = lab.play("site.yml", *with_variables(CUTTING), succeeds=False)
    (words,) = run.failures()
    assert "port br-ex/eth1" in words and "nobody confirmed it in time" in words
    assert run.changes() == {}
    assert lab.snapshot(HOST) == before
    assert "put back: port eth1" in journal(lab)
    assert (switch(lab)["phase"], units(lab)) == ("undone", "")


def test_the_next_run_is_told_once(lab):
    run = lab.play("site.yml", *QUICK)
    assert run.changes() == {}
    assert "The last change of the way in was undone" in run.output
    assert switch(lab) == {}


def test_a_probe_that_gets_no_answer_any_more_undoes_the_change_at_once(lab):
    lab.sh("network1", "sysctl --quiet --write net.ipv4.conf.all.arp_ignore=1; ip address add 10.0.5.11/24 dev eth2")
    lab.sh(HOST, "ovs-vsctl add-port br-phy eth2; ip address add 10.0.5.12/24 dev br-phy")
    before = lab.snapshot(HOST)
    words = " ".join(lab.play("site.yml", *with_variables(DEAFENING), succeeds=False).failures())
    assert "no answer any more from 10.0.5.11" in words
    assert lab.snapshot(HOST) == before
    assert units(lab) == ""
    lab.sh(HOST, "ovs-vsctl del-port eth2; ip address delete 10.0.5.12/24 dev br-phy")


def test_a_change_is_undone_too_when_the_run_was_killed_and_the_next_run_is_told(lab):
    before = lab.snapshot(HOST)
    kill_a_run(lab, CUTTING)
    eventually(lambda: switch(lab)["phase"] == "undone", 90)
    assert lab.snapshot(HOST) == before
    assert "nobody confirmed it in time" in journal(lab)

    run = lab.play("site.yml", *with_variables(HARMLESS))
    assert "nobody confirmed it in time" in run.output
    assert answer(run)["changed"]
    assert (switch(lab), units(lab)) == ({}, "")


def test_teardown_is_guarded_as_well(lab):
    """The last test: what is left is the administrator's."""
    run = lab.play("teardown.yml", "--limit", HOST)
    assert "port br-phy/phy-br-phy" in [change["object"] for change in answer(run, TEARDOWN)["changes"]]
    assert lab.sh(HOST, "ovs-vsctl list-br; ovs-vsctl list-ports br-phy").split() == ["br-phy", "eth1"]
    assert (switch(lab), units(lab)) == ({}, "")


def kill_a_run(lab, variables):
    """Start a run, and kill it with all its processes when the host has made the change."""
    run = lab.invocation("site.yml", *with_variables(variables))
    process = subprocess.Popen(**run, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: switch(lab).get("phase") in ("armed", "applied"), 90)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
