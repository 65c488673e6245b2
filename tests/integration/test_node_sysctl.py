# SPDX-License-Identifier: GPL-3.0-or-later
"""node_sysctl: the host's settings, now and after a reboot, and back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import ModuleFailed

FORWARD, FILTER = "net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter"


@pytest.fixture
def drop_in(tmp_path):
    before = {key: live(key) for key in (FORWARD, FILTER)}
    yield tmp_path / "sysctl.d" / "60-test.conf"
    for key, value in before.items():
        proc(key).write_text(value)


def proc(key):
    return Path("/proc/sys") / key.replace(".", "/")


def live(key):
    return proc(key).read_text().strip()


def test_values_are_live_and_in_the_drop_in_which_records_what_was(module, drop_in):
    proc(FORWARD).write_text("0")
    wanted = {"sysctls": {FORWARD: 1, FILTER: "2"}, "path": str(drop_in)}
    predicted = module("node_sysctl", check=True, **wanted)
    assert live(FORWARD) == "0"
    assert not drop_in.parent.exists()
    real = module("node_sysctl", **wanted)
    assert real["changes"] == predicted["changes"]
    assert (live(FORWARD), live(FILTER)) == ("1", "2")
    assert f"# {FORWARD} was 0\n{FORWARD} = 1\n" in drop_in.read_text()
    assert drop_in.stat().st_mode & 0o777 == 0o644
    assert os.listdir(drop_in.parent) == [drop_in.name]
    assert not module("node_sysctl", **wanted)["changed"]


def test_drift_is_put_right_and_alone_reported(module, drop_in):
    wanted = {"sysctls": {FORWARD: 1, FILTER: 0}, "path": str(drop_in)}
    module("node_sysctl", **wanted)
    proc(FORWARD).write_text("0")
    result = module("node_sysctl", **wanted)
    assert [(c["object"], c["before"], c["after"]) for c in result["changes"]] == [(f"sysctl {FORWARD}", "0", "1")]


def test_a_key_no_longer_listed_and_state_absent_restore_the_values_before(module, drop_in):
    proc(FORWARD).write_text("0")
    proc(FILTER).write_text("0")
    module("node_sysctl", sysctls={FORWARD: 1, FILTER: 2}, path=str(drop_in))
    module("node_sysctl", sysctls={FORWARD: 1}, path=str(drop_in))
    assert (live(FORWARD), live(FILTER)) == ("1", "0")
    gone = module("node_sysctl", state="absent", path=str(drop_in))
    assert gone["changed"]
    assert live(FORWARD) == "0"
    assert not drop_in.exists()
    assert not module("node_sysctl", state="absent", path=str(drop_in))["changed"]


def test_a_key_that_the_kernel_lacks_is_an_error_and_in_check_mode_a_warning(module, drop_in):
    wanted = {"sysctls": {"net.bridge.bridge-nf-call-nothing": 1}, "path": str(drop_in)}
    with pytest.raises(ModuleFailed, match="load the kernel module br_netfilter"):
        module("node_sysctl", **wanted)
    assert not drop_in.exists()
    assert "br_netfilter" in str(module("node_sysctl", check=True, **wanted)["warnings"])


def test_a_value_that_the_kernel_refuses_undoes_all(module, drop_in):
    proc(FORWARD).write_text("0")
    with pytest.raises(ModuleFailed, match="rp_filter to 'many' failed") as failed:
        module("node_sysctl", sysctls={FORWARD: 1, FILTER: "many"}, path=str(drop_in))
    assert failed.value.result["rolled_back"]
    assert live(FORWARD) == "0"
    assert not drop_in.exists()


def test_a_file_that_is_not_ours_stays(module, drop_in):
    drop_in.parent.mkdir()
    drop_in.write_text("net.ipv4.ip_forward = 1\n")
    with pytest.raises(ModuleFailed, match="exists and is not ours"):
        module("node_sysctl", sysctls={FORWARD: 1}, path=str(drop_in))


def test_bad_keys_are_all_named(module, drop_in):
    with pytest.raises(ModuleFailed) as failed:
        module("node_sysctl", sysctls={"../etc/passwd": 1, "forward": 1, FORWARD: [1]}, path=str(drop_in))
    assert [problem.split(":")[0] for problem in failed.value.result["problems"]] == [
        "sysctls.../etc/passwd", "sysctls.forward", f"sysctls.{FORWARD}",
    ]  # fmt: skip
