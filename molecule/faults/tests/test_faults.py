# SPDX-License-Identifier: GPL-3.0-or-later
"""After every fault one run of site.yml makes the host what a freshly built one is; nobody else loses a packet."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults import COMPUTE, NETWORK, Others
from tests.lab import Lab
from tests.sandbox import eventually

KILLER = Path(__file__).with_name("killer.py")
LOCK = "/run/lock/cloudnet-dataplane.lock"
UNIT = "cloudnet-dataplane-restore.service"
PLANS = "/var/lib/cloudnet-dataplane"
BLUE, DHCP = "qrouter-b4c3ae03-a60d-585d-8e84-da1d5b63b6fe", "qdhcp-fd2c686f-2b6d-5a6b-aaea-db777a8fa3b5"
#: A disk of its own for the plans, with no room for another one.
SMALL_DISK = f"""
cp -a {PLANS} /tmp/plans
mount -t tmpfs -o mode=700,size=$(($(du -sk {PLANS} | cut -f1) + 8))k tmpfs {PLANS}
cp -a /tmp/plans/. {PLANS}
rm -r /tmp/plans
"""
DAEMONS = "'cloudnet-dnsmasq-*' 'cloudnet-radvd-*' 'cloudnet-metadata-*'"

#: What befalls network1, and whether it concerns all of the host.
FAULTS = {
    "namespaces deleted": (f"ip netns del {BLUE}; ip netns del {DHCP}", False),
    "nat flushed": (f"ip netns exec {BLUE} iptables -t nat -F", False),
    "routes flushed": (f"ip -n {BLUE} route flush table main; ip -n {BLUE} -6 route delete fd00:1::/64", False),
    "ports deleted": (
        f"ip netns exec {BLUE} ls /sys/class/net | sed -n 's/^q[rg]-/tap/p' | xargs -n1 ovs-vsctl del-port", False),
    "flows deleted": ("ovs-ofctl del-flows br-int; ovs-ofctl del-flows br-tun", True),
    "sysctls flipped": (
        f"ip netns exec {BLUE} sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.promote_secondaries=0; "
        "sysctl -qw net.ipv4.conf.all.rp_filter=1", False),
    "daemons stopped": (f"systemctl stop {DAEMONS}", False),
}  # fmt: skip
#: What the host itself follows: the fault, and who does it.
FOLLOWED = {
    "daemons killed": (f"systemctl kill --signal=KILL {DAEMONS}", False, "systemd"),
    "ovs-vswitchd restarted": ("systemctl restart ovs-vswitchd", True, "unit restore"),
    "ovsdb-server restarted": ("systemctl restart ovsdb-server", True, "unit restore"),
}


def heal(lab, *options):
    """One run of site.yml on the host: (the Run, its seconds)."""
    started = time.monotonic()
    run = lab.play("site.yml", "--limit", NETWORK, *options)
    return run, time.monotonic() - started


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_healed(lab, built, table, fault):
    command, whole_host = FAULTS[fault]
    with Others(lab, whole_host) as others:
        started = time.monotonic()
        lab.sh(NETWORK, command)
        assert lab.play("drift.yml", "--limit", NETWORK, succeeds=False).status == 2
        detected = time.monotonic() - started
        run, seconds = heal(lab)
        assert run.objects()
        built[NETWORK].assert_as_built()
    table.add(fault, others, seconds, detected)


@pytest.mark.parametrize("fault", FOLLOWED)
def test_what_the_host_follows_by_itself_leaves_nothing_to_do(lab, built, table, fault):
    command, whole_host, healer = FOLLOWED[fault]
    with Others(lab, whole_host) as others:
        before = daemons(lab)
        started = time.monotonic()
        lab.sh(NETWORK, command)
        eventually(lambda: daemons(lab) != before, 60)
        eventually(built[NETWORK].is_as_built, 60)
        seconds = time.monotonic() - started
        eventually(lambda: lab.host(NETWORK).run(f"systemctl is-active {UNIT}").stdout != "activating\n", 60)
        assert heal(lab)[0].changes() == {}
        built[NETWORK].assert_as_built()
    table.add(fault, others, seconds, healed_by=healer)


def daemons(lab):
    """The processes that a host's data plane consists of."""
    units = f"ovs-vswitchd ovsdb-server $(systemctl list-units --plain --no-legend {DAEMONS} | cut -d' ' -f1)"
    return lab.sh(NETWORK, f"systemctl show -P MainPID {units}")


def test_the_next_run_finishes_one_that_was_killed(lab, built, table):
    with Others(lab) as others:
        lab.sh(NETWORK, f"ip netns del {BLUE}; ip netns del {DHCP}; systemctl stop {DAEMONS}")
        lab.copy(KILLER, NETWORK)
        when = f"{random.randint(1, 6)} {random.uniform(0, 0.4)}"  # at least two more get the lock after it
        killer = lab.sh(NETWORK, f"python3 /tmp/killer.py {LOCK} {when} >/tmp/killer.log 2>&1 & echo $!")
        lab.play("site.yml", "--limit", NETWORK, succeeds=False)
        assert not lab.host(NETWORK).file(f"/proc/{killer}").exists, "it has killed, and kills nobody else"
        print(f"\n{lab.sh(NETWORK, 'cat /tmp/killer.log')}", end="")
        _run, seconds = heal(lab)
        built[NETWORK].assert_as_built()
    table.add("a module of site.yml killed", others, seconds)


def test_two_runs_at_once_take_turns(lab, built, table, tmp_path):
    labs = [Lab(lab.name, lab.inventories, tmp_path / name) for name in ("one", "other")]
    for each in labs:
        each.records.mkdir()
    with Others(lab) as others, ThreadPoolExecutor() as pool:
        lab.sh(NETWORK, f"ip netns del {BLUE}; ip netns del {DHCP}")
        started = time.monotonic()
        one, other = pool.map(lambda each: each.play("site.yml"), labs)
        seconds = time.monotonic() - started
        assert one.objects() or other.objects()
        assert set(one.objects()).isdisjoint(other.objects()), "what one has healed the other one finds healed"
        for host in built.values():
            host.assert_as_built()
    table.add("two runs of site.yml at once", others, seconds, healed_by="both of them")


def test_a_full_disk_leaves_the_former_plan(lab, built, table):
    address = {"floating_network": "ext", "floating_ip_address": "203.0.113.106", "port": "db"}
    changed = json.dumps({"dataplane_floating_ips": [*lab.site()["dataplane_floating_ips"], address]})
    hashes = f"find {PLANS} -type f -exec sha256sum {{}} + | cut -d' ' -f1 | sort -u"
    with Others(lab) as others:
        lab.sh(NETWORK, SMALL_DISK)
        before = lab.sh(NETWORK, hashes)
        failed = lab.play("site.yml", "--limit", NETWORK, "--extra-vars", changed, succeeds=False)
        assert "No space left on device" in failed.failures()[-1]
        assert lab.sh(NETWORK, hashes) in before, "nothing but plans that there were"
        lab.sh(NETWORK, f"systemctl start {UNIT}")
        built[NETWORK].assert_as_built()  # by the former plan
        lab.sh(NETWORK, f"umount {PLANS}")
        _run, seconds = heal(lab)
        built[NETWORK].assert_as_built()
    table.add("disk full while a plan is written", others, seconds)


def test_after_all_that_nothing_is_left_to_do_and_the_cloud_works(lab, built):
    assert lab.play("site.yml").changes() == {}
    built[COMPUTE].assert_as_built()
    assert "all answered as the model says" in lab.play("verify.yml").output
