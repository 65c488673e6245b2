# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions plan and host_plan, run by Ansible itself."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_instances import signature
from tests.conftest import COLLECTIONS

from .cloud import HOSTS, SITE, changed, planned

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - cloudnet.dataplane.plan:
        plan_dir: "{{ plan_dir | default(omit) }}"
      run_once: true
      register: planned
    - cloudnet.dataplane.host_plan:
        plan_dir: "{{ planned.plan_dir }}"
      register: dataplane_plan
    - ansible.builtin.copy:
        content: "{{ {'plan': dataplane_plan, 'planned': planned} | to_json }}"
        dest: "{{ inventory_dir }}/results/{{ inventory_hostname }}"
      delegate_to: localhost
      check_mode: false
"""


ONLY_PLAN = PLAYBOOK.partition("    - ansible.builtin.copy")[0]


@pytest.fixture
def cloud(tmp_path):
    """cloud(*changes) writes an inventory directory; cloud.play(*options) runs the playbook on it."""
    return Cloud(tmp_path)


class Cloud:
    def __init__(self, directory):
        self.directory, self.allocations = directory, directory / "inventory" / "allocations.yml"

    def __call__(self, *changes):
        inventory = self.directory / "inventory"
        (inventory / "results").mkdir(parents=True, exist_ok=True)
        groups = {}
        for name, host in HOSTS.items():
            variables = {key: value for key, value in host.items() if key != "groups"}
            groups.setdefault(host["groups"][0], {"hosts": {}})["hosts"][name] = variables
        (inventory / "hosts.yml").write_text(json.dumps({"all": {"children": groups, "vars": changed(SITE, *changes)}}))
        return self

    def play(self, *options, playbook=PLAYBOOK):
        """{host: its facts and the result of plan}; an AssertionError with the output if the playbook fails."""
        (self.directory / "play.yml").write_text(playbook)
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", "inventory", "play.yml", *options],
            cwd=self.directory, capture_output=True, text=True, check=False,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_LOCALHOST_WARNING": "false",
                 "ANSIBLE_LOCAL_TEMP": str(self.directory / "tmp"), "ANSIBLE_INVENTORY_IGNORE_PATTERNS": "results"},
        )
        self.output = done.stdout + done.stderr
        assert done.returncode == 0, self.output
        results = (self.directory / "inventory" / "results").iterdir()
        return {path.name: json.loads(path.read_text()) for path in results}


def test_every_host_gets_its_plan_and_the_lock_is_written(cloud):
    results = cloud().play()
    plan = results["compute1"]["plan"]
    assert plan["owner"] == "test"
    assert isinstance(plan["ports"], str), "packed"
    planned = results["compute1"]["planned"]
    assert planned["hosts"] == ["compute1", "network1", "outside"]
    assert planned["changed"]
    assert planned["allocations_changed"]
    assert planned["summary"][0] == "site test: 3 networks, 3 subnets, 1 routers, 2 ports, 1 floating IPs"
    lock = yaml.safe_load(cloud.allocations.read_text())["all"]["vars"]["dataplane_allocations"]
    assert lock["addresses"]["blue4"] == {"port web": "10.0.0.2"}

    assert not cloud.play()["compute1"]["planned"]["changed"], "a second run allocates nothing"


def test_check_mode_plans_the_same_and_writes_nothing(cloud, tmp_path):
    results = cloud().play("--check", "--diff", "--extra-vars", f"plan_dir={tmp_path}/plan")
    assert results["network1"]["planned"]["allocations_changed"]
    assert not cloud.allocations.exists()
    assert not (tmp_path / "plan").exists()


def test_a_limited_run_plans_for_all(cloud):
    results = cloud().play("--limit", "compute1")
    assert set(results) == {"compute1"}
    assert results["compute1"]["planned"]["hosts"] == ["compute1", "network1", "outside"]


def test_a_kept_plan_is_private_and_follows_the_site(cloud, tmp_path):
    kept = ("--extra-vars", f"plan_dir={tmp_path}/plan")
    cloud().play(*kept)
    files = {path.name: path for path in (tmp_path / "plan").iterdir()}
    assert set(files) == {"compute1.json", "network1.json", "outside.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert not cloud.play(*kept)["compute1"]["planned"]["changed"]
    changed_plan = cloud(("dataplane_ports[0].port_security_enabled", False)).play(*kept)
    assert changed_plan["compute1"]["planned"]["changed"]


def test_variables_may_be_templates(cloud):
    results = cloud(
        ("dataplane_networks[1].subnets[0].cidr", "{{ blue }}"), ("blue", "10.5.0.0/24"),
        ("dataplane_ports[0].port_security_enabled", "{{ 1 > 2 }}"),
    ).play()
    assert results["network1"]["planned"]["hosts"]
    assert "10.5.0.2" in cloud.allocations.read_text()


def test_nothing_secret_is_shown(cloud):
    web, secret = "f0f0f0f0-0000-4000-8000-000000000001", "an unguessable secret"
    cloud(("dataplane_metadata_proxy_shared_secret", secret), ("dataplane_ports[0].device_id", web),
          ("dataplane_ports[0].user_data", "#!/bin/sh\n# hunter2")).play("-vvv", "--diff", playbook=ONLY_PLAN)
    (packed,) = [pack(plan["services"]) for name, plan in planned(
        ("dataplane_metadata_proxy_shared_secret", secret), ("dataplane_ports[0].device_id", web)).items()
        if name == "network1"]
    for hidden in (secret, "hunter2", signature(secret, web), packed[:200]):
        assert hidden not in cloud.output
    assert "summary" in cloud.output


def test_all_faults_are_shown_and_nothing_is_written(cloud):
    broken = cloud(
        ("dataplane_networks[1].subnets[0].gateway_ip", "10.0.9.1"),
        ("dataplane_ports[1].network", "rd"),
        ("dataplane_router", []),
    )
    with pytest.raises(AssertionError) as caught:
        broken.play()
    for fault in (
        "dataplane_networks[1].subnets[0].gateway_ip: 10.0.9.1: must be inside 10.0.0.0/24",
        "dataplane_ports[1].network: rd: is not a known network: did you mean red?",
        "dataplane_router: []: is not a known key: did you mean dataplane_routers?",
    ):
        assert fault in str(caught.value)
    assert not cloud.allocations.exists()


IMPORT_PLAN = "- ansible.builtin.import_playbook: cloudnet.dataplane.plan"

ROLE = """
- hosts: all
  gather_facts: false
  roles: [cloudnet.dataplane.controller]
  tasks:
    - ansible.builtin.copy:
        content: "{{ {'plan': dataplane_plan, 'skipped': __controller_plan is skipped} | to_json }}"
        dest: "{{ inventory_dir }}/results/{{ inventory_hostname }}"
      delegate_to: localhost
