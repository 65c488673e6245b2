# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a module in this process, and kills the process while the module changes the host.

python -m tests.killing HOW WHEN MODULE: from the moment at which it has the lock of a host's runs on
    boundary N    SIGKILL before the Nth call that leaves Python for the kernel or for another program
    moment S      SIGKILL after S seconds, wherever it is
    never FILE    let it end, and write {"boundary": calls that there were, "moment": seconds} to FILE
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import sys
import threading
import time

#: What leaves Python: netlink and OVSDB, files, programs, namespaces (all other calls of ctypes are quick).
CALLS = {"send", "sendall", "open", "write", "mkdir", "rename", "replace", "unlink", "fork_exec", "fork", "fchmod",
         "fchown", "utime", "setns", "unshare", "close", "flock", "symlink", "kill"}


class Life:
    """What has happened since the process got the lock."""

    def __init__(self, how, when):
        self._how, self._when = how, when
        self.calls, self.started = 0, None

    def audit(self, event, _arguments):
        """The lock is the first thing that is locked."""
        if event == "fcntl.flock" and self.started is None:
            self.started = time.monotonic()
            threading.setprofile(self.profile)
            sys.setprofile(self.profile)
            if self._how == "moment":
                threading.Thread(target=self._die_later, daemon=True).start()

    def _die_later(self):
        sys.setprofile(None)
        time.sleep(float(self._when))
        _die()

    def profile(self, _frame, event, function):
        if event == "c_call" and function.__name__ in CALLS:
            self.calls += 1
            if self._how == "boundary" and self.calls >= float(self._when):
                _die()

    def report(self):
        sys.setprofile(None)
        with open(self._when, "w") as out:
            json.dump({"boundary": self.calls, "moment": time.monotonic() - self.started}, out)


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def main():
    how, when, module = sys.argv[1:]
    del sys.argv[1:]  # a module takes an argument for a file with its options
    life = Life(how, when)
    sys.addaudithook(life.audit)
    if how == "never":
        atexit.register(life.report)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
