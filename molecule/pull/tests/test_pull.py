# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts converge by themselves to what is in git: at first, when something is pushed, and when something is damaged."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from tests.lab import ROOT
from tests.sandbox import eventually

HOSTS = ("control1", "node1")
UNIT = "cloudnet-dataplane-pull"
COLLECTIONS = ROOT / ".cache" / "collections" / "ansible_collections"


class Checkout:
    """The operator's own checkout of the site's repository."""

    def __init__(self, lab, directory):
        self.lab, self.directory = lab, directory
        self.password = directory.with_name("vault-password")
        self.password.write_text("correct horse battery staple")
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("config", "user.name", "Operator")
        self._git("config", "user.email", "operator@example.com")
        server = f"ext::podman exec -i {lab.name}-control1 %S /srv/site.git"
        self._git("remote", "add", "origin", server)
        (directory / "local.yml").write_text("- ansible.builtin.import_playbook: cloudnet.dataplane.pull\n")
        self._install_collections()

    def plan(self, *arguments):
        """Plan anew; the Run."""
        keep = f"dataplane_plan_dir={self.directory}/plan/pull dataplane_plan_vault=true"
        return self.lab.play("plan.yml", "-e", keep, "--vault-password-file", str(self.password), *arguments)

    def push(self, message):
        """Commit and push; the names of the files that changed."""
        self._git("add", "--all")
        self._git("commit", "--quiet", f"--message={message}")
        self._git("-c", "protocol.ext.allow=always", "push", "--quiet", "origin", "main")
        return self._git("show", "--name-only", "--format=").split()

    def _git(self, *arguments):
        command = ["git", "-C", str(self.directory), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _install_collections(self):
        """What `ansible-galaxy collection install --collections-path collections` does where Galaxy is reached."""
        collections = self.directory / "collections" / "ansible_collections"
        shutil.copytree(COLLECTIONS / "openvswitch", collections / "openvswitch")
        for part in ("galaxy.yml", "meta", "playbooks", "plugins", "roles"):
            target = collections / "cloudnet" / "dataplane" / part
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, target)


@pytest.fixture(scope="module")
def checkout(lab, tmp_path_factory):
    return Checkout(lab, tmp_path_factory.mktemp("operator"))


def pull(lab, *hosts):
    """Have hosts pull, at the same time. {host: what its run did, as Ansible counts it}."""
    containers = [f"{lab.name}-{host}" for host in hosts]
    runs = [subprocess.Popen(["podman", "exec", name, "systemctl", "start", UNIT]) for name in containers]
    codes = {host: run.wait() for host, run in zip(hosts, runs)}
    return {host: {**recap(lab, host), "exit": code} for host, code in codes.items()}


def journal(lab, host):
    """What the host's last run said."""
    invocation = lab.sh(host, f"systemctl show --value --property InvocationID {UNIT}")
    return lab.sh(host, f"journalctl --no-pager --output=cat _SYSTEMD_INVOCATION_ID={invocation}")


def recap(lab, host):
    lines = re.findall(rf"^{host} +: (.*)$", journal(lab, host), re.MULTILINE)
    return {key: int(count) for line in lines for key, count in re.findall(r"(\w+)=(\d+)", line)}


def pings(lab, source, address):
    return lab.host("node1").run(f"ip netns exec vm-{source} ping -c 1 -W 1 {address}").rc == 0


def more_ports(lab, *ports):
    """Extra vars: the site, with these ports."""
    return "--extra-vars", json.dumps({"dataplane_ports": lab.site()["dataplane_ports"] + list(ports)})


API = {"name": "api", "network": "blue", "binding_host_id": "node1", "security_groups": ["default"],
       "fixed_ips": [{"subnet": "blue-subnet", "ip_address": "10.0.1.20"}]}  # fmt: skip


def test_check_mode_predicted_the_installation_and_the_second_run_changed_nothing(lab):
    lab.assert_predicted_then_idempotent("pull_setup")


