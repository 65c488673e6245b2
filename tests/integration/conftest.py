# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's tests run on a throw-away host that each test process makes for itself."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests import sandbox
from tests.sandbox import MACHINE, ModuleFailed, eventually, run, start_daemon  # noqa: F401  (the tests' vocabulary)


def pytest_configure(config):
    if not hasattr(config, "workerinput") and getattr(config.option, "numprocesses", None):
        return  # xdist's controller runs no tests; each worker gets its own host
    sandbox.enter()


@pytest.fixture
def module():
    """module(name, check=False, **options) runs a module as Ansible does, in its own process; its result."""
    return sandbox.run_module


@pytest.fixture
def clean_host():
    """The host before the first run and after the test: no namespaces, bridges, rules or plugs of ours."""
    yield
    clean()


def clean():
    """Remove whatever may be on the host."""
    for name in os.listdir("/run/netns"):
        run("ip", "netns", "del", name)
    for bridge in run("ovs-vsctl", "list-br").split():
        run("ovs-vsctl", "del-br", bridge)
    for tool in ("iptables", "ip6tables"):
        for table in ("nat", "filter", "mangle", "raw"):
            run(tool, "-t", table, "-F")
            run(tool, "-t", table, "-X")
    run("ipset", "flush")
    run("ipset", "destroy")
    for link in json.loads(run("ip", "-json", "link")):
        if link["ifname"].startswith("qbr") or "link" in link or "link_netnsid" in link:
            # One end takes the other along, and the kernel those of deleted namespaces, a while later
            subprocess.run(("ip", "link", "delete", link["ifname"]), capture_output=True, check=False)


@pytest.fixture
def bridge(clean_host):
    """bridge(name) makes a bridge on the userspace datapath, in secure mode."""
    return sandbox.make_bridge


@pytest.fixture
def clean_links():
    """No links of the tests stay in the root namespace."""
    yield
    for found in json.loads(run("ip", "-json", "link")):
        if found["ifname"].startswith(("tap-", "qr-", "qg-")):
            run("ip", "link", "delete", found["ifname"])


@pytest.fixture
def netns(module):
    """netns(*config, **options): the module, as owner demo."""

    def call(*config, **options):
        return module("netns", **{"config": list(config), "owner": "demo", **options})

    return call
