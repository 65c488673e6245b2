# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scenario's tests do with a running lab: play playbooks, run commands on hosts, make traffic."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

import testinfra
import yaml

ROOT = Path(__file__).resolve().parent.parent
TRAFFIC = ROOT / "tests" / "traffic.py"


class Lab:
    """One lab: the containers NAME-host of an inventory.

    inventories: what its playbooks are given, relative to the checkout. records: a directory for what playbook runs
    did (tests/callback/record.py).
    """

    def __init__(self, name, inventories, records):
        self.name, self.inventories, self.records = name, inventories, Path(records)

    def play(self, playbook, *arguments, succeeds=True):
        """Run a playbook against the lab; a Run. AssertionError when it ends otherwise than expected."""
        before = set(self.records.glob("*.json"))
        done = subprocess.run(
            **self.invocation(playbook, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == succeeds, done.stdout
        (record,) = set(self.records.glob("*.json")) - before
        return Run.read(record, done.stdout, done.returncode)

    def invocation(self, playbook, *arguments):
        """What subprocess needs to run a playbook against the lab."""
        return {
            "args": [
                "ansible-playbook",
                *(f"--inventory={ROOT / inventory}" for inventory in self.inventories),
                "--extra-vars",
                f"lab_name={self.name}",
                *arguments,
                str(ROOT / "playbooks" / playbook),
            ],
            "cwd": ROOT,
            "env": {
                **os.environ,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_CALLBACKS_ENABLED": "record",
                "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "callback"),
                "DATAPLANE_RECORD": str(self.records),
            },
        }

    def recorded(self, playbook, check=False):
        """The runs of a playbook so far, oldest first."""
        pattern = f"[0-9][0-9]-{playbook}{'-check' if check else ''}.json"
        return [Run.read(path) for path in sorted(self.records.glob(pattern))]

    def assert_predicted_then_idempotent(self, playbook):
        """Check mode on virgin hosts predicted the first run exactly, and the second run changed nothing."""
        predicted, (first, second, *_) = self.recorded(playbook, check=True)[0], self.recorded(playbook)
        assert first.changes(), "the first run built something"
        assert predicted.changes() == first.changes()
        assert second.changes() == {}

    def host(self, name):
        """A host of the lab, as testinfra sees it."""
        return testinfra.get_host(f"podman://{self.name}-{name}")

    def sh(self, host, command):
        """Output of a shell command that must succeed on a host."""
        return self.host(host).check_output(command)

    def copy(self, path, host):
        subprocess.run(["podman", "cp", str(path), f"{self.name}-{host}:/tmp/{path.name}"], check=True)

    def site(self):
        """The site variables of the lab's inventory, for variations of them."""
        path = ROOT / self.inventories[0] / "group_vars" / "all" / "site.yml"
        return yaml.safe_load(path.read_text())

    def snapshot(self, host):
        """Everything of a host that the collection could change, as lines."""
        return subprocess.run(
            ["podman", "exec", "-i", f"{self.name}-{host}", "sh"],
            input=(ROOT / "tests" / "snapshot.sh").read_text(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()


class Run:
    """What one playbook run did: a list of {host, task, action, changed, failed, msg, changes, commands}.

    status: what ansible-playbook exited with, if it is known.
    """

    def __init__(self, tasks, output="", status=None):
        self.tasks, self.output, self.status = tasks, output, status

    @classmethod
    def read(cls, path, output="", status=None):
        return cls(json.loads(path.read_text())["tasks"], output, status)

    def changes(self):
        """{(host, task): what it changed}, changed tasks only, in a form that two runs can be compared in."""
        return {
            (task["host"], task["task"]): [_essence(change) for change in task["changes"]] or task["commands"]
            for task in self.tasks
            if task["changed"]
        }

    def objects(self, *hosts):
        """The names of all changed objects, sorted; only those on these hosts, if any is named."""
        return sorted(change["object"] for host, change in self.placed() if not hosts or host in hosts)

    def placed(self):
        """[(host, change)] without the plan that a host keeps, which changes with anything else."""
        tasks = [task for task in self.tasks if not task["task"].startswith("cloudnet.dataplane.restore : ")]
        return [(task["host"], change) for task in tasks for change in task["changes"]]

    def failures(self):
        return [task["msg"] for task in self.tasks if task["failed"]]


def without_namespaces(names, objects):
    """The objects whose name mentions none of the names."""
    return [each for each in objects if not any(name in each for name in names)]


def _essence(change):
    return {key: change[key] for key in ("action", "object", "before", "after", "disruption")}


class Ping:
    """Twenty echo requests a second from a namespace of a host, for at most five minutes."""

    def __init__(self, lab, host, namespace, address):
        self.lab, self.host = lab, host
        self.log = f"/tmp/ping-{namespace}-{address}.log"
        self.pid = int(
            lab.sh(host, f"ip netns exec {namespace} ping -n -i 0.05 -c 6000 {address} >{self.log} 2>&1 & echo $!")
        )

    def stop(self):
        """(answered, lost): lost counts the gaps before the last answer."""
        self.lab.sh(self.host, f"kill -INT {self.pid}")
        answered = [int(n) for n in re.findall(r"icmp_seq=(\d+) ttl", self.lab.sh(self.host, f"cat {self.log}"))]
        return len(answered), (max(answered) - len(set(answered)) if answered else 0)

    def assert_unbroken(self, at_most=0):
        """Stop, and insist that every request was answered, but for so many."""
        answered, lost = self.stop()
        assert answered > 100
        assert lost <= at_most


class Stream:
    """A TCP stream from a host, or from a namespace of it, to an instance."""

    def __init__(self, lab, client, server, namespace, address, port=5001, client_namespace=None):
        self.lab, self.client, self.server = lab, client, server
        for host in (client, server):
            lab.copy(TRAFFIC, host)
        log = f"/tmp/serve-{namespace}-{port}.log"
        serve = f"ip netns exec {namespace} python3 /tmp/traffic.py serve {port} 300 >{log} 2>&1 & echo $!"
        served = f"timeout 30 sh -c 'until grep -q serving {log}; do sleep 0.05; done' || (cat {log}; false)"
        self.serving = int(lab.sh(server, f"rm -f {log}; {serve}; {served}"))
        self.report = f"/tmp/stream-{client_namespace}-{address}-{port}.json"
        lab.sh(client, f"rm -f {self.report}")
        inside = f"ip netns exec {client_namespace} " if client_namespace else ""
        command = f"{inside}python3 /tmp/traffic.py stream {address} {port} {self.report}"
        self.pid = int(lab.sh(client, f"{command} >{self.report}.log 2>&1 & echo $!"))

    def stop(self):
        """The report of traffic.py."""
        self.lab.sh(self.client, f"kill {self.pid} || true")  # a stream that was cut has ended
        deadline = time.monotonic() + 10
        while not self.lab.host(self.client).file(self.report).exists:
            assert time.monotonic() < deadline, self.lab.sh(self.client, f"cat {self.report}.log")
            time.sleep(0.1)
        self.lab.sh(self.server, f"kill {self.serving} || true")  # the next one may want its port
        return json.loads(self.lab.sh(self.client, f"cat {self.report}"))

    def assert_unbroken(self, at_most=0):
        """Stop, and insist that no segment was lost, but for so many. On a busy machine some are late, by little."""
        report = self.stop()
        assert report["echoed"] > 100, report
        assert report["alive"], report
        assert report["lost"] <= at_most, report
        assert report["longest_gap"] < 1, report

    def assert_cut(self):
        """Stop, and insist that the stream once flowed and does not any more."""
        report = self.stop()
        assert report["echoed"] > 10, report
        assert not report["alive"], report