def test_a_host_without_a_plan_says_so(lab, checkout):
    checkout.push("No plans yet")
    assert pull(lab, "node1")["node1"]["exit"] == 1
    assert "plan/pull holds no plan for node1" in journal(lab, "node1")


def test_hosts_converge_to_what_is_pushed(lab, checkout):
    checkout.plan()
    assert "plan/pull/node1.json" in checkout.push("The site")
    runs = pull(lab, *HOSTS)
    assert all(run["exit"] == 0 and run["changed"] > 0 and run["failed"] == 0 for run in runs.values()), runs

    assert pings(lab, "web", "10.0.2.10")
    asked = "ip netns exec vm-web curl -sm5 http://169.254.169.254/latest/meta-data/hostname"
    eventually(lambda: lab.sh("node1", f"{asked} || true") == "web", 30)


def test_the_next_run_changes_nothing(lab):
    before = {host: lab.snapshot(host) for host in HOSTS}
    runs = pull(lab, *HOSTS)
    assert all(run["exit"] == 0 and run["changed"] == 0 for run in runs.values()), runs
    assert {host: lab.snapshot(host) for host in HOSTS} == before


def test_a_change_is_a_small_commit_and_arrives(lab, checkout):
    checkout.plan(*more_ports(lab, API))
    assert set(checkout.push("An instance")) == {"plan/pull/control1.json", "plan/pull/node1.json"}
    assert pull(lab, *HOSTS)["node1"]["changed"] > 0
    assert pings(lab, "api", "10.0.2.10")


def test_damage_is_healed_although_the_repository_is_out_of_reach(lab):
    before = lab.snapshot("node1")
    lab.sh("control1", "systemctl stop git-daemon")
    lab.sh("node1", "ip netns delete $(ip netns list | grep -o 'qrouter-[^ ]*') && ovs-ofctl del-flows br-int")
    assert not pings(lab, "web", "10.0.2.10")

    run = pull(lab, "node1")["node1"]
    assert run["exit"] == 0 and run["changed"] > 0, run
    assert "Unable to update repository" in journal(lab, "node1")
    assert lab.snapshot("node1") == before
    assert pings(lab, "web", "10.0.2.10")
    lab.sh("control1", "git daemon --reuseaddr --base-path=/srv --export-all --detach /srv")


def test_secrets_are_nowhere_in_plain_text(lab):
    secret = lab.site()["dataplane_metadata_proxy_shared_secret"]
    for host in HOSTS:
        assert lab.sh(host, f"grep -rslF {secret} /etc /var /srv /tmp /run /root || true") == ""
        assert lab.sh(host, f"journalctl --no-pager | grep -cF -e {secret} -e 'correct horse' || true") == "0"
    assert lab.sh("node1", "stat -c %a /etc/cloudnet-dataplane-pull /var/lib/cloudnet-dataplane-pull") == "700\n700"
    plans = "/var/lib/cloudnet-dataplane-pull/checkout/plan/pull"
    assert lab.sh("node1", f"grep -lF '$ANSIBLE_VAULT;' {plans}/*") == f"{plans}/control1.json\n{plans}/node1.json"


def test_the_timer_brings_what_is_pushed(lab, checkout):
    lab.play("pull_setup.yml", "--extra-vars", "pull_calendar=*:*:0/5")
    checkout.plan()
    checkout.push("Without that instance")
    eventually(lambda: "vm-api" not in lab.sh("node1", "ip netns list"), 120)


def test_teardown_stops_the_hosts_from_coming_back(lab):
    lab.play("teardown.yml")
    for host in HOSTS:
        assert lab.sh(host, "ls /etc/systemd/system /etc /var/lib | grep -c cloudnet-dataplane-pull || true") == "0"
        assert UNIT not in lab.sh(host, "systemctl list-timers --all --no-pager")
    assert lab.sh("node1", "ip netns list") == ""
