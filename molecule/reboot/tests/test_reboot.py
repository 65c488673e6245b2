# SPDX-License-Identifier: GPL-3.0-or-later
"""A data plane that comes back by itself, faster than anybody could have called for help."""

from __future__ import annotations

import json
import time

import pytest

from tests.lab import Ping
from tests.moving import state
from tests.sandbox import eventually

HOSTS = ("network1", "compute1", "compute2")
INTERNAL, VETH = "compute1", "compute2"  # how their routers are plugged
UNIT = "cloudnet-dataplane-restore.service"
ROUTER = "qrouter-635660ae-a254-4feb-8993-295aa9ec6418"
HOME = "/var/lib/cloudnet-dataplane/dvr"
PLAN = f"{HOME}/plan"
LONG_AGO = "touch -d @0 /run/lock/cloudnet-dataplane.lock"

ERROR, WARNING = 3, 4

#: Seconds for a busy machine; what it took is printed.
AT_LAST = 120


@pytest.fixture(scope="module")
def built(lab):
    """What site.yml has built on every host."""
    return {host: state(lab, host) for host in HOSTS}


class Since:
    """What happens from now on, and how long it takes."""

    def __init__(self, lab, *hosts):
        self.lab, self.started = lab, time.monotonic()
        self.cursors = {host: _cursor(lab, host) for host in hosts}

    def came(self, what):
        print(f"\n{what}: {time.monotonic() - self.started:.1f} s", end="")

    def said(self, host, priority=7):
        """What the units of a host have written to the journal, of this priority or a more urgent one."""
        # journalctl's own filter of priorities leaves out the first line after a cursor that is of another priority
        lines = _journal(self.lab, host, f"-o json --after-cursor='{self.cursors[host]}'").splitlines()
        return "\n".join(each["MESSAGE"] for each in map(json.loads, lines) if int(each["PRIORITY"]) <= priority)


def _cursor(lab, host):
    return _journal(lab, host, "-n 0 --show-cursor").partition("cursor: ")[2].strip()


def _journal(lab, host, options):
    return lab.sh(host, f"journalctl -q -u 'cloudnet-dataplane-*' {options}")


def metric(lab, host, name, run):
    """A number that Prometheus would read."""
    text = lab.sh(host, f"cat /var/lib/prometheus/node-exporter/cloudnet-dataplane-dvr-{run}.prom")
    labels = f'{{run="{run}",site="dvr"}}'
    start = f"cloudnet_dataplane_{name}{labels} "
    return float(next(line for line in text.splitlines() if line.startswith(start)).split()[-1])


