# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces by name: as `ip netns` makes and sees them, and no thread leaks into one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, ForeignObject

from .conftest import run

pytestmark = pytest.mark.usefixtures("clean_host")


def here(_name=None):
    return os.stat("/proc/thread-self/ns/net").st_ino


def test_iproute2_sees_ours_and_we_see_its():
    namespace.create("ours", "demo")
    run("ip", "netns", "add", "theirs")
    assert set(run("ip", "netns", "list").split()) == {"ours", "theirs"}
    assert namespace.owners() == {"ours": "demo", "theirs": None}
    assert namespace.owner("ours") == "demo"
    assert "UP" in run("ip", "-n", "ours", "link", "show", "lo")
    run("ip", "netns", "delete", "ours")
    namespace.delete("theirs")
    assert namespace.names() == []
    assert os.listdir("/run/netns") == []


def test_a_name_without_a_namespace_is_a_left_over_and_is_taken_over():
    open("/run/netns/half", "w").close()
    assert namespace.names() == []
    assert not namespace.exists("half")
    namespace.create("half", "demo")
    assert namespace.owners() == {"half": "demo"}
    with pytest.raises(EngineError, match="exists already"):
        namespace.create("half", "demo")


def test_deleting_what_is_not_there_is_fine():
    namespace.delete("nothing")
    open("/run/netns/half", "w").close()
    namespace.delete("half")
    assert os.listdir("/run/netns") == []


def test_inside_runs_there_and_nothing_leaks():
    namespace.create_all(["a", "b"], "demo")
    before, threads = here(), threading.active_count()
    found = namespace.map_inside(here, ["a", "b", None])
    assert found == {"a": os.stat("/run/netns/a").st_ino, "b": os.stat("/run/netns/b").st_ino, None: before}
    assert here() == before
    assert threading.active_count() == threads


def test_a_program_started_inside_runs_there():
    namespace.create("a", "demo")
    shown = namespace.inside("a", subprocess.check_output, ["ip", "link"])
    assert b"owner=demo" in shown


def test_exceptions_come_out_and_missing_namespaces_are_named():
    namespace.create("a", "demo")
    with pytest.raises(ZeroDivisionError):
        namespace.inside("a", lambda: 1 // 0)
    with pytest.raises(EngineError, match="network namespace b does not exist"):
        namespace.map_inside(here, ["a", "b"])


def test_run_netns_is_made_shared_when_it_is_a_plain_directory():
    """In a mount namespace of its own, as systemd's PrivateTmp gives a unit, the mount must propagate."""
    script = (
        "mount --make-rprivate / && mount -t tmpfs tmpfs /run && python3 - && "
        "grep ' /run/netns ' /proc/self/mountinfo | grep shared: && ip netns add b && ip netns list"
    )
    code = "\n".join([
        "import sys", f"sys.path[:0] = {sys.path!r}",
        "from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace",
        "namespace.create('a', 'demo')",
    ])  # fmt: skip
    shown = run("unshare", "-m", "sh", "-ec", script, input=code)
    assert set(shown.split()[-2:]) == {"a", "b"}


def _addresses_or_refuse(name):
    if name == "n13":
        raise ForeignObject("namespace n13", "ip netns delete n13")
    return run("ip", "-o", "link", "show", "lo")


def test_programs_run_in_many_namespaces_at_once_and_in_the_hosts_own():
    names = [f"n{number}" for number in range(40)]
    namespace.create_all(names, "demo")
    seen = namespace.map_in_processes(lambda name: run("ip", "link", "show", "lo"), [*names, None])
    assert set(seen) == {*names, None}
    assert all("owner=demo" in seen[name] for name in names)
    assert "owner=demo" not in seen[None]
    with pytest.raises(ForeignObject, match="n13 exists and does not carry our mark"):
        namespace.map_in_processes(_addresses_or_refuse, names)
    for name in names:
        namespace.delete(name)
