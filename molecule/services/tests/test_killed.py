# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that gets SIGKILL at a random moment is finished by the next: the process knows what the files say."""

from __future__ import annotations

import random

from tests.sandbox import eventually

RUNS = 40
HOME = "/var/lib/neutron/witness/a"

#: A daemon that tells what it has read: "first" when it starts, "again" also when it gets SIGHUP, and its argument.
WITNESS = f"""
import pathlib, signal, sys
def read(*_):
    told["again"] = pathlib.Path("{HOME}/again").read_text()
    pathlib.Path("/run/witness").write_text(sys.argv[1] + told["first"] + told["again"])
told = {{"first": pathlib.Path("{HOME}/first").read_text()}}
signal.signal(signal.SIGHUP, read)
read()
while True:
    signal.pause()
"""


def witness(argument, first, again):
    return {
        "name": "witness",
        "namespace": "qdhcp-a",
        "command": ["/usr/bin/python3", "-c", WITNESS, argument],
        "reload_signal": "HUP",
        "directories": [{"path": HOME}],
        "files": [
            {"path": f"{HOME}/first", "content": first},
            {"path": f"{HOME}/again", "content": again, "change": "reload"},
        ],
    }


def test_killed_runs_are_finished_by_the_next(site):
    moments = random.Random(4711)
    hit, common = 0, site.wanted
    for run in range(RUNS):
        texts = [moments.choice("ab"), moments.choice("cd"), moments.choice("ef")]
        site.wanted = [*common, witness(*texts)] if moments.random() < 0.9 else common
        if moments.random() < 0.3:  # it may die meanwhile, and start again from what is there
            dies = f"sleep {moments.uniform(0.1, 1.0)}; systemctl kill -s KILL cloudnet-witness; rm /run/dying.{run}"
            site.sh(f"touch /run/dying.{run}; ({dies}) >/dev/null 2>&1 &")
        hit += site.run(purge=True, killed_after=round(moments.uniform(0.1, 1.5), 2)) is None
        if moments.random() < 0.5:
            continue
        site.wanted = [*common, witness(*texts)]
        eventually(lambda: site.sh("find /run -maxdepth 1 -name 'dying.*'") == "")  # what follows is not disturbed
        site.run(purge=True)
        eventually(lambda texts=texts: site.sh("cat /run/witness") == "".join(texts))
        assert site.run(purge=True)["changes"] == []
    assert hit > RUNS / 4, "enough runs were killed"
    site.wanted = common
    site.run(purge=True)
    assert site.sh("find /etc/systemd/system /var/lib/neutron -name '*witness*' -o -name '.*.cloudnet'") == HOME[:-2]
    assert site.sh(f"ls -A {HOME[:-2]}") == ""