"""


def test_hosts_converge_from_encrypted_plans_that_were_made_before(cloud, tmp_path):
    (tmp_path / "password").write_text("correct horse")
    vault = ("--vault-password-file", "password")
    cloud(("dataplane_metadata_proxy_shared_secret", "an unguessable secret"))
    cloud.play("-e", "dataplane_plan_dir=plan dataplane_plan_vault=true", *vault, playbook=IMPORT_PLAN)
    assert "an unguessable secret" not in (kept := (tmp_path / "plan" / "network1.json").read_text())
    assert "$ANSIBLE_VAULT;" in kept
    cloud.allocations.unlink()

    planned_now = {host: result["plan"] for host, result in cloud.play(playbook=ROLE).items()}
    cloud.allocations.unlink()
    before = cloud.play("-e", "dataplane_plan_dir=plan", *vault, playbook=ROLE)
    assert {host: result["plan"] for host, result in before.items()} == planned_now
    assert all(result["skipped"] for result in before.values())
    assert not cloud.allocations.exists(), "nothing was planned"

    with pytest.raises(AssertionError, match=r"no vault secrets"):
        cloud.play("-e", "dataplane_plan_dir=plan", playbook=ROLE)
    cloud(("dataplane_site", "other"))
    with pytest.raises(AssertionError, match=r"site is test, must be\s+other"):
        cloud.play("-e", "dataplane_plan_dir=plan", *vault, playbook=ROLE)
