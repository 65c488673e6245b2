# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host: killer.py LOCK NUMBER SECONDS kills the NUMBERth process that has the lock, SECONDS after it got it.

If it has ended by then, the next one dies at once. Gives up after five minutes.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def holder(inode):
    """The process that has the lock on a file, or None."""
    with open("/proc/locks") as table:
        for line in table:
            fields = line.split()
            if "->" not in fields and fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
                return int(fields[4])
    return None


def main():
    lock, number, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    inode, seen, deadline = os.stat(lock).st_ino, [], time.monotonic() + 300
    while time.monotonic() < deadline:
        found = holder(inode)
        if found and found not in seen:
            seen.append(found)
            if len(seen) >= number:
                time.sleep(seconds)
                if holder(inode) == found:
                    os.kill(found, signal.SIGKILL)
                    print(f"killed process {len(seen)} that had the lock, after {seconds:.3f} s", flush=True)
                    return
                seconds = 0
        time.sleep(0.001)


if __name__ == "__main__":
    main()
