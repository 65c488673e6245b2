# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a plan as plain processes, where no systemd is: in the sandbox."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path


class Processes:
    """Runs items of netns_service's `config` until stop()."""

    def __init__(self):
        self.running, self._errors = {}, {}

    def start(self, items):
        """Write the files of services and start their programs."""
        for item in items:
            write(item)
            inside = ["ip", "netns", "exec", item["namespace"]] if "namespace" in item else []
            errors = self._errors[item["name"]] = os.memfd_create("errors")  # a pipe that is full would stop it
            self.running[item["name"]] = subprocess.Popen(
                [*inside, "setpriv", "--pdeathsig", "TERM", *item["command"]],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
            )  # fmt: skip

    def reload(self, item):
        """Write the files of a running service again and send its signal."""
        write(item)
        self.running[item["name"]].send_signal(signal.Signals[f"SIG{item['reload_signal']}"])

    def end(self, name):
        """End one process, and insist that it had not failed before. Its children end with it, as under systemd."""
        process = self.running.pop(name)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            process.wait(timeout=10)
        with os.fdopen(self._errors.pop(name), "rb") as errors:
            errors.seek(0)
            assert process.returncode in (0, 143, -signal.SIGTERM), f"{name}: {errors.read().decode()}"

    def stop(self):
        """End all processes."""
        for name in list(self.running):
            self.end(name)


def write(item):
    """The directories and files of a service."""
    for directory in item.get("directories", []):
        os.makedirs(directory["path"], exist_ok=True)
        _rights(directory)
    for file in item["files"]:
        path = Path(file["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (file.get("create_only") and path.exists()):
            path.write_text(file["content"])
        _rights(file)


def _rights(item):
    os.chmod(item["path"], int(item.get("mode", "0755"), 8))
    shutil.chown(item["path"], item.get("owner", "root"), item.get("group", "root"))
