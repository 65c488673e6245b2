# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented examples of netns, netns_info and node_sysctl run, in order, and run again without change."""

from __future__ import annotations

import importlib

import pytest
import yaml

from .conftest import run

MODULES = "ansible_collections.cloudnet.dataplane.plugins.modules"


@pytest.mark.parametrize("name", ["netns", "netns_info", "node_sysctl"])
@pytest.mark.usefixtures("clean_host")
def test_examples(name, module, tmp_path):
    settings = {key: run("sysctl", "-n", key).strip() for key in ("net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter")}
    for task in yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").EXAMPLES):
        options = task.get(f"cloudnet.dataplane.{name}", {}) or {}
        if name == "node_sysctl":
            options["path"] = str(tmp_path / "60-test.conf")
        if f"cloudnet.dataplane.{name}" in task:
            predicted = module(name, check=True, **options)
            result = module(name, **options)
            assert predicted.get("changes") == result.get("changes")
            assert not module(name, **options)["changed"]
    assert settings == {key: run("sysctl", "-n", key).strip() for key in settings}
