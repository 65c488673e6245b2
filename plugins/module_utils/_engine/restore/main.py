# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that the units run: `engine.pyz restore|reconcile`. PRIVATE to the collection."""

from __future__ import annotations

import os
import sys

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths, report, store
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.run import RECONCILE, RESTORE, run


def main(arguments):
    """The exit status: 1 if a plan could not be brought about."""
    (verb,) = arguments
    if verb not in (RESTORE, RECONCILE):
        raise SystemExit(f"usage: engine.pyz {RESTORE}|{RECONCILE}")
    results = [run(owner, verb) for owner in store.owners()]
    for result in results:
        _tell(report.journal(result))
        directory = store.textfile_directory(paths.home(result.owner))
        if directory and not result.skipped:
            _write_metrics(result, directory)
    return int(any(result.error for result in results))


def _tell(lines):
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def _write_metrics(result, directory):
    """A full disk, or a directory that is none, takes nothing from the data plane."""
    try:
        report.write_metrics(result, directory)
    except OSError as error:
        _tell([f"{report.WARNING}{result.owner}: no metrics: {error.filename}: {os.strerror(error.errno)}"])
