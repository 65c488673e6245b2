# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away host inside this process, for tests and measurements.

The process leaves the machine's network and mount namespaces: its own kernel
network stack, /run/netns, /run/openvswitch, /etc/sysctl.d and Open vSwitch
(userspace datapath). Everything ends with the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
MACHINE = os.stat("/proc/self/ns/net").st_ino
OWN_DIRS = ("/run/netns", "/run/openvswitch", "/run/lock", "/etc/sysctl.d")


def run(*argv, **kwargs):
    """Run a command that must succeed; its standard output."""
    return subprocess.run(argv, check=True, capture_output=True, text=True, **kwargs).stdout


def enter():
    """Make this process (one thread, root) a host of its own."""
    _leave_the_machine()
    _start_ovs()


def _leave_the_machine():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare (a sandbox needs root)")
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "making / private")
    for directory in OWN_DIRS:
        os.makedirs(directory, exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", directory)
    run("ip", "link", "set", "lo", "up")


def _start_ovs():
    home = Path("/run/openvswitch")
    run("ovsdb-tool", "create", f"{home}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
    start_daemon("ovsdb-server", f"{home}/conf.db", f"--remote=punix:{home}/db.sock")
    run("ovs-vsctl", "--retry", "--timeout=10", "--no-wait", "init")  # the pidfile is there before the socket
    start_daemon("ovs-vswitchd", f"unix:{home}/db.sock")


def start_daemon(name, *argv):
    """Start one of OVS's daemons in the sandbox. It dies with this process, however this process dies."""
    pidfile = Path(f"/run/openvswitch/{name}.pid")
    pidfile.unlink(missing_ok=True)
    subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", name, *argv, f"--pidfile={pidfile}", f"--log-file={pidfile}.log"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while not pidfile.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} did not start: see {pidfile}.log")
        time.sleep(0.01)
    if name == "ovs-vswitchd":  # ready when it has acted on a change
        run("ovs-vsctl", "--timeout=10", "set", "Open_vSwitch", ".", f"external_ids:sandbox={time.monotonic()}")


def make_bridge(name):
    """A bridge in secure mode, on the userspace datapath unless the environment says otherwise."""
    run("ovs-vsctl", "--may-exist", "add-br", name, "--", "set", "bridge", name,
        f"datapath_type={os.environ.get('DATAPATH_TYPE', 'netdev')}", "fail_mode=secure")
    return name


class ModuleFailed(AssertionError):
    """A module called fail_json; result is what it returned."""

    def __init__(self, result):
        self.result = result
        super().__init__(result.get("msg"))


def run_module(name, /, check=False, launcher=(), killed_after=None, **options):
    """Run a module as Ansible does, in its own process; its result.

    launcher: a Python module that starts the module in its process, instead of Python itself.
    killed_after: seconds after which it gets SIGKILL. Raises ModuleFailed, subprocess.TimeoutExpired when killed.
    """
    arguments = {"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": check, "_ansible_diff": True, **options}}
    done = subprocess.run(
        [sys.executable, "-m", *launcher, f"ansible_collections.cloudnet.dataplane.plugins.modules.{name}"],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=killed_after,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        result = json.loads(done.stdout)
    except ValueError as error:
        raise AssertionError(f"{name} printed no JSON: {done.stdout!r} {done.stderr}") from error
    if result.get("failed"):
        raise ModuleFailed(result)
    return result


def eventually(condition, seconds=5.0):
    """Wait until condition() is true; AssertionError after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(0.05)


@contextlib.contextmanager
def hidden(program, directory):
    """Without a program, as if its package were not installed. directory: a Path for a file in its place."""
    nothing = directory / "nothing"
    nothing.touch(mode=0o600)
    run("mount", "--bind", str(nothing), program)
    try:
        yield
    finally:
        run("umount", program)
