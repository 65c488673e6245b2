# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hand did to services is healed by the next run, and only the damage is reported."""

from __future__ import annotations

import pytest

UNIT = "/etc/systemd/system/cloudnet-dnsmasq-a.service"
HOME = "/var/lib/neutron/dhcp/a"
SERVICE = "service cloudnet-dnsmasq-a"
LOAD = "systemctl daemon-reload"

#: What a hand does, and what the next run must report: the objects, and what its process does.
DAMAGE = {
    "stopped": ("systemctl stop cloudnet-dnsmasq-a", [SERVICE], "start"),
    "stopped and killed": ("systemctl kill -s KILL cloudnet-dnsmasq-a; systemctl stop cloudnet-dnsmasq-a", [SERVICE],
                           "start"),
    "a file edited": (f"echo >>{HOME}/host", [f"file {HOME}/host", SERVICE], "reload"),
    "a file removed": (f"rm {HOME}/host", [f"file {HOME}/host", SERVICE], "reload"),
    "a file opened to all": (f"chmod 666 {HOME}/host", [f"file {HOME}/host", SERVICE], "reload"),
    "a file given away": (f"chown nobody {HOME}/host", [f"file {HOME}/host", SERVICE], "reload"),
    "a link in its place": (f"ln -sf /etc/passwd {HOME}/host", [f"file {HOME}/host", SERVICE], "reload"),
    "leases removed": (f"rm {HOME}/leases", [f"file {HOME}/leases"], None),
    "its directory opened to all": (f"chmod 777 {HOME}", [f"directory {HOME}"], None),
    "its directory removed": (
        f"rm -r {HOME}", [f"directory {HOME}", f"file {HOME}/host", f"file {HOME}/leases", SERVICE], "reload"),
    "the unit edited": (f"sed -i s/RestartSec=1/RestartSec=99/ {UNIT}", [f"unit {UNIT}", SERVICE], "reload"),
    "the unit edited and loaded": (f"sed -i s/RestartSec=1/RestartSec=99/ {UNIT}; {LOAD}", [f"unit {UNIT}", SERVICE],
                                   "reload"),
    "the command edited": (
        f"sed -i 's/^ExecStart=.*/& --no-ping/' {UNIT}; {LOAD}; systemctl restart cloudnet-dnsmasq-a",
        [f"unit {UNIT}", SERVICE], "reload"),
    "started from another unit": (
        f"cp {UNIT} /tmp/; sed -i 's/^Environment=.*/Environment=A=B/' {UNIT}; {LOAD}; "
        f"systemctl restart cloudnet-dnsmasq-a; cp /tmp/{UNIT.rpartition('/')[2]} {UNIT}; {LOAD}",
        [SERVICE], "restart"),
    "masked": (f"ln -sf /dev/null {UNIT}; {LOAD}", [f"unit {UNIT}", SERVICE], "reload"),
    "masked and stopped": (
        f"systemctl stop cloudnet-dnsmasq-a; ln -sf /dev/null {UNIT}; {LOAD}", [f"unit {UNIT}", SERVICE], "start"),
    "the unit removed": (f"rm {UNIT}", [f"unit {UNIT}", SERVICE], "reload"),
    "the unit removed and that loaded": (f"rm {UNIT}; {LOAD}", [f"unit {UNIT}", SERVICE], "reload"),
    "the unit touched and not loaded": (f"touch {UNIT}", [f"unit {UNIT}", SERVICE], "reload"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_healed_and_only_the_damage_reported(site, damage):
    command, objects, by = DAMAGE[damage]
    before = site.pids()
    site.sh(f"sleep 0.01; {command}")
    changes = site.converge()
    assert [change["object"] for change in changes] == [each.replace("/etc/systemd/system/", "") for each in objects]
    assert [change["after"].get("by") for change in changes if change["object"] == SERVICE] == ([by] if by else [])
    others = {name: pid for name, pid in site.pids().items() if name != "dnsmasq-a"}
    assert others.items() <= before.items()


def test_a_process_in_a_namespace_that_was_made_anew_is_started_there(site):
    before = site.pids()
    site.sh("ip netns del qdhcp-a")
    site.plug()
    (change,) = site.converge()
    assert change["object"] == SERVICE
    assert (change["before"]["has_not_read"], change["after"]["by"]) == (["namespace"], "restart")
    assert {name for name, pid in site.pids().items() if pid != before[name]} == {"dnsmasq-a"}


def test_after_all_that_it_serves(site):
    assert site.lease() == ["10.0.0.3"]
