# SPDX-License-Identifier: GPL-3.0-or-later
"""drift.yml over many hosts, on this machine: seconds, and the memory that the control node needs.

A host is a process that has left the machine's network and mount namespaces, with an Open vSwitch of its own; Ansible
enters it over the local connection. So Ansible, the playbook, the modules and what they read are real. Missing are SSH,
a systemd of each host (a script answers for it that Open vSwitch runs), and the hosts' own processors: this machine's
do the work of all.

As a program it is such a host: python -m tests.bench.many_hosts.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests import sandbox
from tests.bench import planning, playbook

#: What a host says of its units.
SYSTEMCTL = """#!/bin/sh
[ "$1" = show ] || exit 0
for unit; do
    case "$unit" in
        openvswitch-switch) found="loaded active enabled" ;;
        *.*) found="not-found inactive disabled" ;;
        *) continue ;;
    esac
    printf 'Id=%s\\nLoadState=%s\\nActiveState=%s\\nUnitFileState=%s\\nNeedDaemonReload=no\\n\\n' "$unit" $found
done
"""

ROOT = Path(__file__).resolve().parents[2]
FORKS = (5, 20)


def of_hosts(count, say):
    """A site of ten instances per host: found virgin, then clean with so many forks. A list of rows."""
    variables = planning.site(count, 10 * count, count)
    return _measure(variables, planning.hosts_of(count), FORKS, say)


def of_routers(count, say):
    """A network node with that many routers: found virgin, then clean. A list of rows."""
    variables = planning.site(count, 0, 1)
    variables["dataplane_routers"] = [
        {"name": f"router{n}", "external_gateway_info": {"network": "ext"}, "interfaces": [{"subnet": f"subnet{n}"}]}
        for n in range(count)
    ]
    return _measure(variables, planning.hosts_of(1), FORKS[:1], say)


def _measure(variables, hosts, forks, say):
    for network in variables["dataplane_networks"]:
        for subnet in network["subnets"]:
            subnet["enable_dhcp"] = False  # its dnsmasq would take a systemd
    size = {"hosts": len(hosts), "routers": len(variables["dataplane_routers"])}
    with tempfile.TemporaryDirectory() as home, _started(hosts) as inside:
        site = _Site(Path(home), variables, hosts, inside)
        say(f"drift.yml on {len(hosts)} virgin host(s)")
        rows = [{**size, "built": False, **site.drift(forks[-1], clean=False)}]
        say("build them")
        site.build(forks[-1])
        for number in forks:
            say(f"drift.yml with {number} forks")
            rows.append({**size, "built": True, **site.drift(number, clean=True)})
    return rows


@contextlib.contextmanager
def _started(names):
    """{name: process id} of hosts that live as long as this context."""
    with contextlib.ExitStack() as stack:
        started = {}
        for name in names:
            process = stack.enter_context(subprocess.Popen(
                [sys.executable, "-m", __spec__.name], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            stack.callback(process.stdin.close)
            started[name] = process
        for process in started.values():
            assert process.stdout.readline() == b"ready\n"
        yield {name: process.pid for name, process in started.items()}


class _Site:
    """An inventory of these hosts, and plays on it."""

    def __init__(self, home, variables, hosts, inside):
        self.home, self.reports = home, home / "reports"
        variables = {**variables, "dataplane_datapath_type": "netdev", "dataplane_restore": False,
                     "ansible_connection": "local"}
        groups = {"network": {"hosts": {}}, "compute": {"hosts": {}}}
        for name, host in hosts.items():
            own = {key: value for key, value in host.items() if key != "groups"}
            own["ansible_python_interpreter"] = str(_python_of(home / name, inside[name]))
            for group in host["groups"]:
                groups[group]["hosts"][name] = own
        (home / "inventory").mkdir()
        (home / "inventory" / "hosts.yml").write_text(json.dumps({"all": {"children": groups, "vars": variables}}))
        (home / "build.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [
            {"ansible.builtin.import_role": {"name": "cloudnet.dataplane.controller"}},
            playbook.task("cloudnet.dataplane.host_dataplane", packed="{{ dataplane_plan.whole }}", purge=True),
        ]}]))

    def build(self, forks):
        _run(self._command(forks, self.home / "build.yml"), self.home, 0)

    def drift(self, forks, clean):
        """{"forks", "seconds", "cpu", "memory" (MB), "changes"} of drift.yml."""
        reported = ("--extra-vars", f"drift_report_dir={self.reports}")
        status = 0 if clean else 2
        figures = _run(self._command(forks, ROOT / "playbooks" / "drift.yml", *reported), self.home, status)
        totals = json.loads((self.reports / "drift.json").read_text())["totals"]
        return {"forks": forks, **figures, "changes": totals["changes"]}

    def _command(self, forks, path, *arguments):
        return [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", str(self.home / "inventory"),
                "--forks", str(forks), *arguments, str(path)]


def _python_of(directory, pid):
    """A Python that is inside that host."""
    directory.mkdir()
    path = directory / "python3"
    path.write_text(f'#!/bin/sh\nexec nsenter --target {pid} --net --mount /usr/bin/python3 "$@"\n')
    path.chmod(0o755)
    return path


def _run(command, home, status):
    """{"seconds", "cpu", "memory"} of a play that has to end with that status."""
    before, started = _cpu(), time.monotonic()
    with open(home / "output", "w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=home, stdout=output, stderr=output,
                                   env={**playbook.environment(home), "ANSIBLE_PIPELINING": "True"})
        with _Memory(process.pid) as memory:
            ended = process.wait(timeout=1200)
        if ended != status:
            output.seek(0)
            raise RuntimeError(output.read()[-3000:])
    return {"seconds": time.monotonic() - started, "cpu": _cpu() - before, "memory": memory.peak}


def _cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Memory:
    """The highest memory of ansible-playbook and its forks together, in MB; what they share counts once."""

    def __init__(self, pid):
        self.peak, self._pid, self._done = 0, pid, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._done.set()
        self._thread.join()

    def _watch(self):
        while not self._done.wait(0.5):
            self.peak = max(self.peak, sum(map(_megabytes, [self._pid, *_forks(self._pid)])))


def _forks(pid):
    """ansible-playbook's workers, without what they have started."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [child for child in children if b"ansible-playbook" in _read(f"/proc/{child}/cmdline")]
    return []


def _megabytes(pid):
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(b"Pss:")), 0)


def _read(path):
    with contextlib.suppress(OSError):
        return Path(path).read_bytes()
    return b""


def _be_a_host():
    """Until whoever started this ends it."""
    sandbox.enter()
    script = Path("/run/openvswitch/systemctl")  # its own, as all of that directory
    script.write_text(SYSTEMCTL)
    script.chmod(0o755)
    sandbox.run("mount", "--bind", script, "/usr/bin/systemctl")
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _be_a_host()