ORDERS = {
    "all at once": (),
    "two at a time, from the last to the first": ("-e", "lab_reboot_serial=2 lab_reboot_order=reverse_inventory"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_after_a_reboot_of_every_host_the_cloud_works(lab, built, order):
    if order == "all at once":
        lab.sh(INTERNAL, "rm /etc/openvswitch/conf.db")  # its disk was not as good as one thought
    since = Since(lab)
    lab.play("lab_reboot.yml", *ORDERS[order])
    since.came(f"reboot, {order}: booted and restored")
    assert "all answered as the model says" in lab.play("verify.yml").output
    since.came(f"reboot, {order}: everybody reaches whom they must")
    for host in HOSTS:
        assert state(lab, host) == built[host]
        assert metric(lab, host, "success", "restore") == 1


RESTARTS = {
    "ovs-vswitchd restarted": "systemctl restart ovs-vswitchd",
    "ovsdb-server restarted": "systemctl restart ovsdb-server",
    "ovs-vswitchd killed": "kill -KILL $(cat /run/openvswitch/ovs-vswitchd.pid)",
    "ovs-vswitchd crashed": "kill -SEGV $(cat /run/openvswitch/ovs-vswitchd.pid)",
}


@pytest.mark.parametrize("restart", RESTARTS)
def test_the_data_plane_follows_open_vswitch(lab, built, restart):
    """Veths stay the ones they were: what passes them waits for Open vSwitch, and for nothing else."""
    ports = lab.sh(VETH, "ip -all netns exec ip -o link | cut -d: -f1,2")
    ping = Ping(lab, VETH, "vm-demo-instance3", "192.168.2.1")
    for host in (VETH, INTERNAL):
        old, since = vswitchd(lab, host), Since(lab, host)
        lab.sh(host, RESTARTS[restart])
        eventually(lambda host=host, old=old: vswitchd(lab, host) not in ("", old), AT_LAST)
        since.came(f"{restart} on {host}: runs again")
        eventually(lambda since=since, host=host: "Finished" in since.said(host), AT_LAST)
        since.came(f"{restart} on {host}: flows and ports are back")
        eventually(lambda host=host: state(lab, host) == built[host], AT_LAST)  # the kernel looks for duplicates
    assert lab.sh(VETH, "ip -all netns exec ip -o link | cut -d: -f1,2") == ports
    answered, lost = ping.stop()
    assert answered > lost
    print(f"\n{restart}: traffic through veths waited {lost / 20:.1f} s", end="")


def vswitchd(lab, host):
    return lab.host(host).run("cat /run/openvswitch/ovs-vswitchd.pid").stdout.strip()


FLOWS = "ovs-ofctl del-flows br-int"
DAMAGE = f"""{FLOWS}
ip netns exec {ROUTER} iptables -t nat -F
ip -n {ROUTER} rule add priority 7 from 192.0.2.1 table 7
ip -n {ROUTER} address delete 192.168.1.1/24 dev qr-b1a894fd-ae
systemctl list-units --plain --no-legend 'cloudnet-dnsmasq-*' | cut -d' ' -f1 > /root/stopped
systemctl stop $(cat /root/stopped)
"""


def test_a_timer_corrects_what_hands_have_done_but_not_while_somebody_is_at_it(lab, built):
    lab.play("site.yml", "-e", "dataplane_reconcile_interval=2", "--limit", "network1")
    assert json.loads(lab.sh("network1", "cat /run/cloudnet-dataplane/dvr.json"))["plan"] in lab.sh(
        "network1", f"sha256sum {PLAN}"
    ), "what had restored the former plan has been told that there is a new one"
    since = Since(lab, "network1")
    lab.sh("network1", DAMAGE)
    eventually(lambda: "another run has just changed the host" in since.said("network1"), AT_LAST)
    assert state(lab, "network1") != built["network1"]

    since = Since(lab, "network1")
    lab.sh("network1", LONG_AGO)
    eventually(lambda: state(lab, "network1") == built["network1"], AT_LAST)
    since.came("damage healed by the timer")
    stopped = "systemctl is-active $(cat /root/stopped)"
    eventually(lambda: lab.host("network1").run(stopped).stdout.split() == ["active", "active"], AT_LAST)
    eventually(lambda: "reconcile," in since.said("network1"), AT_LAST)
    lab.sh("network1", "systemctl stop cloudnet-dataplane-reconcile.timer")
    assert metric(lab, "network1", "success", "reconcile") == 1


REFUSED = {
    "torn": f"truncate -s -100 {PLAN}",
    "tampered with": f"sed -i 's/192.168.1.1/192.168.1.9/' {PLAN}",
    "somebody else's": f"chown nobody {PLAN}",
    "readable by all": f"chmod 0644 {PLAN}",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_plan_that_cannot_be_trusted_is_refused_and_the_last_good_one_used(lab, built, what):
    since = Since(lab, "network1")
    lab.sh("network1", f"cp -a {PLAN} /root/plan; {REFUSED[what]}; {FLOWS}; systemctl start {UNIT}")
    lab.sh("network1", f"cp -a /root/plan {PLAN}")
    assert state(lab, "network1") == built["network1"]
    eventually(lambda: f"{PLAN} " in since.said("network1", WARNING), AT_LAST)
    assert "the plan before it is used" in since.said("network1", WARNING)
    assert metric(lab, "network1", "plan_refused", "restore") == 1


def test_without_any_plan_that_can_be_trusted_nothing_changes_and_prometheus_hears_of_it(lab, built):
    lab.sh("network1", f"cp -a {PLAN} {PLAN}.former /root && truncate -s -9 {PLAN} {PLAN}.former")
    assert lab.host("network1").run(f"systemctl start {UNIT}").failed
    assert state(lab, "network1") == built["network1"]
    assert (metric(lab, "network1", "success", "restore"), metric(lab, "network1", "plan_refused", "restore")) == (0, 1)
    lab.sh("network1", f"cp -a /root/plan /root/plan.former {HOME}; systemctl start {UNIT}")
    assert metric(lab, "network1", "success", "restore") == 1


def test_what_it_cannot_do_it_says_and_leaves_to_somebody_else(lab, built):
    since = Since(lab, INTERNAL)
    lab.sh(INTERNAL, f"ip netns delete {ROUTER} && ip netns add {ROUTER}")
    assert lab.host(INTERNAL).run(f"systemctl start {UNIT}").failed
    eventually(lambda: f"network namespace {ROUTER} exists" in since.said(INTERNAL, ERROR), AT_LAST)
    assert UNIT in lab.sh(INTERNAL, "systemctl --failed --plain --no-legend")
    assert metric(lab, INTERNAL, "success", "restore") == 0
    lab.sh(INTERNAL, f"ip netns delete {ROUTER}")

    lab.play("site.yml")  # on network1 it takes the timer away, too
    assert UNIT not in lab.sh(INTERNAL, "systemctl --failed --plain --no-legend")
    assert metric(lab, INTERNAL, "success", "restore") == 1
    assert {host: state(lab, host) for host in HOSTS} == built


def test_after_all_that_nothing_is_left_to_do(lab):
    assert lab.play("site.yml", "--check").changes() == {}
    assert lab.play("site.yml").changes() == {}
    assert "all answered as the model says" in lab.play("verify.yml").output


def test_teardown_first_of_all_forgets_the_plan(lab):
    predicted = lab.play("teardown.yml", "--check", "--limit", INTERNAL)
    done = lab.play("teardown.yml", "--limit", INTERNAL)
    (forgotten,) = (key for key in done.changes() if "restore" in key[1])
    assert done.changes()[forgotten] == predicted.changes()[forgotten]
    left = "ls -d /var/lib/cloudnet-dataplane /usr/local/lib/cloudnet-dataplane /run/cloudnet-dataplane/*"
    left += " /etc/systemd/system/*dataplane* /etc/systemd/system/*/*dataplane* /var/lib/prometheus/node-exporter/*"
    assert lab.host(INTERNAL).run(left).stdout == ""
    lab.sh(INTERNAL, "systemctl restart ovs-vswitchd")
    assert lab.sh(INTERNAL, "ls /run/netns") == ""
