# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as `python -m` does and leaves its peak memory behind: python -m tests.bench.measured MODULE.

The kernel counts a child's peak from the fork of its parent on; only the process itself can read its own.
"""

from __future__ import annotations

import os
import re
import runpy
import sys
from pathlib import Path

PEAK_FILE = "DATAPLANE_BENCH_PEAK"

if __name__ == "__main__":
    del sys.argv[0]  # a module takes an argument for a file with its options
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        kilobytes = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]
        Path(os.environ[PEAK_FILE]).write_text(kilobytes)
