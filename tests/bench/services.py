# SPDX-License-Identifier: GPL-3.0-or-later
"""Many dnsmasq on one host: by a plain shell loop, and by netns_service. On a lab's host, for it takes a systemd."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.remote import ROOT, Remote, dhcp_services, memory_of

LAB, HOST = "bench", "network1"
OWNER = "bench"


@contextlib.contextmanager
def host():
    """The modules on a host of a lab that lives as long as this context."""
    _play("lab_up.yml")
    try:
        yield Remote(f"{LAB}-{HOST}")
    finally:
        _play("lab_down.yml")


def _play(playbook):
    command = [
        Path(sys.executable).with_name("ansible-playbook"),
        *("--inventory", ROOT / "molecule/services/inventory", "--extra-vars", f"lab_name={LAB}"),
        ROOT / "playbooks" / playbook,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])


def many_services(count, repetitions):
    """That many networks with DHCP, each from nothing: by a loop, by netns_service, and by that once more.

    Seconds; memory: MB per network, of the process and of systemd's part. Medians of the repetitions, but for
    systemd, which keeps the memory that it once had: there the first counts.
    """
    wanted = dhcp_services(count)
    with host() as remote:
        remote.run("netns", owner=OWNER, config=[{"name": service["namespace"]} for service in wanted])
        rounds = [_round(remote, wanted) for _ in range(repetitions)]
    medians = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    return {"services": count, **medians, "systemd": rounds[0]["systemd"]}


def _round(remote, wanted):
    remote.sh(f"cat >/tmp/loop.sh <<'END'\n{loop(wanted)}END")
    seconds = float(remote.sh("TIMEFORMAT=%R; { time bash -e /tmp/loop.sh; } 2>&1"))
    pids = remote.sh("cat /run/loop-*.pid").split()
    by_loop = memory_of(remote, pids) / len(wanted)
    remote.sh(f"kill {' '.join(pids)}; rm -rf /var/lib/neutron")

    before = _systemd(remote)
    create, again = _run(remote, wanted), _run(remote, wanted)
    assert create["changed"]
    assert not again["changed"]
    found = remote.run("netns_service_info")["services"]
    ours = memory_of(remote, [service["pid"] for service in found]) / len(wanted)
    shared = (_systemd(remote) - before) / len(wanted)
    gone = _run(remote, [])
    return {
        "loop": seconds,
        "loop_memory": by_loop,
        "create": create["engine_seconds"],
        "process": create["process"],
        "again": again["engine_seconds"],
        "gone": gone["engine_seconds"],
        "memory": ours,
        "systemd": shared,
    }


def _run(remote, wanted):
    started = time.monotonic()
    result = remote.run("netns_service", owner=OWNER, purge=True, config=wanted)
    return {**result, "process": time.monotonic() - started}


def _systemd(remote):
    return memory_of(remote, [1])


def loop(wanted):
    """The script that a hand would write: files, and the daemons one after the other, in the background."""
    lines = []
    for service in wanted:
        home = service["directories"][0]["path"]
        lines.append(f"mkdir -p {home}")
        lines += [f"printf '{file['content']}' >{file['path']}" for file in service["files"]]
        drop = ("--keep-in-foreground", "--pid-file=")
        words = [word for word in service["command"] if word not in drop]
        words.append(f"--pid-file=/run/loop-{service['name']}.pid")
        lines.append(f"ip netns exec {service['namespace']} {' '.join(words)}")
    return "\n".join(lines) + "\n"
