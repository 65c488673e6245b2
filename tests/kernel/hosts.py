# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts in one kernel, each with a network stack and an Open vSwitch of its own, wired like real ones.

A host is a child process that has left for namespaces of its own; it does what it is told through a pipe.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
import subprocess
import sys

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.converge import converge_plan
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.sections import Settings
from tests import sandbox, traffic
from tests.sandbox import run

_fork = multiprocessing.get_context("fork")  # what is imported here need not be imported again
_running = {}


class Host:
    """A host that ends with this process."""

    def __init__(self):
        self._pipe, theirs = _fork.Pipe()
        self._process = _fork.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self.pid = self._process.pid
        self.do(_ready)

    def do(self, what, *arguments):
        """Call a function of a module there; its result. RuntimeError if it raises."""
        self._pipe.send((what, arguments))
        worked, result = self._pipe.recv()
        if not worked:
            raise RuntimeError(result)
        return result

    def end(self):
        self._process.kill()
        self._process.join()


def _ready():
    return True


def _serve(pipe):
    sandbox.enter()
    while True:
        what, arguments = pipe.recv()
        try:
            pipe.send((True, what(*arguments)))
        except Exception as error:  # whatever it is, the test is told
            said = getattr(error, "stderr", None)
            pipe.send((False, f"{type(error).__name__}: {error} {said or ''}"))


def cable(bridge, host, device, address=None):
    """Plug a network card of the host into a switch of this process."""
    far = f"{bridge}-{host.pid}"
    run("ip", "link", "add", far, "type", "veth", "peer", "name", device, "netns", str(host.pid))
    run("ip", "link", "set", far, "master", bridge, "up")
    host.do(run, "ip", "link", "set", device, "up")
    if address:
        host.do(run, "ip", "address", "add", address, "dev", device)


def converge(plan, check=False):
    """[objects] that a run changes, or would; without the services, which need a systemd."""
    settings = Settings(owner=plan["owner"], purge=True)
    made = converge_plan({**plan, "services": []}, settings, check_mode=check)
    return [f"{change.action} {change.object}" for _section, outcome in made for change in outcome.changes]


def ping(name, namespace, address):
    """Ask fifty times a second, until stopped."""
    _running[name] = subprocess.Popen(
        ["ip", "netns", "exec", namespace, "ping", "-n", "-i", "0.02", address],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def pinged(name):
    """Stop; (answers, questions before the last answer that have none)."""
    output = _stop(name, signal.SIGINT)
    answered = {int(number) for number in re.findall(r"bytes from .* icmp_seq=(\d+)", output)}
    assert "DUP!" not in output, output
    return len(answered), max(answered, default=0) - len(answered)


def serve(name, namespace, port):
    """Echo lines, for at most five minutes."""
    _running[name] = _python(namespace, "serve", str(port), "300")
    assert _running[name].stdout.readline() == "serving\n"


def stream(name, namespace, address, port):
    """A TCP stream of a hundred lines a second, until stopped."""
    _running[name] = _python(namespace, "stream", address, str(port), f"/run/netns/{name}.json")


def streamed(name):
    """Stop; what the stream reports (see tests/traffic.py)."""
    _stop(name, signal.SIGTERM)
    with open(f"/run/netns/{name}.json") as report:
        return json.load(report)


def _python(namespace, *arguments):
    return subprocess.Popen(
        ["ip", "netns", "exec", namespace, sys.executable, traffic.__file__, *arguments],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _stop(name, how):
    process = _running.pop(name)
    process.send_signal(how)
    return process.communicate(timeout=30)[0]
