# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run inside a lab's host without a playbook: hundreds of runs in a test, and runs that are killed.

The collection and what of Ansible a module imports are copied there once.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

import ansible

from tests.sandbox import ModuleFailed

ROOT = Path(__file__).resolve().parent.parent
HOME = "/opt/modules"
COLLECTION = "ansible_collections/cloudnet/dataplane"


class Remote:
    """The modules inside one container."""

    def __init__(self, container):
        self.container = container
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            with tarfile.open(archive.name, "w") as tar:
                base = Path(ansible.__file__).parent
                for name in ("__init__.py", "_vendor", "release.py", "module_utils"):
                    tar.add(base / name, f"ansible/{name}")
                for name in ("modules", "module_utils", "plugin_utils"):
                    tar.add(ROOT / "plugins" / name, f"{COLLECTION}/plugins/{name}")
            self._podman("exec", container, "rm", "-rf", HOME)
            self._podman("exec", container, "mkdir", "-p", HOME)
            self._podman("exec", "-i", container, "tar", "-xf", "-", "-C", HOME, input=Path(archive.name).read_bytes())

    def run(self, name, /, check=False, killed_after=None, **options):
        """A module's result. killed_after: seconds after which it gets SIGKILL; None is returned if it was hit.

        Raises ModuleFailed.
        """
        arguments = {"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": check, "_ansible_diff": True, **options}}
        killer = ["timeout", "--signal=KILL", str(killed_after)] if killed_after else []
        done = subprocess.run(
            [
                *("podman", "exec", "-i", "--env", f"PYTHONPATH={HOME}", "--env", "LC_ALL=C.UTF-8", self.container),
                *killer,
                *("python3", "-m", f"{COLLECTION.replace('/', '.')}.plugins.modules.{name}"),
            ],
            input=json.dumps(arguments),
            capture_output=True,
            text=True,
            check=False,
        )
        if killed_after and done.returncode == 137:
            return None
        try:
            result = json.loads(done.stdout)
        except ValueError as error:
            raise AssertionError(f"{name} printed no JSON: {done.stdout!r} {done.stderr}") from error
        if result.get("failed"):
            raise ModuleFailed(result)
        return result

    def sh(self, command):
        """Output of a shell command that must succeed."""
        done = subprocess.run(
            ["podman", "exec", self.container, "bash", "-c", command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    @staticmethod
    def _podman(*arguments, **options):
        subprocess.run(["podman", *arguments], check=True, capture_output=True, **options)


def dhcp_services(count):
    """Items of netns_service: that many dnsmasq with their files, each for a namespace qdhcp-many-N."""

    def item(number):
        home = f"/var/lib/neutron/dhcp/many-{number}"
        return {
            "name": f"dnsmasq-many-{number}",
            "namespace": f"qdhcp-many-{number}",
            "command": [
                "/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--pid-file=",
                "--dhcp-range=10.0.0.0,static,255.255.255.0,86400s", f"--dhcp-hostsfile={home}/host",
                f"--dhcp-leasefile={home}/leases",
            ],
            "reload_signal": "HUP",
            "directories": [{"path": home}],
            "files": [
                {"path": f"{home}/host", "content": "fa:16:3e:00:00:11,host-10-0-0-3,10.0.0.3\n", "change": "reload"},
                {"path": f"{home}/leases", "content": "", "create_only": True},
            ],
        }  # fmt: skip

    return [item(number) for number in range(count)]


def memory(remote, services):
    """MB that the processes of services have, what they share counted once."""
    found = remote.run("netns_service_info", name=services)["services"]
    return memory_of(remote, [service["pid"] for service in found])


def memory_of(remote, pids):
    """MB that processes have, what they share counted once."""
    files = " ".join(f"/proc/{pid}/smaps_rollup" for pid in pids)
    return int(remote.sh(f"cat {files} | awk '/^Pss:/ {{sum += $2}} END {{print sum}}'")) / 1024
